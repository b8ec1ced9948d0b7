import { accessSync, constants, readFileSync } from "node:fs";
import {
  findProgram,
  hostFacts,
  readSubordinateRanges,
  type SubordinateRange,
  userNames,
} from "../host/index.ts";
import type { IdMappings } from "../runtime/index.ts";
import type { TreeOptions } from "../snapshot/index.ts";
import type { RuntimeIdMapping } from "../spec/index.ts";

/** How an engine without the machine's own rights works. */
export interface Rootless extends TreeOptions {
  /** The user namespace of containers; undefined where the engine itself is in one, as its root. */
  readonly mappings: IdMappings | undefined;
  /** False where the caller may make no control groups: containers stay in its own, and cannot be limited. */
  readonly limits: boolean;
  /** What is not as a user would expect, and what would help. */
  readonly lacks: readonly string[];
}

/** Ids that a whole image's owners fit into. */
const USUAL_RANGE = 65_536;

/** Looks at what the caller may do: undefined for the machine's root, which mounts layers and needs no mapping. */
export function findRootless(): Rootless | undefined {
  const { uid, gid, userNamespace } = hostFacts();
  if (uid === 0) {
    if (userNamespace.initial) return undefined;
    const owners = mappedIds(readFileSync("/proc/self/uid_map", "latin1")) >= USUAL_RANGE;
    const few = "this user namespace maps too few ids: all files of a container belong to its root";
    return describe({ mappings: undefined, owners }, few);
  }
  const [name] = userNames(uid);
  const user = { uid, ...(name === undefined ? {} : { name }) };
  const uids = readSubordinateRanges("/etc/subuid", user);
  const gids = readSubordinateRanges("/etc/subgid", user);
  const ranges = uids.length > 0 && gids.length > 0;
  // Only these set-uid programs may map a range for a user.
  const missing = ["newuidmap", "newgidmap"].filter((program) => findProgram(program) === undefined);
  if (ranges && missing.length === 0) {
    return describe({
      mappings: { uidMappings: mapOf(uid, uids), gidMappings: mapOf(gid, gids) },
      owners: true,
    });
  }
  const why = ranges
    ? `${missing.join(" and ")} (package uidmap) not installed, so that the ranges of user ${name ?? uid} cannot be used`
    : `user ${name ?? uid} has no range in /etc/subuid and /etc/subgid`;
  const alone = `${why}: all files of a container belong to its root, and no other user can run in it`;
  return describe(
    { mappings: { uidMappings: mapOf(uid, []), gidMappings: mapOf(gid, []) }, owners: false },
    alone,
  );
}

function describe(found: TreeOptions, ...lacks: readonly string[]): Rootless {
  const limits = mayMakeGroups();
  const grouped = "no control group is delegated to this user: containers cannot be limited or paused";
  return { ...found, limits, lacks: [...(found.owners ? [] : lacks), ...(limits ? [] : [grouped])] };
}

/** True where the caller's own group is delegated to it in every hierarchy. */
function mayMakeGroups(): boolean {
  const { hierarchies } = hostFacts().cgroups;
  return hierarchies.every(({ mountpoint, own }) => {
    try {
      accessSync(`${mountpoint}${own}`, constants.W_OK);
      return true;
    } catch {
      return false; // not delegated, or not there
    }
  });
}

/** Root in the container is the user outside; every other id is one of its subordinate ids. */
function mapOf(own: number, ranges: readonly SubordinateRange[]): RuntimeIdMapping[] {
  const mappings: RuntimeIdMapping[] = [{ containerID: 0, hostID: own, size: 1 }];
  let next = 1;
  for (const { first, count } of ranges) {
    mappings.push({ containerID: next, hostID: first, size: count });
    next += count;
  }
  return mappings;
}

function mappedIds(map: string): number {
  return map
    .split("\n")
    .map((line) => Number(line.trim().split(/\s+/)[2] ?? 0))
    .reduce((sum, size) => sum + size, 0);
}
