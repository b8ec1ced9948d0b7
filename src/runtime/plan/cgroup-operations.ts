import { posix } from "node:path";
import { ancestry, type CgroupPlan, type ContainerCgroup, groupOf } from "../cgroup/layout.ts";
import type { CgroupLimits } from "../cgroup/limit-write.ts";
import { neededControllers } from "../cgroup/limits.ts";
import type { SectionBuilder } from "./builder.ts";
import * as k from "./constants.ts";
import type { Register } from "./operation.ts";

const AT = "/linux/cgroupsPath";

/** Makes the container's control groups, and gives them their limits. */
export function makeCgroups(h: SectionBuilder, plan: CgroupPlan, limits: CgroupLimits): void {
  h.at(AT, () => {
    for (const group of plan.groups) {
      const own = posix.join(group.hierarchy.mountpoint, group.hierarchy.own);
      for (const path of ancestry(group)) {
        if (path === own || own.startsWith(`${path}/`)) continue;
        h.add("makeDirectory", { dir: null, path, mode: 0o755 });
      }
    }
    const cpuset = groupOf(plan, "cpuset");
    // A v1 cpuset starts empty, and no process can enter one without CPUs and memory nodes.
    if (cpuset !== undefined) h.add("inheritCpuset", { top: cpuset.hierarchy.mountpoint, path: cpuset.path });
    if (plan.mode === "unified") enableControllers(h, plan, limits);
  });
  for (const { file, data, at, ignore } of limits.writes) {
    h.at(at, () => h.add("write", { dir: null, path: file, data, flags: k.O_WRONLY, ignore }));
  }
}

/** On v2 a group has the controllers that its parent hands down. */
function enableControllers(h: SectionBuilder, { groups }: CgroupPlan, limits: CgroupLimits): void {
  const controllers = neededControllers(limits);
  if (controllers.length === 0) return;
  const data = controllers.map((name) => `+${name}`).join(" ");
  for (const group of groups) {
    const parents = [group.hierarchy.mountpoint, ...ancestry(group).slice(0, -1)];
    for (const parent of parents) {
      // An ancestor with processes of its own answers EBUSY; where it has the controllers already, nothing is lost,
      // and where not, the limit's own write fails and names the setting.
      h.add("write", {
        dir: null,
        path: `${parent}/cgroup.subtree_control`,
        data,
        flags: k.O_WRONLY,
        ignore: k.EBUSY,
      });
    }
  }
}

/** Moves the child into its control groups. */
export function joinCgroups(h: SectionBuilder, groups: readonly ContainerCgroup[]): void {
  h.at(AT, () => {
    for (const { path } of groups) joinGroup(h, path);
  });
}

/** Moves the child into the group at `path`. */
export function joinGroup(h: SectionBuilder, path: string): void {
  const procs = h.take(`${path}/cgroup.procs`);
  h.add("open", { out: procs, dir: null, path: `${path}/cgroup.procs`, flags: k.O_WRONLY, mode: 0 });
  h.add("joinCgroup", { fd: procs });
  h.close(procs);
}

/** Opens the group that a child is cloned into. */
export function openGroup(h: SectionBuilder, path: string): Register {
  const group = h.take(path);
  h.at(AT, () => h.add("open", { out: group, dir: null, path, flags: k.O_PATH | k.O_DIRECTORY, mode: 0 }));
  return group;
}
