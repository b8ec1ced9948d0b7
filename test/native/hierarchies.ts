import assert from "node:assert/strict";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A cgroup2 tree of this machine, which has device programs and the freezer whatever controllers it has. */
export function unifiedTop(): string {
  const top = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"].find((at) => existsSync(join(at, "cgroup.procs")));
  assert.ok(top, "these tests take cgroup2, at /sys/fs/cgroup or at /sys/fs/cgroup/unified");
  return top;
}

/** True where the machine has hierarchies of version 1. */
export const hasV1 = existsSync("/sys/fs/cgroup/cpuset/cpuset.cpus");

/** The cpuset hierarchy of version 1, or plain files in `scratch` that stand for one. */
export function cpusetTop(scratch: string, below: readonly string[]): string {
  if (hasV1) return "/sys/fs/cgroup/cpuset";
  const top = join(scratch, "cpuset");
  for (const directory of ["", ...below]) {
    mkdirSync(join(top, directory), { recursive: true });
    for (const file of ["cpuset.cpus", "cpuset.mems"])
      writeFileSync(join(top, directory, file), directory === "" ? "0\n" : "\n");
  }
  return top;
}
