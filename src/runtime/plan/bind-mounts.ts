import { posix } from "node:path";
import { configFault } from "../config/check.ts";
import type { SectionBuilder } from "./builder.ts";
import * as k from "./constants.ts";
import { coveredIn } from "./earlier-mounts.ts";
import { mapOwners } from "./idmap.ts";
import type { LaunchInput } from "./launch-input.ts";
import type { MountOptions } from "./mount-options.ts";
import type { MountEntry } from "./mounts.ts";
import type { Register } from "./operation.ts";

/** Opens the place of a mount. What is missing there is made. /proc and /sys must be real directories (CVE-2019-19921). */
export function resolveTarget(
  c: SectionBuilder,
  root: Register,
  destination: string,
  kind: "directory" | "file",
  follow = true,
): Register {
  const target = c.take(destination);
  c.add("resolve", {
    out: target,
    root,
    path: destination.slice(1),
    create: kind === "directory" ? 1 : 2,
    mode: kind === "directory" ? 0o755 : 0o644,
    // Where no link is followed at the end, one before it may still lead into /proc (CVE-2019-16884).
    directory:
      destination === "/proc" || destination === "/sys"
        ? 1
        : (follow ? 0 : 2) + (destination.startsWith("/proc/") ? 0 : 4),
  });
  return target;
}

/** Attaches the mount in `from` at `target`, and lets go of the target. */
export function attach(c: SectionBuilder, from: Register, target: Register): void {
  c.add("moveMount", { from, to: target, path: "" });
  c.close(target);
}

/** True when mounts of this container propagate to others: then a moved mount takes part, whatever it was before. */
function rootIsShared({ config }: LaunchInput): boolean {
  return (config.linux?.rootfsPropagation ?? "").endsWith("shared");
}

/** Options of a superblock: they are the source's, and mount(8) users repeat them on binds. */
const SUPERBLOCK = /^(?:sync|async|dirsync|lazytime|nolazytime|mand|nomand)$/;

/** Mounts a part of the host, or of the root itself, a second time. */
export function compileBind(
  c: SectionBuilder,
  root: Register,
  { mount, options, destination, mapped, opened, index, at }: MountEntry,
  input: LaunchInput,
  warnings: string[],
): void {
  if (mount.source === undefined || mount.source === "") throw configFault(`${at}/source`, "is missing");
  const idle = options.data.filter(([name]) => !SUPERBLOCK.test(name)).map(([name]) => name);
  if (idle.length > 0) {
    warnings.push(`${at}/options: ${idle.join(", ")} has no effect on a bind mount`);
  }
  const source = posix.resolve(input.bundle, mount.source);
  const link = options.links.has("copy-symlink") ? input.links?.get(source) : undefined;
  if (link !== undefined) {
    copyLink(c, root, destination, link);
    return;
  }
  const noFollow = options.links.has("src-nofollow") ? k.AT_SYMLINK_NOFOLLOW : 0;
  const covered = coveredIn(input, index);
  const tree = mapped?.tree ?? opened ?? c.take(source);
  if (mapped?.tree === undefined && opened === undefined) {
    const flags = k.OPEN_TREE_CLONE | (options.recursive ? k.AT_RECURSIVE : 0) | noFollow;
    if (covered === undefined) c.add("openTree", { out: tree, dir: null, path: source, flags });
    else openInside(c, root, covered.inside, tree, flags);
    if (mapped !== undefined) mapOwners(c, tree, mapped);
  }
  if (destination === "/proc") c.add("verify", { fd: tree, kind: k.VERIFY_PROCFS, major: 0, minor: 0 });
  const late = rootIsShared(input) ? options.propagation : 0;
  const early = late === 0 ? options.propagation : 0;
  setAttributes(c, tree, options, early);
  const kind = input.sources.get(covered?.behind ?? source) ?? "directory";
  attach(c, tree, resolveTarget(c, root, destination, kind, !options.links.has("dest-nofollow")));
  if (late !== 0) setPropagation(c, tree, options, late);
  // The host's section still holds a mapped one under this number.
  if (mapped?.tree === undefined) c.close(tree);
  else c.add("close", { fd: tree });
}

/** Clones what earlier mounts show in the root: no link of the image leads out of it. */
function openInside(c: SectionBuilder, root: Register, inside: string, tree: Register, flags: number): void {
  const dir = c.take(inside);
  const directory = (flags & k.AT_SYMLINK_NOFOLLOW) === 0 ? 0 : 2;
  c.add("resolve", { out: dir, root, path: inside.slice(1), create: 0, mode: 0, directory });
  c.add("openTree", { out: tree, dir, path: "", flags: flags & ~k.AT_SYMLINK_NOFOLLOW });
  c.close(dir);
}

/** crun's `copy-symlink`: a source that is a symlink is made anew, and what it names is the container's. */
function copyLink(c: SectionBuilder, root: Register, destination: string, target: string): void {
  const dir = resolveTarget(c, root, posix.dirname(destination), "directory");
  c.add("makeSymlink", { dir, path: posix.basename(destination), target, replace: 0 });
  c.close(dir);
}

/** Flags and propagation of a bind mount while it is detached: one call where they have one reach, else two or three. */
function setAttributes(c: SectionBuilder, tree: Register, options: MountOptions, propagation: number): void {
  const { own, tree: below } = options;
  const recursive = options.recursive || options.remount;
  const hasOwn = own.set !== 0 || own.clear !== 0;
  const hasTree = below.set !== 0 || below.clear !== 0;
  const spreads = options.propagationRecursive && recursive;
  const set = (attributes: { set: number; clear: number }, deep: boolean, type: number) =>
    c.add("setMountAttributes", {
      target: tree,
      recursive: deep ? 1 : 0,
      ...attributes,
      propagation: type,
      userns: null,
    });
  let pending = propagation;
  if (hasOwn) {
    set(own, false, spreads ? 0 : pending);
    if (!spreads) pending = 0;
  }
  if (hasTree) {
    set(below, true, spreads || !recursive ? pending : 0);
    if (spreads || !recursive) pending = 0;
  }
  if (pending !== 0) set({ set: 0, clear: 0 }, spreads, pending);
}

/** Sets the propagation of a mount that has its place. */
export function setPropagation(
  c: SectionBuilder,
  target: Register,
  options: MountOptions,
  propagation: number,
): void {
  const recursive = options.propagationRecursive && (options.recursive || !options.bind) ? 1 : 0;
  c.add("setMountAttributes", { target, recursive, set: 0, clear: 0, propagation, userns: null });
}

/**
 * `remount` changes what it names of the mount that is at the destination, and leaves the rest: unlike mount(2), which
 * resets what is not named, it cannot take a flag away by accident.
 */
export function compileRemount(
  c: SectionBuilder,
  root: Register,
  { options, destination }: MountEntry,
): void {
  const target = c.take(destination);
  c.add("resolve", { out: target, root, path: destination.slice(1), create: 0, mode: 0, directory: 0 });
  if (options.data.length > 0 && !options.bind) {
    const fs = c.take(`file system of ${destination}`);
    c.add("pickFilesystem", { out: fs, target });
    for (const [key, value] of options.data) c.add("configure", { fs, key, value });
    c.add("reconfigure", { fs });
    c.close(fs);
  }
  setAttributes(c, target, options, options.propagation);
  c.close(target);
}
