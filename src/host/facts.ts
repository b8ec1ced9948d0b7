import { readFileSync } from "node:fs";
import { type CgroupFacts, readCgroupFacts } from "./cgroup-facts.ts";
import { type Kernel, readKernel } from "./kernel.ts";
import { type MountEntry, parseMountTable } from "./mount-table.ts";
import { readSecurityModules, type SecurityModules } from "./security-modules.ts";
import { readUserNamespace, type UserNamespaceFacts } from "./user-namespace.ts";

/** What a launch plan depends on beside the configuration. */
export interface HostFacts {
  readonly kernel: Kernel;
  readonly uid: number;
  readonly gid: number;
  /** Bit masks of capability numbers that this process may use and may hand on. */
  readonly capabilities: { readonly permitted: number; readonly bounding: number };
  /** The user namespace that this process is in. */
  readonly userNamespace: UserNamespaceFacts;
  readonly cgroups: CgroupFacts;
  /** Asked for when a configuration has a label; absent: any label is taken, and the kernel judges. */
  readonly security?: SecurityModules;
  /** The mount table, parsed when it is first asked for. */
  readonly mounts: readonly MountEntry[];
}

/** Reads what the kernel tells about this process and its machine: three small files, and one when it is asked for. */
export function readHostFacts(): HostFacts {
  const table = readFileSync("/proc/self/mountinfo", "utf8");
  const status = readFileSync("/proc/self/status", "latin1");
  let kernel: Kernel | undefined;
  let mounts: readonly MountEntry[] | undefined;
  let security: SecurityModules | undefined;
  let userNamespace: UserNamespaceFacts | undefined;
  return {
    get kernel() {
      kernel ??= readKernel();
      return kernel;
    },
    uid: Number(statusField(status, "Uid").split("\t")[1]),
    gid: Number(statusField(status, "Gid").split("\t")[1]),
    capabilities: {
      permitted: Number.parseInt(statusField(status, "CapPrm"), 16),
      bounding: Number.parseInt(statusField(status, "CapBnd"), 16),
    },
    get userNamespace() {
      userNamespace ??= readUserNamespace();
      return userNamespace;
    },
    cgroups: readCgroupFacts(readFileSync("/proc/self/cgroup", "utf8"), parseMountTable(table, " - cgroup")),
    get security() {
      security ??= readSecurityModules();
      return security;
    },
    get mounts() {
      mounts ??= parseMountTable(table);
      return mounts;
    },
  };
}

/** The value of one line of /proc/PID/status, which are `Name:\tvalue`; where there are four, tabs lie between them. */
function statusField(status: string, name: string): string {
  const start = status.indexOf(`\n${name}:\t`);
  if (start < 0) return "0";
  const from = start + name.length + 3;
  return status.slice(from, status.indexOf("\n", from));
}

let known: HostFacts | undefined;

/** {@link readHostFacts}, once for each process: for commands that end soon. A daemon reads anew. */
export function hostFacts(): HostFacts {
  known ??= readHostFacts();
  return known;
}
