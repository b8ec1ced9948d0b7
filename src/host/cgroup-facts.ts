import type { MountEntry } from "./mount-table.ts";

/** One cgroup hierarchy that this process can see. */
export interface CgroupHierarchy {
  readonly version: 1 | 2;
  /** Controllers of a v1 hierarchy, `name=systemd` for a named one; empty for v2. */
  readonly controllers: readonly string[];
  readonly mountpoint: string;
  /** Last component of the mount point, as containers see the hierarchy: `cpu,cpuacct`. */
  readonly directory: string;
  /** This process's own group, relative to the mount point, beginning with "/". */
  readonly own: string;
}

/** How control groups are set up on this machine. */
export interface CgroupFacts {
  /** unified: v2 only; hybrid: v1 controllers with a v2 tree beside them; legacy: v1 only. */
  readonly mode: "unified" | "hybrid" | "legacy" | "none";
  readonly hierarchies: readonly CgroupHierarchy[];
}

/**
 * Combines /proc/self/cgroup with the mount table. A hierarchy that is not mounted cannot be used and is left out;
 * of several mounts of one hierarchy the first whose root holds our own group is taken.
 */
export function readCgroupFacts(selfCgroup: string, mounts: readonly MountEntry[]): CgroupFacts {
  const hierarchies: CgroupHierarchy[] = [];
  for (const line of selfCgroup.split("\n")) {
    // NUMBER:CONTROLLERS:GROUP
    const first = line.indexOf(":");
    const second = line.indexOf(":", first + 1);
    if (first < 1 || second < 0) continue;
    const controllers = second === first + 1 ? [] : line.slice(first + 1, second).split(",");
    const version = controllers.length === 0 && line.startsWith("0:") ? 2 : 1;
    const hierarchy = locate(version, controllers, line.slice(second + 1), mounts);
    if (hierarchy !== undefined) hierarchies.push(hierarchy);
  }
  return { mode: modeOf(hierarchies), hierarchies };
}

function locate(
  version: 1 | 2,
  controllers: readonly string[],
  group: string,
  mounts: readonly MountEntry[],
): CgroupHierarchy | undefined {
  for (const mount of mounts) {
    if (mount.type !== (version === 2 ? "cgroup2" : "cgroup")) continue;
    if (version === 1 && !controllers.every((name) => mount.superOptions.includes(name))) continue;
    const own = relativeTo(mount.root, group);
    if (own === undefined) continue;
    const directory = mount.mountpoint.slice(mount.mountpoint.lastIndexOf("/") + 1);
    return { version, controllers, mountpoint: mount.mountpoint, directory, own };
  }
  return undefined;
}

/** `group` as seen below a mount whose root is `root`; undefined when it lies outside. */
function relativeTo(root: string, group: string): string | undefined {
  if (root === "/") return group;
  if (group === root) return "/";
  return group.startsWith(`${root}/`) ? group.slice(root.length) : undefined;
}

function modeOf(hierarchies: readonly CgroupHierarchy[]): CgroupFacts["mode"] {
  const hasV1 = hierarchies.some(({ version }) => version === 1);
  const hasV2 = hierarchies.some(({ version }) => version === 2);
  if (hasV1) return hasV2 ? "hybrid" : "legacy";
  return hasV2 ? "unified" : "none";
}
