import { posix } from "node:path";
import { CortenError, type RuntimeMount } from "../../spec/index.ts";
import { configFault, shown } from "../config/check.ts";
import type { SectionBuilder } from "./builder.ts";
import * as k from "./constants.ts";
import type { LaunchInput } from "./launch-input.ts";
import { mountCgroups } from "./mount-cgroups.ts";
import { type MountOptions, readMountOptions } from "./mount-options.ts";
import type { Register } from "./operation.ts";

/** What compiling the mounts leaves for later. */
export interface MountResult {
  /** Destinations of the control groups that {@link compileLateMounts} mounts. */
  readonly lateDestinations: readonly string[];
  /** Mounts that become read-only once everything below them is made. */
  readonly readOnlyLater: Register[];
  /** Options that change nothing. */
  readonly warnings: string[];
  /** True when a bind mount covers /dev: the host's devices are there, and none are made. */
  readonly devIsBound: boolean;
}

/** Files below /proc that lxcfs provides; nothing else may be mounted there (CVE-2019-16884). */
const PROC_FILES = new Set([
  "/proc/cpuinfo",
  "/proc/diskstats",
  "/proc/meminfo",
  "/proc/stat",
  "/proc/swaps",
  "/proc/uptime",
  "/proc/loadavg",
  "/proc/slabinfo",
  "/proc/net/dev",
  "/proc/sys/kernel/ns_last_pid",
]);

/** A mount's destination as an absolute, normal path. Since 1.2.0 it may be given relative to "/". */
export function destinationOf(mount: RuntimeMount): string {
  const path = posix.normalize(`/${mount.destination}`);
  return path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
}

/**
 * Mounts what the configuration lists, in its order, below the root in register `root`. Control groups are left to
 * {@link compileLateMounts} unless another mount depends on them: until then the host's section may still be
 * making them. `beforeCgroups` adds what has to precede the first one that cannot wait.
 */
export function compileMounts(
  c: SectionBuilder,
  root: Register,
  input: LaunchInput,
  beforeCgroups: () => void,
): MountResult {
  const mounts = input.config.mounts ?? [];
  const late = new Set(mounts.filter((mount, index) => isCgroup(mount) && isLast(mounts, index)));
  const result: MountResult = {
    lateDestinations: [...late].map(destinationOf),
    readOnlyLater: [],
    warnings: [],
    devIsBound: mounts.some((mount) => destinationOf(mount) === "/dev" && readMountOptions(mount).bind),
  };
  for (const [index, mount] of mounts.entries()) {
    if (late.has(mount)) continue;
    if (isCgroup(mount)) beforeCgroups();
    c.at(`/mounts/${index}`, () => compileMount(c, root, mount, input, result, `/mounts/${index}`));
  }
  return result;
}

/** Mounts the control groups that {@link compileMounts} left out. */
export function compileLateMounts(
  c: SectionBuilder,
  root: Register,
  input: LaunchInput,
  result: MountResult,
): void {
  const mounts = input.config.mounts ?? [];
  for (const [index, mount] of mounts.entries()) {
    if (!isCgroup(mount) || !isLast(mounts, index)) continue;
    c.at(`/mounts/${index}`, () => compileMount(c, root, mount, input, result, `/mounts/${index}`));
  }
}

/** True when no later mount lies above, at or below this one. */
function isLast(mounts: readonly RuntimeMount[], index: number): boolean {
  const destination = destinationOf(mounts[index]!);
  return mounts.slice(index + 1).every((other) => !related(destination, destinationOf(other)));
}

function isCgroup({ type }: RuntimeMount): boolean {
  return type === "cgroup" || type === "cgroup2";
}

/** True when one of the paths is, or lies below, the other. */
export function related(one: string, other: string): boolean {
  return `${one}/`.startsWith(`${other}/`) || `${other}/`.startsWith(`${one}/`);
}

function compileMount(
  c: SectionBuilder,
  root: Register,
  mount: RuntimeMount,
  input: LaunchInput,
  result: MountResult,
  pointer: string,
): void {
  const options = readMountOptions(mount);
  const destination = destinationOf(mount);
  refuseSpecial(pointer, options);
  checkProc(pointer, mount, destination, options);
  if (options.copyUp && (options.bind || mount.type !== "tmpfs")) {
    throw configFault(
      `${pointer}/options`,
      `tmpcopyup is for a tmpfs, not for ${options.bind ? "a bind mount" : shown(mount.type)}`,
    );
  }
  if (isCgroup(mount) && !options.bind) {
    mountCgroups(c, root, destination, options, input, pointer);
  } else if (options.bind) {
    compileBind(c, root, mount, destination, options, input, result, pointer);
  } else {
    compileFilesystem(c, root, mount, destination, options, result, pointer);
  }
}

function refuseSpecial(pointer: string, { special }: MountOptions): void {
  if (special.length === 0) return;
  throw new CortenError(
    "unimplemented",
    `config.json: ${pointer}/options: "${special[0]}" is not supported`,
    {
      pointer: `${pointer}/options`,
    },
  );
}

function checkProc(pointer: string, mount: RuntimeMount, destination: string, options: MountOptions): void {
  if (destination === "/proc") {
    if (options.bind || mount.type === "proc") return;
    throw configFault(
      `${pointer}/destination`,
      `only procfs may be mounted on /proc, not ${shown(mount.type)}`,
    );
  }
  if (destination.startsWith("/proc/") && !PROC_FILES.has(destination)) {
    throw configFault(`${pointer}/destination`, `lies inside /proc: ${shown(destination)}`);
  }
}

/** Opens the place of a mount. What is missing there is made. /proc and /sys must be real directories (CVE-2019-19921). */
export function resolveTarget(
  c: SectionBuilder,
  root: Register,
  destination: string,
  kind: "directory" | "file",
): Register {
  const target = c.take(destination);
  c.add("resolve", {
    out: target,
    root,
    path: destination.slice(1),
    create: kind === "directory" ? 1 : 2,
    mode: kind === "directory" ? 0o755 : 0o644,
    directory: destination === "/proc" || destination === "/sys" ? 1 : 0,
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

function compileBind(
  c: SectionBuilder,
  root: Register,
  mount: RuntimeMount,
  destination: string,
  options: MountOptions,
  input: LaunchInput,
  result: MountResult,
  pointer: string,
): void {
  if (mount.source === undefined || mount.source === "") throw configFault(`${pointer}/source`, "is missing");
  const idle = options.data.filter(([name]) => !SUPERBLOCK.test(name)).map(([name]) => name);
  if (idle.length > 0) {
    result.warnings.push(`${pointer}/options: ${idle.join(", ")} has no effect on a bind mount`);
  }
  const source = posix.resolve(input.bundle, mount.source);
  const tree = c.take(source);
  c.add("openTree", {
    out: tree,
    dir: null,
    path: source,
    flags: k.OPEN_TREE_CLONE | (options.recursive ? k.AT_RECURSIVE : 0),
  });
  if (destination === "/proc") c.add("verify", { fd: tree, kind: k.VERIFY_PROCFS, major: 0, minor: 0 });
  const late = rootIsShared(input) ? options.propagation : 0;
  const early = late === 0 ? options.propagation : 0;
  setAttributes(c, tree, options, early);
  attach(c, tree, resolveTarget(c, root, destination, input.sources.get(source) ?? "directory"));
  if (late !== 0) setPropagation(c, tree, options, late);
  c.close(tree);
}

/** Flags and propagation of a bind mount while it is detached: one call where they have one reach, else two or three. */
function setAttributes(c: SectionBuilder, tree: Register, options: MountOptions, propagation: number): void {
  const { own, tree: below, recursive } = options;
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

function setPropagation(
  c: SectionBuilder,
  target: Register,
  options: MountOptions,
  propagation: number,
): void {
  const recursive = options.propagationRecursive && (options.recursive || !options.bind) ? 1 : 0;
  c.add("setMountAttributes", { target, recursive, set: 0, clear: 0, propagation, userns: null });
}

function compileFilesystem(
  c: SectionBuilder,
  root: Register,
  mount: RuntimeMount,
  destination: string,
  options: MountOptions,
  result: MountResult,
  pointer: string,
): void {
  const { type } = mount;
  if (type === undefined || type === "" || type === "none") {
    throw configFault(`${pointer}/type`, "is missing", "a bind mount has the type or the option bind");
  }
  // A read-only /dev or tmpfs still has to receive its files: it becomes read-only once they are there.
  const attributes = (options.own.set | options.tree.set) >>> 0;
  const later = type === "tmpfs" && (attributes & k.MOUNT_ATTR_RDONLY) !== 0;
  const fs = c.take(`new ${type}`);
  c.add("openFilesystem", { out: fs, type });
  if (mount.source !== undefined && mount.source !== "") {
    c.add("configure", { fs, key: "source", value: mount.source });
  }
  for (const [key, value] of options.data) c.add("configure", { fs, key, value });
  const made = c.take(type);
  c.add("createMount", { out: made, fs, attributes: later ? attributes & ~k.MOUNT_ATTR_RDONLY : attributes });
  c.release(fs);
  const target = resolveTarget(c, root, destination, "directory");
  if (type === "tmpfs" && !options.hasMode) c.add("copyMode", { from: target, to: made });
  if (options.copyUp) c.add("copyTree", { from: target, to: made, owner: options.hasOwner ? 0 : 1 });
  attach(c, made, target);
  if (options.propagation !== 0) setPropagation(c, made, options, options.propagation);
  if (later) result.readOnlyLater.push(made);
  else c.close(made);
}
