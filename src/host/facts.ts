import { readFileSync } from "node:fs";
import { type CgroupFacts, readCgroupFacts } from "./cgroup-facts.ts";
import { type Kernel, readKernel } from "./kernel.ts";
import { type MountEntry, parseMountTable } from "./mount-table.ts";

/** What a launch plan depends on beside the configuration. */
export interface HostFacts {
  readonly kernel: Kernel;
  readonly uid: number;
  readonly gid: number;
  /** Bit masks of capability numbers that this process may use and may hand on. */
  readonly capabilities: { readonly permitted: number; readonly bounding: number };
  /** The highest capability number that the kernel knows; undefined where it does not tell. */
  readonly lastCapability: number | undefined;
  readonly mounts: readonly MountEntry[];
  readonly cgroups: CgroupFacts;
}

/** Reads what the kernel tells about this process and its machine: four small files. */
export function readHostFacts(): HostFacts {
  const mounts = parseMountTable(readFileSync("/proc/self/mountinfo", "utf8"));
  const status = readFileSync("/proc/self/status", "latin1");
  const ids = (name: string) => Number(new RegExp(`^${name}:\\s*\\d+\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0);
  const mask = (name: string) =>
    Number.parseInt(new RegExp(`^${name}:\\s*([0-9a-f]+)`, "m").exec(status)?.[1] ?? "0", 16);
  return {
    kernel: readKernel(),
    uid: ids("Uid"),
    gid: ids("Gid"),
    capabilities: { permitted: mask("CapPrm"), bounding: mask("CapBnd") },
    lastCapability: readLastCapability(),
    mounts,
    cgroups: readCgroupFacts(readFileSync("/proc/self/cgroup", "utf8"), mounts),
  };
}

function readLastCapability(): number | undefined {
  try {
    return Number(readFileSync("/proc/sys/kernel/cap_last_cap", "latin1"));
  } catch {
    return undefined; // a /proc without sys: the permitted mask alone decides
  }
}

let known: HostFacts | undefined;

/** {@link readHostFacts}, once for each process: for commands that end soon. A daemon reads anew. */
export function hostFacts(): HostFacts {
  known ??= readHostFacts();
  return known;
}
