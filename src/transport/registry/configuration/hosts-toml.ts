import { readdir } from "node:fs/promises";
import { dirname, isAbsolute, join } from "node:path";
import type { JsonView } from "../../../spec/index.ts";
import { CortenError } from "../../../spec/index.ts";
import { readToml } from "./toml-file.ts";

const CAPABILITIES = ["pull", "resolve", "push"] as const;

/** What a host is good for: `resolve` is to say what a tag means. */
export type Capability = (typeof CAPABILITIES)[number];

/** A host that serves a registry's content, by a table of hosts.toml. */
export interface HostEntry {
  /** Its URL up to and with the part before the repository: `https://mirror.example/v2`. */
  readonly url: URL;
  /** Undefined where the file does not say. */
  readonly capabilities: readonly Capability[] | undefined;
  /** Files of authorities beside the system's. */
  readonly ca: readonly string[];
  /** Files of client certificates, each with its key; in one file where they are the same. */
  readonly client: readonly (readonly [certificate: string, key: string])[];
  readonly skipVerify: boolean;
  readonly headers: Readonly<Record<string, string>>;
}

/** The hosts of a registry: `hosts` first, in the file's order, then the registry itself. */
export interface HostsFile {
  readonly path: string;
  readonly hosts: readonly HostEntry[];
  readonly server: HostEntry;
}

/**
 * Reads `hosts.toml` for a registry host from the first directory that has one: `<host>/`, `<host>_<port>_/` or
 * `_default/` (containerd, docs/hosts.md).
 *
 * @throws failed-precondition or invalid-argument naming the file and the key at fault
 */
export async function readHosts(
  host: string,
  directories: readonly string[],
): Promise<HostsFile | undefined> {
  const names = [host.replace(/:([0-9]+)$/, "_$1_"), host, "_default"].filter(
    (name) => !name.startsWith("."),
  );
  for (const directory of directories) {
    if (!(await exists(directory))) continue;
    for (const name of new Set(names)) {
      const path = join(directory, name, "hosts.toml");
      const view = await readToml(path);
      if (view !== undefined) return readFile(view, path, host);
    }
  }
  return undefined;
}

async function exists(directory: string): Promise<boolean> {
  try {
    return (await readdir(directory)).length > 0;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return false;
    throw new CortenError("failed-precondition", `cannot read ${directory}: ${code}`, { cause });
  }
}

function readFile(view: JsonView, path: string, host: string): HostsFile {
  const named = view.field("server");
  const upstream = host === "docker.io" ? "registry-1.docker.io" : host;
  const server = readEntry(view, named.absent ? `https://${upstream}` : named.string(), named, path);
  const table = view.field("host");
  const hosts = table.absent
    ? []
    : Object.keys(table.object()).map((name) => readEntry(table.field(name), name, table.field(name), path));
  return { path, hosts, server };
}

function readEntry(view: JsonView, address: string, named: JsonView, path: string): HostEntry {
  const text = address.includes("://") ? address : `https://${address}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if ((url?.protocol !== "https:" && url?.protocol !== "http:") || url.username !== "" || url.search !== "") {
    throw named.fault(`is for ${JSON.stringify(address.slice(0, 100))}, which is no URL of a registry`);
  }
  const override = view.field("override_path");
  const base = url.pathname.replace(/\/+$/, "");
  url.pathname = !override.absent && override.boolean() ? base : base.endsWith("/v2") ? base : `${base}/v2`;
  const skip = view.field("skip_verify");
  const within = (file: string) => (isAbsolute(file) ? file : join(dirname(path), file));
  return {
    url,
    capabilities: readCapabilities(view.field("capabilities")),
    ca: oneOrMore(view.field("ca")).map(within),
    client: readClient(view.field("client")).map(([certificate, key]) => [within(certificate), within(key)]),
    skipVerify: !skip.absent && skip.boolean(),
    headers: readHeaders(view.field("header")),
  };
}

function readCapabilities(view: JsonView): readonly Capability[] | undefined {
  if (view.absent) return undefined;
  return view.items().map((item) => {
    const name = CAPABILITIES.find((known) => known === item.string());
    if (name === undefined) throw item.fault(`is not one of ${CAPABILITIES.join(", ")}`);
    return name;
  });
}

function oneOrMore(view: JsonView): readonly string[] {
  if (view.absent) return [];
  return typeof view.value === "string" ? [view.value] : view.strings();
}

/** `"file"`, `["file", …]`, or `[["certificate", "key"], …]`. */
function readClient(view: JsonView): readonly (readonly [string, string])[] {
  if (view.absent) return [];
  if (typeof view.value === "string") return [[view.value, view.value]];
  return view.items().map((item) => {
    if (typeof item.value === "string") return [item.value, item.value];
    const [certificate, key, ...more] = item.strings();
    if (certificate === undefined || more.length > 0) throw item.fault("is not a certificate and its key");
    return [certificate, key || certificate];
  });
}

function readHeaders(view: JsonView): Readonly<Record<string, string>> {
  if (view.absent) return {};
  return view.map((value) => {
    const text = oneOrMore(value).join(", ");
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(text)) throw value.fault("is no value of a header");
    return text;
  });
}
