import type { RuntimeMount } from "../../spec/index.ts";
import { configFault, shown } from "../config/check.ts";
import { attach, compileBind, compileRemount, resolveTarget, setPropagation } from "./bind-mounts.ts";
import type { SectionBuilder } from "./builder.ts";
import * as k from "./constants.ts";
import { destinationOf } from "./earlier-mounts.ts";
import { type MappedMount, mapOwners } from "./idmap.ts";
import type { LaunchInput } from "./launch-input.ts";
import { mountCgroups } from "./mount-cgroups.ts";
import { type MountOptions, readMountOptions } from "./mount-options.ts";
import type { Namespaces } from "./namespaces.ts";
import type { Register } from "./operation.ts";
import { mountContext } from "./security-labels.ts";
import { mountForUser } from "./user-mounts.ts";

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

/** What mounts are compiled from. */
export interface MountInput extends LaunchInput {
  readonly namespaces: Namespaces;
  /** Sources of bind mounts that are open already, by index in /mounts. */
  readonly opened: ReadonlyMap<number, Register> | undefined;
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

/**
 * Mounts what the configuration lists, in its order, below the root in register `root`. Control groups are left to
 * {@link compileLateMounts} unless another mount depends on them: until then the host's section may still be
 * making them. `beforeCgroups` adds what has to precede the first one that cannot wait.
 */
export function compileMounts(
  c: SectionBuilder,
  root: Register,
  input: MountInput,
  mapped: ReadonlyMap<number, MappedMount>,
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
    const at = `/mounts/${index}`;
    const opened = input.opened?.get(index);
    c.at(at, () =>
      compileMount(c, root, { mount, mapped: mapped.get(index), opened, index, at }, input, result),
    );
  }
  for (const userns of new Set([...mapped.values()].map((one) => one.userns))) c.add("close", { fd: userns });
  return result;
}

/** Mounts the control groups that {@link compileMounts} left out. */
export function compileLateMounts(
  c: SectionBuilder,
  root: Register,
  input: MountInput,
  result: MountResult,
): void {
  const mounts = input.config.mounts ?? [];
  for (const [index, mount] of mounts.entries()) {
    if (!isCgroup(mount) || !isLast(mounts, index)) continue;
    const at = `/mounts/${index}`;
    c.at(at, () =>
      compileMount(c, root, { mount, mapped: undefined, opened: undefined, index, at }, input, result),
    );
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

/** One mount of the configuration. */
export interface MountEntry {
  readonly mount: RuntimeMount;
  readonly options: MountOptions;
  readonly destination: string;
  readonly mapped: MappedMount | undefined;
  /** A bind mount's source that is open already. */
  readonly opened: Register | undefined;
  /** Its place in /mounts, and its JSON pointer. */
  readonly index: number;
  readonly at: string;
}

function compileMount(
  c: SectionBuilder,
  root: Register,
  given: Pick<MountEntry, "mount" | "mapped" | "opened" | "index" | "at">,
  input: MountInput,
  result: MountResult,
): void {
  const { at } = given;
  const mount = mountForUser(given.mount, at, input, result.warnings);
  const options = readMountOptions(mount);
  const destination = destinationOf(mount);
  const entry = { ...given, mount, options, destination };
  checkProc(at, mount, destination, options);
  checkCombination(entry);
  if (options.remount) compileRemount(c, root, entry);
  else if (isCgroup(mount) && !options.bind) mountCgroups(c, root, destination, options, input, at);
  else if (options.bind) compileBind(c, root, entry, input, result.warnings);
  else compileFilesystem(c, root, entry, input, result);
}

function checkCombination({ mount, options, mapped, at }: MountEntry): void {
  const { bind, copyUp, remount } = options;
  const what = remount ? "a remount" : bind ? "a bind mount" : shown(mount.type);
  if (copyUp && (remount || bind || mount.type !== "tmpfs")) {
    throw configFault(`${at}/options`, `tmpcopyup is for a tmpfs, not for ${what}`);
  }
  if (mapped !== undefined && (remount || (!bind && isCgroup(mount)))) {
    throw configFault(`${at}/options`, `an id mapping is for a new mount or a bind mount, not for ${what}`);
  }
  for (const name of options.links) {
    if (!bind) throw configFault(`${at}/options`, `${name} is for a bind mount, not for ${what}`);
  }
}

function checkProc(pointer: string, mount: RuntimeMount, destination: string, options: MountOptions): void {
  if (destination === "/proc") {
    if (options.bind || options.remount || mount.type === "proc") return;
    throw configFault(
      `${pointer}/destination`,
      `only procfs may be mounted on /proc, not ${shown(mount.type)}`,
    );
  }
  if (destination.startsWith("/proc/") && !PROC_FILES.has(destination)) {
    throw configFault(`${pointer}/destination`, `lies inside /proc: ${shown(destination)}`);
  }
}

function compileFilesystem(
  c: SectionBuilder,
  root: Register,
  entry: MountEntry,
  input: LaunchInput,
  result: MountResult,
): void {
  const { mount, options, destination, mapped, at } = entry;
  const { type } = mount;
  if (type === undefined || type === "" || type === "none") {
    throw configFault(`${at}/type`, "is missing", "a bind mount has the type or the option bind");
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
  // Of the file systems whose files have a version, ext4 alone has ever left the choice.
  if (options.iversion && type === "ext4") c.add("configure", { fs, key: "i_version", value: null });
  const context = mountContext(input.config.linux, input.host, type);
  if (context !== undefined)
    c.at("/linux/mountLabel", () => c.add("configure", { fs, key: "context", value: context }));
  const made = c.take(type);
  c.add("createMount", { out: made, fs, attributes: later ? attributes & ~k.MOUNT_ATTR_RDONLY : attributes });
  c.release(fs);
  if (mapped !== undefined) mapOwners(c, made, mapped);
  const target = resolveTarget(c, root, destination, "directory");
  if (type === "tmpfs" && !options.hasMode) c.add("copyMode", { from: target, to: made });
  if (options.copyUp) c.add("copyTree", { from: target, to: made, owner: options.hasOwner ? 0 : 1 });
  attach(c, made, target);
  if (options.propagation !== 0) setPropagation(c, made, options, options.propagation);
  if (later) result.readOnlyLater.push(made);
  else c.close(made);
}
