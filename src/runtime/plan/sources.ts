import { posix } from "node:path";
import type { SectionBuilder } from "./builder.ts";
import * as k from "./constants.ts";
import { coveredIn } from "./earlier-mounts.ts";
import type { LaunchInput } from "./launch-input.ts";
import { readMountOptions } from "./mount-options.ts";
import type { Namespaces } from "./namespaces.ts";
import type { Register } from "./operation.ts";
import { cloneDirectory, propagationOf } from "./root.ts";

/*
 * The root of a user namespace may not be able to reach what the caller can: directories of the host that belong to
 * ids which are not mapped. So what is mounted from the host is opened, detached, before the process becomes that
 * root: by the host's section where it may, which also escapes the locks on mounts that a new user namespace copies.
 */

/** Detached mounts, by where they are to go. */
export interface Sources {
  readonly root: Register | undefined;
  /** By index in /mounts. */
  readonly mounts: ReadonlyMap<number, Register>;
}

/** The same, with the directory that the root is attached to, in the container's mount namespace. */
export interface PlacedSources extends Sources {
  readonly place: Register | undefined;
}

/** Opens the place of the root: in the container's mount namespace, and with the caller's ids still. */
export function openPlace(c: SectionBuilder, { root }: LaunchInput, sources: Sources): PlacedSources {
  if (root.kind !== "directory") return { ...sources, place: undefined };
  const place = c.take(root.path);
  c.at("/root/path", () =>
    c.add("open", { out: place, dir: null, path: root.path, flags: k.O_PATH | k.O_DIRECTORY, mode: 0 }),
  );
  return { ...sources, place };
}

/** True for a container whose sources have to be opened early. In a mount namespace that is joined they are its own. */
export function opensSources({ user, mount }: Namespaces): boolean {
  return user.kind !== "none" && mount === "new";
}

/** Opens the root directory and the sources of bind mounts, with the credentials that the section has at that point. */
export function openSources(
  section: SectionBuilder,
  input: LaunchInput,
  mapped: ReadonlyMap<number, unknown>,
): Sources {
  const { config, root: recipe } = input;
  const root = recipe.kind === "directory" ? cloneDirectory(section, recipe.path) : undefined;
  if (root !== undefined) section.at("/root/path", () => separate(section, root, input));
  const mounts = new Map<number, Register>();
  for (const [index, mount] of (config.mounts ?? []).entries()) {
    const options = readMountOptions(mount);
    if (!options.bind || mount.source === undefined || mount.source === "") continue;
    const path = posix.resolve(input.bundle, mount.source);
    // Those with a mapping of their own the host's section has made already; a link that is copied is no mount.
    // What an earlier mount brings into the root is there only later.
    if (mapped.has(index) || coveredIn(input, index) !== undefined) continue;
    if (options.links.has("copy-symlink") && input.links?.has(path) === true) continue;
    const tree = section.take(path);
    section.at(`/mounts/${index}`, () => {
      const noFollow = options.links.has("src-nofollow") ? k.AT_SYMLINK_NOFOLLOW : 0;
      const flags = k.OPEN_TREE_CLONE | (options.recursive ? k.AT_RECURSIVE : 0) | noFollow;
      section.add("openTree", { out: tree, dir: null, path, flags });
      separate(section, tree, input);
    });
    mounts.set(index, tree);
  }
  return { root, mounts };
}

/** A copy of a shared mount would pass on to the host what is mounted in it. */
function separate(section: SectionBuilder, target: Register, input: LaunchInput): void {
  const propagation = propagationOf(input)?.type === k.MS_PRIVATE ? k.MS_PRIVATE : k.MS_SLAVE;
  section.add("setMountAttributes", { target, recursive: 1, set: 0, clear: 0, propagation, userns: null });
}

/** The host's section closes its own descriptors once the child has inherited them. */
export function letGo(h: SectionBuilder, { root, mounts }: Sources): void {
  for (const fd of [...(root === undefined ? [] : [root]), ...mounts.values()]) h.add("close", { fd });
}
