import type { RuntimeConfig } from "../../spec/index.ts";
import { configFault, shown } from "./check.ts";
import { checkUserNamespace } from "./id-mappings.ts";
import { netDevices } from "./net-devices.ts";
import { checkTimeOffsets } from "./time-offsets.ts";

/** What the shape of single values cannot say: rules between fields. */
export function checkRules(config: RuntimeConfig): void {
  if (config.process === undefined) throw configFault("/process", "is missing");
  if (config.root === undefined) throw configFault("/root", "is missing");
  const args = config.process.args ?? [];
  if (args.length === 0) throw configFault("/process/args", "must name a program to run");
  if (args[0] === "") throw configFault("/process/args/0", "must name a program to run");
  checkNamespaces(config);
  checkUserNamespace(config);
  checkTimeOffsets(config);
  checkMounts(config);
  checkDevices(config);
  netDevices(config);
}

function checkNamespaces({ linux, hostname, domainname }: RuntimeConfig): void {
  const seen = new Set<string>();
  for (const [index, { type, path }] of (linux?.namespaces ?? []).entries()) {
    const at = `/linux/namespaces/${index}`;
    if (seen.has(type)) throw configFault(at, `lists the ${type} namespace a second time`);
    seen.add(type);
    if (path !== undefined && path !== "" && !path.startsWith("/")) {
      throw configFault(`${at}/path`, `must be an absolute path, not ${shown(path)}`);
    }
  }
  for (const [name, value] of [
    ["hostname", hostname],
    ["domainname", domainname],
  ] as const) {
    if (value === undefined || value === "") continue;
    if (!seen.has("uts")) {
      throw configFault(
        `/${name}`,
        "needs a uts namespace in /linux/namespaces",
        "else it would rename the host",
      );
    }
    if (value.length > 64) throw configFault(`/${name}`, "is longer than 64 characters");
  }
}

function checkMounts({ mounts }: RuntimeConfig): void {
  for (const [index, mount] of (mounts ?? []).entries()) {
    const at = `/mounts/${index}`;
    const names = mount.destination.split("/");
    if (names.includes("..")) {
      throw configFault(`${at}/destination`, `must not hold "..": ${shown(mount.destination)}`);
    }
    if (names.every((name) => name === "" || name === ".")) {
      throw configFault(`${at}/destination`, "must not be the root itself");
    }
  }
}

function checkDevices({ linux }: RuntimeConfig): void {
  const seen = new Map<string, string>();
  for (const [index, device] of (linux?.devices ?? []).entries()) {
    const at = `/linux/devices/${index}`;
    if (device.path.split("/").includes("..") || device.path.endsWith("/")) {
      throw configFault(`${at}/path`, `must name a file without "..": ${shown(device.path)}`);
    }
    if (device.type !== "p" && (device.major === undefined || device.minor === undefined)) {
      throw configFault(at, "needs major and minor numbers");
    }
    const what = `${device.type}${device.major}:${device.minor}`;
    const before = seen.get(device.path);
    if (before !== undefined && before !== what)
      throw configFault(at, `lists ${shown(device.path)} a second time`);
    seen.set(device.path, what);
  }
}
