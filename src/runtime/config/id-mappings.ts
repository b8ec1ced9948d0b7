import type { RuntimeConfig, RuntimeIdMapping } from "../../spec/index.ts";
import { configFault } from "./check.ts";

/** The kernel's limits of one map: extents (user_namespaces(7)), and bytes of the single write that sets it. */
const MAX_EXTENTS = 340;
const MAX_MAP_BYTES = 4095;
const ID_END = 2 ** 32;

/** True when a container's id stands for one of the host's. */
export function isMapped(mappings: readonly RuntimeIdMapping[], id: number): boolean {
  return mappings.some(({ containerID, size }) => id >= containerID && id < containerID + size);
}

/** Mappings as /proc/PID/uid_map takes them. */
export function formatMap(mappings: readonly RuntimeIdMapping[]): string {
  return mappings.map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}\n`).join("");
}

/** Rules between the user namespace, its mappings and the process's ids (runtime-spec, config-linux.md). */
export function checkUserNamespace({ linux, process }: RuntimeConfig): void {
  const user = linux?.namespaces?.find(({ type }) => type === "user");
  const isNew = user !== undefined && (user.path ?? "") === "";
  for (const name of ["uidMappings", "gidMappings"] as const) {
    const mappings = linux?.[name] ?? [];
    if (mappings.length > 0 && user === undefined) {
      throw configFault(`/linux/${name}`, "needs a user namespace in /linux/namespaces");
    }
    if (mappings.length === 0 && isNew) {
      throw configFault(
        `/linux/${name}`,
        "is missing: a new user namespace needs at least one mapping",
        'for example { "containerID": 0, "hostID": 100000, "size": 65536 }',
      );
    }
    checkMappings(mappings, `/linux/${name}`);
  }
  const { uidMappings: uids = [], gidMappings: gids = [] } = linux ?? {};
  if (user === undefined || process === undefined || uids.length === 0 || gids.length === 0) return;
  requireMapped(uids, process.user.uid, "/process/user/uid", "/linux/uidMappings");
  requireMapped(gids, process.user.gid, "/process/user/gid", "/linux/gidMappings");
  for (const [index, gid] of (process.user.additionalGids ?? []).entries()) {
    requireMapped(gids, gid, `/process/user/additionalGids/${index}`, "/linux/gidMappings");
  }
}

function requireMapped(mappings: readonly RuntimeIdMapping[], id: number, at: string, of: string): void {
  if (!isMapped(mappings, id)) throw configFault(at, `is ${id}, which ${of} does not map`);
}

function checkMappings(mappings: readonly RuntimeIdMapping[], at: string): void {
  if (mappings.length > MAX_EXTENTS) throw configFault(at, `has more than ${MAX_EXTENTS} mappings`);
  if (formatMap(mappings).length > MAX_MAP_BYTES) {
    throw configFault(at, `takes more than the ${MAX_MAP_BYTES} bytes that the kernel reads`);
  }
  for (const side of ["containerID", "hostID"] as const) {
    const sorted = mappings.map((mapping, index) => ({ first: mapping[side], size: mapping.size, index }));
    sorted.sort((one, other) => one.first - other.first);
    for (const [place, { first, size, index }] of sorted.entries()) {
      if (size === 0) throw configFault(`${at}/${index}/size`, "must be at least 1");
      // The last number means "unchanged" to the kernel and is no id.
      if (first + size >= ID_END) throw configFault(`${at}/${index}`, "reaches beyond the last id");
      const before = sorted[place - 1];
      if (before !== undefined && before.first + before.size > first) {
        throw configFault(`${at}/${index}/${side}`, `overlaps with that of ${at}/${before.index}`);
      }
    }
  }
}
