import { posix } from "node:path";
import type { SectionBuilder } from "./builder.ts";
import { enterCgroups, groupsToJoin } from "./cgroup-operations.ts";
import * as k from "./constants.ts";
import { compileDevices } from "./devices.ts";
import { compileHooks, hasHooks } from "./hooks.ts";
import { compileIdentity, environmentOf } from "./identity.ts";
import type { MappedMount } from "./idmap.ts";
import { awaitIntelRdt } from "./intel-rdt.ts";
import { type LaunchInput, Step } from "./launch-input.ts";
import { compileLateMounts, compileMounts, type MountResult, related } from "./mounts.ts";
import { joinMount, joinNamespaces, makeTime, type Namespaces } from "./namespaces.ts";
import { awaitNetDevices } from "./net-devices.ts";
import type { Register } from "./operation.ts";
import { compileRoot, enterRoot, protectRoot } from "./root.ts";
import { resetAffinity } from "./scheduling.ts";
import { type Label, openLabels } from "./security-labels.ts";
import type { SharedLayers } from "./shared-layers.ts";
import { openPlace, openSources, opensSources, type PlacedSources, type Sources } from "./sources.ts";
import { compileSysctls } from "./sysctl.ts";
import { bindConsole, openTerminal } from "./terminal.ts";
import { becomeRoot, grantable } from "./user-namespace.ts";

/** Descriptors of the host's section that the container's inherits. */
export interface Inherited {
  /** The FIFO at which it waits for `start`. */
  readonly fifo: Register | undefined;
  /** The mount over its root directory, without a mount namespace of its own. */
  readonly cover: Register | undefined;
  /** Mounts that show their files' owners through a mapping, by index. */
  readonly mapped: ReadonlyMap<number, MappedMount>;
  /** Layers of its root that the host's section has opened. */
  readonly clones: SharedLayers;
  /** What the host's section has opened for it. */
  readonly opened: Sources | undefined;
}

/** The section of the container's own process, from its first instruction to the user's program. */
export function compileContainer(
  c: SectionBuilder,
  input: LaunchInput,
  namespaces: Namespaces,
  { fifo, cover, mapped, clones, opened }: Inherited,
  warnings: string[],
): void {
  const { config } = input;
  const process = config.process!;
  const { user } = namespaces;
  const sources =
    user.kind === "none" ? undefined : enterUserNamespace(c, input, namespaces, { mapped, opened });
  const labels = prepareProcess(c, input, namespaces);
  const slave = buildRoot(c, input, namespaces, { cover, mapped, clones, sources }, warnings);
  if (slave !== undefined) {
    c.at("/process/terminal", () => c.add("attachTerminal", { slave }));
    c.close(slave);
  }
  // Before the system call filter, which may not know close_range; what is opened later is close-on-exec by itself.
  c.add("closeFrom", { first: 3 + (input.preserveFds ?? 0), cloexec: 1 });
  const host = grantable(user, input.host);
  const { setgroups } = user;
  const { linux } = config;
  resetAffinity(c);
  compileIdentity(
    c,
    { process, host, seccomp: input.seccomp, linux, labels, setgroups, at: "/process" },
    warnings,
  );
  if (fifo !== undefined) {
    c.add("notify", { event: Step.ready });
    c.add("awaitStart", { fifo });
    c.add("close", { fd: fifo });
  }
  compileHooks(c, input, "startContainer", "created");
  c.at("/process/args", () => c.add("execute", { args: process.args!, env: environmentOf(process) }));
}

/**
 * Into the user namespace: first what needs the caller's ids, then the namespaces that it is to own, then its root's
 * ids. Returns the sources of mounts that are open.
 */
function enterUserNamespace(
  c: SectionBuilder,
  input: LaunchInput,
  namespaces: Namespaces,
  { mapped, opened }: Pick<Inherited, "mapped" | "opened">,
): PlacedSources | undefined {
  const { user, renewed, newCgroup, offsets } = namespaces;
  // Until then the host's section writes to files in /proc that belong to the caller only while this may be traced.
  c.add("await", { event: Step.mapped });
  if (namespaces.mount !== "joined" || user.kind === "joined") enterCgroups(c, groupsToJoin(input.cgroups));
  if (user.kind === "joined") c.add("setDumpable", { value: 0 });
  joinNamespaces(c, namespaces);
  if (offsets !== "") makeTime(c, namespaces);
  if (renewed !== undefined) c.add("renew", { flags: renewed });
  joinMount(c, namespaces);
  const found = opened ?? (opensSources(namespaces) ? openSources(c, input, mapped) : undefined);
  const sources = found === undefined ? undefined : openPlace(c, input, found);
  // The root of a cgroup namespace is the group of its maker.
  if (newCgroup)
    c.at(pointerOf(input.config, "cgroup"), () => c.add("unshare", { flags: k.CLONE_NEWCGROUP }));
  c.add("setDumpable", { value: 0 });
  becomeRoot(c, input.config, user);
  return sources;
}

/** What concerns the process itself and needs paths of the host. */
function prepareProcess(c: SectionBuilder, input: LaunchInput, namespaces: Namespaces): readonly Label[] {
  const { config } = input;
  const labels = openLabels(c, config.process!, input.host, "/process");
  if (namespaces.user.kind === "none") {
    // Not to be traced or looked into by what already runs in a namespace that is joined (CVE-2016-9962).
    c.add("setDumpable", { value: 0 });
    setOomScore(c, config.process?.oomScoreAdj);
    joinNamespaces(c, namespaces);
    joinMount(c, namespaces);
  }
  awaitIntelRdt(c, input);
  awaitNetDevices(c, input);
  c.add("setsid", {});
  if (input.noNewKeyring !== true) c.add("joinKeyring", { name: `_ses.${input.id}` });
  if (namespaces.isNew("network")) c.add("raiseLoopback", {});
  const { hostname, domainname } = config;
  if ((hostname ?? "") !== "") c.at("/hostname", () => c.add("setHostname", { name: hostname! }));
  if ((domainname ?? "") !== "") c.at("/domainname", () => c.add("setDomainname", { name: domainname! }));
  return labels;
}

function setOomScore(c: SectionBuilder, oomScore: number | undefined): void {
  if (oomScore !== undefined) {
    c.at("/process/oomScoreAdj", () =>
      c.add("write", {
        dir: null,
        path: "/proc/self/oom_score_adj",
        data: `${oomScore}`,
        flags: k.O_WRONLY,
        ignore: 0,
      }),
    );
  }
}

/** Builds and enters the root file system. Returns the slave of the container's terminal. */
function buildRoot(
  c: SectionBuilder,
  input: LaunchInput,
  namespaces: Namespaces,
  {
    cover,
    mapped,
    clones,
    sources,
  }: Pick<Inherited, "cover" | "mapped" | "clones"> & { readonly sources: PlacedSources | undefined },
  warnings: string[],
): Register | undefined {
  const { config } = input;
  const { user } = namespaces;
  // Without one the root is a plain directory of the host's, in which nothing is made.
  const hasMounts = namespaces.mount !== "none" || cover !== undefined;
  let entered = user.kind !== "none";
  const comeIntoCgroups = () => {
    if (entered) return;
    entered = true;
    const groups = groupsToJoin(input.cgroups);
    if (groups.length > 0) {
      c.add("await", { event: Step.cgroupsMade });
      if (namespaces.mount !== "joined") enterCgroups(c, groups);
    }
    // The root of a cgroup namespace is the group of its maker: it is made only once that is the container's own.
    if (namespaces.newCgroup) {
      c.at(pointerOf(config, "cgroup"), () => c.add("unshare", { flags: k.CLONE_NEWCGROUP }));
    }
  };
  const root = compileRoot(c, input, namespaces.mount, cover, clones, sources);
  const mountInput = { ...input, namespaces, opened: sources?.mounts };
  const mounts = compileMounts(c, root, mountInput, mapped, comeIntoCgroups);
  warnings.push(...mounts.warnings);
  if (hasMounts && !mounts.devIsBound)
    compileDevices(c, root, input, user.kind === "none" ? undefined : warnings);
  makeWorkingDirectory(c, root, input);
  const slave =
    config.process?.terminal === true
      ? openTerminal(c, root, config.process, "/process", input.consoleSocket === undefined)
      : undefined;
  if (slave !== undefined && hasMounts) bindConsole(c, root, slave);
  const coversEarly = coveredPaths(input).some((path) =>
    mounts.lateDestinations.some((late) => related(path, late)),
  );
  if (coversEarly) {
    comeIntoCgroups();
    compileLateMounts(c, root, mountInput, mounts);
  }
  coverPaths(c, root, input);
  comeIntoCgroups();
  if (!coversEarly) compileLateMounts(c, root, mountInput, mounts);
  if (hasHooks(config, "prestart", "createRuntime")) {
    c.add("notify", { event: Step.mounted });
    c.add("await", { event: Step.hooksDone });
  }
  compileHooks(c, input, "createContainer", "creating");
  makeReadOnly(c, root, input, mounts);
  compileSysctls(c, input, namespaces);
  enterRoot(c, root, input, namespaces.mount);
  if (slave === undefined) c.add("refreshNull", { root });
  // The host's section still holds the cover under this number.
  if (cover === undefined) c.close(root);
  else c.add("close", { fd: root });
  return slave;
}

function pointerOf({ linux }: LaunchInput["config"], type: string): string {
  return `/linux/namespaces/${linux?.namespaces?.findIndex((namespace) => namespace.type === type)}`;
}

/** A working directory that the image lacks is made while the root can still be written. */
function makeWorkingDirectory(c: SectionBuilder, root: Register, { config }: LaunchInput): void {
  const path = posix.normalize(config.process!.cwd).slice(1);
  if (path === "") return;
  c.at("/process/cwd", () => {
    const directory = c.take(`/${path}`);
    c.add("resolve", { out: directory, root, path, create: 1, mode: 0o755, directory: 0 });
    c.close(directory);
  });
}

function coveredPaths({ config }: LaunchInput): string[] {
  return [...(config.linux?.maskedPaths ?? []), ...(config.linux?.readonlyPaths ?? [])].map((path) =>
    posix.normalize(path),
  );
}

/** Read-only paths first, then masked ones, which may lie below them. One that is listed twice is masked once. */
function coverPaths(c: SectionBuilder, root: Register, { config }: LaunchInput): void {
  const inside = (path: string) => posix.normalize(path).replace(/^\/+|\/+$/g, "");
  for (const [index, path] of (config.linux?.readonlyPaths ?? []).entries()) {
    c.at(`/linux/readonlyPaths/${index}`, () => c.add("protect", { root, path: inside(path) }));
  }
  const masked = config.linux?.maskedPaths ?? [];
  if (masked.length === 0) return;
  const file = c.take("/dev/null");
  const directory = c.take("empty directory");
  c.at("/linux/maskedPaths", () => {
    // The host's own null device, checked: one from the image could be anything (CVE-2025-31133).
    c.add("open", { out: file, dir: null, path: "/dev/null", flags: k.O_PATH | k.O_NOFOLLOW, mode: 0 });
    c.add("verify", { fd: file, kind: k.VERIFY_CHARACTER_DEVICE, major: 1, minor: 3 });
    const fs = c.take("new tmpfs");
    c.add("openFilesystem", { out: fs, type: "tmpfs" });
    c.add("configure", { fs, key: "mode", value: "755" });
    c.add("configure", { fs, key: "nr_inodes", value: "2" });
    c.add("createMount", { out: directory, fs, attributes: k.MOUNT_ATTR_RDONLY });
    c.release(fs);
  });
  const covered = new Set<string>();
  for (const [index, path] of masked.entries()) {
    if (covered.has(inside(path))) continue;
    covered.add(inside(path));
    c.at(`/linux/maskedPaths/${index}`, () => c.add("mask", { root, path: inside(path), file, directory }));
  }
  c.close(file);
  c.close(directory);
}

/** What had to be writable until everything was in its place. */
function makeReadOnly(
  c: SectionBuilder,
  root: Register,
  input: LaunchInput,
  { readOnlyLater }: MountResult,
): void {
  for (const target of readOnlyLater) {
    c.at("/mounts", () =>
      c.add("setMountAttributes", {
        target,
        recursive: 0,
        set: k.MOUNT_ATTR_RDONLY,
        clear: 0,
        propagation: 0,
        userns: null,
      }),
    );
    c.close(target);
  }
  protectRoot(c, root, input);
}
