import type { RuntimeNamespace } from "../../spec/index.ts";
import { escapePointer } from "../../spec/index.ts";
import { configFault, shown } from "../config/check.ts";
import type { SectionBuilder } from "./builder.ts";
import * as k from "./constants.ts";
import type { LaunchInput } from "./launch-input.ts";
import { type Namespaces, owns } from "./namespaces.ts";

/** Kernel parameters that belong to the IPC namespace, beside everything below fs.mqueue. */
const IPC = new Set([
  "kernel.msgmax",
  "kernel.msgmnb",
  "kernel.msgmni",
  "kernel.sem",
  "kernel.shmall",
  "kernel.shmmax",
  "kernel.shmmni",
  "kernel.shm_rmid_forced",
]);

/** The path below /proc/sys of a parameter; with "/" as its first separator the name is that path already. */
export function sysctlPath(name: string): string {
  const separator = /[./]/.exec(name)?.[0];
  if (separator === "/") return name;
  return name.replaceAll(/[./]/g, (letter) => (letter === "." ? "/" : "."));
}

/** The namespace that a parameter belongs to; undefined for one of the whole machine. */
function namespaceOf(path: string): RuntimeNamespace["type"] | undefined {
  if (path.startsWith("net/")) return "network";
  if (path.startsWith("fs/mqueue/") || IPC.has(path.replaceAll("/", "."))) return "ipc";
  if (path === "kernel/domainname" || path === "kernel/hostname") return "uts";
  return undefined;
}

/**
 * Writes the kernel parameters through a procfs mounted for this purpose alone: the container's /proc may be covered
 * by anything (CVE-2025-52881). Only parameters of a namespace that the container has of its own are set: any other
 * would change the host (CVE-2022-0811).
 */
export function compileSysctls(c: SectionBuilder, input: LaunchInput, namespaces: Namespaces): void {
  const entries = Object.entries(input.config.linux?.sysctl ?? {});
  if (entries.length === 0) return;
  const writes = entries.map(([name, value]) => checkSysctl(name, value, input));
  const fs = owns(namespaces, "pid") ? c.take("new proc") : undefined;
  const proc = c.take("private procfs");
  c.at("/linux/sysctl", () => {
    if (fs === undefined) {
      // A user namespace mounts procfs for its own PID namespace only; the host's shows the same parameters.
      c.add("open", { out: proc, dir: null, path: "/proc", flags: k.O_PATH | k.O_DIRECTORY, mode: 0 });
      c.add("verify", { fd: proc, kind: k.VERIFY_PROCFS, major: 0, minor: 0 });
      return;
    }
    c.add("openFilesystem", { out: fs, type: "proc" });
    c.add("createMount", {
      out: proc,
      fs,
      attributes: k.MOUNT_ATTR_NOSUID | k.MOUNT_ATTR_NODEV | k.MOUNT_ATTR_NOEXEC,
    });
    c.release(fs);
  });
  for (const { path, value, at } of writes) {
    c.at(at, () =>
      c.add("write", {
        dir: proc,
        path: `sys/${path}`,
        data: value,
        flags: k.O_WRONLY | k.O_NOFOLLOW,
        ignore: 0,
      }),
    );
  }
  c.close(proc);
}

function checkSysctl(
  name: string,
  value: string,
  { config }: LaunchInput,
): { path: string; value: string; at: string } {
  const at = `/linux/sysctl/${escapePointer(name)}`;
  const path = sysctlPath(name);
  if (
    path.split("/").some((part) => part === "" || part === "." || part === "..") ||
    /[^\x21-\x7e]/.test(path)
  ) {
    throw configFault(at, "is no name of a kernel parameter");
  }
  if (/[\n\r]/.test(value) || value.startsWith("+"))
    throw configFault(at, `has a value that is refused: ${shown(value)}`);
  const type = namespaceOf(path);
  if (type === undefined) {
    throw configFault(at, "is not separate for each container: it would change the host");
  }
  if (!(config.linux?.namespaces ?? []).some((namespace) => namespace.type === type)) {
    throw configFault(at, `needs a ${type} namespace in /linux/namespaces: it would change the host`);
  }
  if (path === "kernel/hostname" && (config.hostname ?? "") !== "") {
    throw configFault(at, "contradicts /hostname: set only one of the two");
  }
  const { domainname = "" } = config;
  if (path === "kernel/domainname" && domainname !== "" && domainname !== value) {
    throw configFault(at, "contradicts /domainname: set only one of the two");
  }
  return { path, value, at };
}
