import { lstatSync, readlinkSync, statSync } from "node:fs";
import { posix } from "node:path";
import { CortenError, type RuntimeConfig } from "../../spec/index.ts";
import { unifiedGroup } from "../cgroup/layout.ts";
import { destinationOf } from "../plan/earlier-mounts.ts";
import { readMountOptions } from "../plan/mount-options.ts";
import type { CriuSubject } from "./options.ts";

/** The kernel's own limit. */
const MAX_LINKS = 40;

/** A mount whose contents are the host's, and what it shows on restore. */
export interface ExternalMount {
  /** As the mount table of the container has it, without symlinks. */
  readonly destination: string;
  readonly source: string;
}

/**
 * What criu is not to write to the images, and to find again on restore: what is bound into the container, and the
 * container's control groups, which are binds of its own groups.
 */
export function externalMounts(subject: CriuSubject, bundle: string): ExternalMount[] {
  const mounts = subject.config.mounts ?? [];
  const groups = mounts
    .filter((mount) => /^cgroup2?$/.test(mount.type ?? "") && !readMountOptions(mount).bind)
    .flatMap((mount) => groupMounts(destinationOf(mount), subject.cgroups));
  const all = [...boundMounts(subject, bundle), ...groups];
  for (const { destination } of all) checkCriuName(destination);
  return all;
}

/**
 * criu is told of a mount as `mnt[NAME]:VALUE`. A name with the closing bracket in it, which a symlink of the image can
 * bring about, would be taken for another mount's, with the rest as its source (CVE-2026-119101).
 */
export function checkCriuName(name: string): void {
  if (!/[\]\n]/.test(name)) return;
  throw new CortenError(
    "failed-precondition",
    `criu cannot be told of the mount on ${JSON.stringify(name)}`,
    {
      hint: 'its name, after the symlinks of the image, has a "]" or a line break',
    },
  );
}

function boundMounts({ config, rootfs }: CriuSubject, bundle: string): ExternalMount[] {
  return (config.mounts ?? [])
    .filter((mount) => readMountOptions(mount).bind)
    .map((mount) => ({
      destination: resolveInRoot(rootfs, destinationOf(mount)),
      source: posix.resolve(bundle, mount.source ?? ""),
    }));
}

/** A mount point that may be missing on restore: a path below a directory of the host's. */
export interface MountPoint {
  readonly base: string;
  readonly path: string;
  readonly directory: boolean;
}

/** The places of bind mounts that lie on what the host has: the container's root, or the source of another bind mount. */
export function mountPoints(subject: CriuSubject, bundle: string): MountPoint[] {
  const bound = boundMounts(subject, bundle);
  const all = (subject.config.mounts ?? []).map((mount) =>
    resolveInRoot(subject.rootfs, destinationOf(mount)),
  );
  return bound.flatMap(({ destination, source }) => {
    const above = all
      .filter((other) => destination.startsWith(`${other}/`))
      .sort((one, other) => other.length - one.length)[0];
    const base =
      above === undefined ? subject.rootfs : bound.find((one) => one.destination === above)?.source;
    // What lies on a file system of the container's own is in the images.
    if (base === undefined) return [];
    const directory = statSync(source, { throwIfNoEntry: false })?.isDirectory() === true;
    return [{ base, path: destination.slice((above ?? "").length + 1), directory }];
  });
}

/** Follows the symlinks of `path` inside `root`. What is missing stays as it is. */
function resolveInRoot(root: string, path: string): string {
  const left = path.split("/").filter(Boolean);
  const done: string[] = [];
  for (let links = 0; left.length > 0; ) {
    const name = left.shift()!;
    if (name === ".") continue;
    if (name === "..") {
      done.pop();
      continue;
    }
    const here = posix.join(root, ...done, name);
    if (lstatSync(here, { throwIfNoEntry: false })?.isSymbolicLink() !== true) {
      done.push(name);
      continue;
    }
    links++;
    if (links > MAX_LINKS) throw new CortenError("invalid-argument", `too many symlinks: ${path}`);
    const target = readlinkSync(here);
    if (target.startsWith("/")) done.length = 0;
    left.unshift(...target.split("/").filter(Boolean));
  }
  return `/${done.join("/")}`;
}

/**
 * The masked paths of a running container that are files: the host's null device covers them. Directories are covered
 * by a file system of their own, which the images hold.
 */
export function maskedFiles({ linux }: RuntimeConfig, pid: number): string[] {
  return (linux?.maskedPaths ?? []).filter((path) => {
    checkCriuName(path);
    const status = lstatSync(posix.join(`/proc/${pid}/root`, path), { throwIfNoEntry: false });
    return status !== undefined && !status.isDirectory();
  });
}

function groupMounts(destination: string, cgroups: CriuSubject["cgroups"]): ExternalMount[] {
  if (cgroups.mode === "unified") {
    const source = unifiedGroup(cgroups)?.path;
    return source === undefined ? [] : [{ destination, source }];
  }
  const sources = new Map<string, string>();
  for (const { hierarchy, path } of cgroups.groups) {
    const { version, directory } = hierarchy;
    if (version === 1 && !sources.has(directory)) sources.set(directory, path);
  }
  return [...sources].map(([name, source]) => ({ destination: posix.join(destination, name), source }));
}

/** A namespace that was there before the container; criu's name for its kind, and the name that runc gives it in images. */
export interface ExternalNamespace {
  readonly kind: "net" | "pid";
  readonly key: string;
  readonly path: string;
}

/** The network and PID namespaces that the configuration names by a path. */
export function externalNamespaces({ linux }: RuntimeConfig): ExternalNamespace[] {
  const path = (wanted: string) => linux?.namespaces?.find(({ type }) => type === wanted)?.path ?? "";
  const found = [
    { kind: "net", key: "extRootNetNS", path: path("network") },
    { kind: "pid", key: "extRootPidNS", path: path("pid") },
  ] as const;
  return found.filter((namespace) => namespace.path !== "");
}

/** The options of a dump that leave them out. */
export function namespaceArguments(config: RuntimeConfig): string[] {
  return externalNamespaces(config).flatMap(({ kind, key, path }) => [
    "--external",
    `${kind}[${statSync(path).ino}]:${key}`,
  ]);
}
