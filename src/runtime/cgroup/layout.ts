import { posix } from "node:path";
import type { CgroupFacts, CgroupHierarchy } from "../../host/index.ts";
import { CortenError } from "../../spec/index.ts";

/** The control group of one container in one hierarchy. */
export interface ContainerCgroup {
  readonly hierarchy: CgroupHierarchy;
  /** Absolute path of the group's directory. */
  readonly path: string;
}

/** The control groups of a container, one for each hierarchy. */
export interface CgroupPlan {
  readonly mode: CgroupFacts["mode"];
  readonly groups: readonly ContainerCgroup[];
}

/**
 * Where a container's control groups are. An absolute `cgroupsPath` counts from the hierarchy's mount point; a
 * relative one, and the default (the container's ID), from the group of the calling process, so that a limit
 * that applies to the caller applies to what it starts. Where v2 has the controllers it counts from that group's
 * parent, as with other runtimes: a group that holds processes, such as the caller, can hand none down.
 *
 * @throws invalid-argument for a path with ".." or a line end, and for one that holds the calling process, too
 */
export function planCgroups(facts: CgroupFacts, cgroupsPath: string | undefined, id: string): CgroupPlan {
  const wanted = cgroupsPath === undefined || cgroupsPath === "" ? id : cgroupsPath;
  if (wanted.split("/").includes("..")) {
    throw new CortenError(
      "invalid-argument",
      `config.json: /linux/cgroupsPath must not hold "..": ${wanted}`,
      {
        pointer: "/linux/cgroupsPath",
      },
    );
  }
  // The kernel takes none, so that /proc/PID/cgroup stays readable line by line.
  if (wanted.includes("\n")) {
    throw new CortenError(
      "invalid-argument",
      `config.json: /linux/cgroupsPath must not hold a line end: ${JSON.stringify(wanted)}`,
      { pointer: "/linux/cgroupsPath" },
    );
  }
  const groups = facts.hierarchies.map((hierarchy) => {
    const near = facts.mode === "unified" ? posix.dirname(hierarchy.own) : hierarchy.own;
    const base = wanted.startsWith("/") ? "/" : near;
    const path = withoutSlash(posix.join(hierarchy.mountpoint, base, wanted));
    // What a container's end removes, and kills, must never be more than the container.
    const own = withoutSlash(posix.join(hierarchy.mountpoint, hierarchy.own));
    if (path === hierarchy.mountpoint || path === own || own.startsWith(`${path}/`)) {
      throw new CortenError(
        "invalid-argument",
        `config.json: /linux/cgroupsPath must name a group of the container's own, not ${path}`,
        { pointer: "/linux/cgroupsPath" },
      );
    }
    return { hierarchy, path };
  });
  return { mode: facts.mode, groups };
}

/** A normal path without the slash that posix.join leaves at its end. */
function withoutSlash(path: string): string {
  return path.endsWith("/") ? path.slice(0, -1) : path;
}

/** The directories between the hierarchy's mount point and the group, outermost first, the group last. */
export function ancestry({ hierarchy, path }: ContainerCgroup): string[] {
  const below = path.slice(hierarchy.mountpoint.length).split("/").filter(Boolean);
  return below.map((_, index) => `${hierarchy.mountpoint}/${below.slice(0, index + 1).join("/")}`);
}

/** The container's group in the v1 hierarchy of `controller`. */
export function groupOf(plan: CgroupPlan, controller: string): ContainerCgroup | undefined {
  return plan.groups.find(({ hierarchy }) => hierarchy.controllers.includes(controller));
}

/** The container's group in the unified hierarchy. */
export function unifiedGroup(plan: CgroupPlan): ContainerCgroup | undefined {
  return plan.groups.find(({ hierarchy }) => hierarchy.version === 2);
}

/** True for the hierarchies in which systemd itself makes, and removes, the group of a unit. */
export function isSystemds({
  version,
  controllers,
}: Pick<CgroupHierarchy, "version" | "controllers">): boolean {
  return version === 2 || controllers.includes("name=systemd");
}
