import { posix } from "node:path";
import type { RuntimeMount } from "../../spec/index.ts";
import type { LaunchInput } from "./launch-input.ts";
import { readMountOptions } from "./mount-options.ts";

/** A bind mount's source that lies in the container's own root, where an earlier mount covers it. */
export interface CoveredSource {
  /** Its path inside the root. */
  readonly inside: string;
  /** What the earlier mount shows there, as a path of the host; undefined for one of a new file system. */
  readonly behind: string | undefined;
}

/** A mount's destination as an absolute, normal path. Since 1.2.0 it may be given relative to "/". */
export function destinationOf(mount: RuntimeMount): string {
  const path = posix.normalize(`/${mount.destination}`);
  return path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
}

/**
 * Finds out whether mount number `index` shows something that an earlier one has brought into the root: mounts are made
 * in their order (config.md "Mounts"), so it is that one's content which is meant, and not what it hides.
 *
 * @param root the root's directory on the host
 */
export function coveredSource(
  mounts: readonly RuntimeMount[],
  index: number,
  bundle: string,
  root: string,
): CoveredSource | undefined {
  const { source } = mounts[index]!;
  if (source === undefined || source === "" || root === "") return undefined;
  const path = posix.resolve(bundle, source);
  if (!path.startsWith(`${root}/`)) return undefined;
  const inside = path.slice(root.length);
  for (let earlier = index - 1; earlier >= 0; earlier--) {
    const mount = mounts[earlier]!;
    const place = destinationOf(mount);
    if (inside !== place && !inside.startsWith(place === "/" ? place : `${place}/`)) continue;
    const { bind, remount } = readMountOptions(mount);
    if (remount) continue;
    if (!bind || mount.source === undefined) return { inside, behind: undefined };
    const shown = coveredSource(mounts, earlier, bundle, root);
    const from = shown === undefined ? posix.resolve(bundle, mount.source) : shown.behind;
    return { inside, behind: from === undefined ? undefined : posix.join(from, inside.slice(place.length)) };
  }
  return undefined;
}

/** The same for a launch whose root is a directory; the root of one with layers is nowhere on the host. */
export function coveredIn(
  { config, bundle, root }: Pick<LaunchInput, "config" | "bundle" | "root">,
  index: number,
): CoveredSource | undefined {
  return root.kind === "directory" ? coveredSource(config.mounts ?? [], index, bundle, root.path) : undefined;
}
