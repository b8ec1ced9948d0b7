import { posix } from "node:path";
import { CortenError } from "../../spec/index.ts";
import type { CgroupDirectory } from "../cgroup/control.ts";

interface Wanted {
  /** Empty: every hierarchy. */
  readonly controllers: readonly string[];
  readonly path: string;
}

/**
 * Where a further process goes in the hierarchies of one version: the container's own groups, or groups below them
 * that exist (`--cgroup`, as runc has it).
 *
 * @throws invalid-argument for a path that leaves the container's group, and for controllers that have no hierarchy
 */
export function subgroups(
  groups: readonly CgroupDirectory[],
  version: 1 | 2,
  options: readonly string[],
): string[] {
  const wanted = options.map(parse);
  for (const { controllers } of wanted) {
    const missing = controllers.find((name) => !groups.some((group) => hasController(group, name)));
    if (missing === undefined) continue;
    throw new CortenError(
      "invalid-argument",
      `--cgroup: the container has no group of controller ${missing}`,
      {
        hint: "on cgroup v2 there is one group for all: leave the controller out",
      },
    );
  }
  return groups
    .filter((group) => group.version === version)
    .map((group) => {
      const own = wanted.findLast(({ controllers }) =>
        controllers.some((name) => hasController(group, name)),
      );
      const all = wanted.findLast(({ controllers }) => controllers.length === 0);
      return below(group.path, (own ?? all)?.path ?? "");
    });
}

function hasController({ controllers, version }: CgroupDirectory, name: string): boolean {
  return version === 1 && controllers.includes(name);
}

function below(group: string, path: string): string {
  const joined = posix.join(group, path);
  return joined.endsWith("/") ? joined.slice(0, -1) : joined;
}

function parse(option: string): Wanted {
  const colon = option.indexOf(":");
  const path = option.slice(colon + 1);
  if (path.split("/").includes("..")) {
    throw new CortenError("invalid-argument", `--cgroup must not hold "..": ${option}`);
  }
  return { controllers: colon < 1 ? [] : option.slice(0, colon).split(","), path };
}
