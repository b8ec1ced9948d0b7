import { posix } from "node:path";
import { ancestry, type CgroupPlan, groupOf } from "../cgroup/layout.ts";
import type { CgroupLimits } from "../cgroup/limit-write.ts";
import type { SectionBuilder } from "./builder.ts";
import * as k from "./constants.ts";
import type { Register } from "./operation.ts";

const AT = "/linux/cgroupsPath";

/** Makes the container's control groups of one version, and gives them their limits. */
export function makeCgroups(h: SectionBuilder, plan: CgroupPlan, version: 1 | 2, limits: CgroupLimits): void {
  const limited = (plan.mode === "unified") === (version === 2);
  h.at(AT, () => {
    for (const group of plan.groups) {
      if (group.hierarchy.version !== version) continue;
      const own = posix.join(group.hierarchy.mountpoint, group.hierarchy.own);
      for (const path of ancestry(group)) {
        if (path === own || own.startsWith(`${path}/`)) continue;
        h.add("makeDirectory", { dir: null, path, mode: 0o755 });
      }
    }
    const cpuset = version === 1 ? groupOf(plan, "cpuset") : undefined;
    // A v1 cpuset starts empty, and no process can enter one without CPUs and memory nodes.
    if (cpuset !== undefined) h.add("inheritCpuset", { top: cpuset.hierarchy.mountpoint, path: cpuset.path });
    if (plan.mode === "unified") enableControllers(h, plan);
  });
  for (const { file, data, at, ignore, preferred } of limited ? limits.writes : []) {
    h.at(at, () => {
      if (preferred !== undefined) {
        h.add("writeFirst", { paths: [preferred.file, file], data: [preferred.data, data] });
      } else h.add("write", { dir: null, path: file, data, flags: k.O_WRONLY, ignore });
    });
  }
}

/** On v2 a group has the controllers that its parent hands down. All are: without them there are no statistics. */
function enableControllers(h: SectionBuilder, { groups }: CgroupPlan): void {
  for (const group of groups) {
    for (const path of [group.hierarchy.mountpoint, ...ancestry(group).slice(0, -1)]) {
      h.add("enableControllers", { path });
    }
  }
}

/** Moves the child into control groups of v1. */
export function joinCgroups(h: SectionBuilder, paths: readonly string[]): void {
  h.at(AT, () => {
    for (const group of paths) {
      const path = `${group}/cgroup.procs`;
      const fd = h.take(path);
      h.add("open", { out: fd, dir: null, path, flags: k.O_WRONLY, mode: 0 });
      h.add("joinCgroup", { fd });
      h.close(fd);
    }
  });
}

/**
 * Moves the container's own process into control groups of v1.
 *
 * A single thread that moves itself, through `tasks`, spares the kernel the lock over all processes that
 * `cgroup.procs` takes, whose first taker waits for an RCU grace period: ten milliseconds, more than all the rest.
 */
export function enterCgroups(c: SectionBuilder, paths: readonly string[]): void {
  c.at(AT, () => {
    for (const group of paths) {
      c.add("write", { dir: null, path: `${group}/tasks`, data: "0", flags: k.O_WRONLY, ignore: 0 });
    }
  });
}

/** Groups that the container's process enters by itself; a group of v2 it is born in. */
export function groupsToJoin({ groups }: CgroupPlan): string[] {
  return groups.filter(({ hierarchy }) => hierarchy.version === 1).map(({ path }) => path);
}

/** Opens the group that a child is cloned into. */
export function openGroup(h: SectionBuilder, path: string): Register {
  const group = h.take(path);
  h.at(AT, () => h.add("open", { out: group, dir: null, path, flags: k.O_PATH | k.O_DIRECTORY, mode: 0 }));
  return group;
}

/** Gives the group of v2 that is open in `cgroup` its device filter. */
export function filterDevices(h: SectionBuilder, cgroup: Register, { deviceFilter }: CgroupLimits): void {
  if (deviceFilter === undefined) return;
  h.at("/linux/resources/devices", () =>
    h.add("attachDeviceFilter", { cgroup, program: deviceFilter, replace: 0 }),
  );
}
