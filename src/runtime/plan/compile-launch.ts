import { posix } from "node:path";
import { cgroupOwner, DELEGATED_FILES } from "../cgroup/delegation.ts";
import { unifiedGroup } from "../cgroup/layout.ts";
import type { CgroupLimits } from "../cgroup/limit-write.ts";
import { cgroupLimits } from "../cgroup/limits.ts";
import { configFault } from "../config/check.ts";
import { Registers, SectionBuilder } from "./builder.ts";
import { filterDevices, groupsToJoin, joinCgroups, makeCgroups, openGroup } from "./cgroup-operations.ts";
import { compileCleanup, type HeldByHost } from "./compile-cleanup.ts";
import { compileContainer } from "./compile-container.ts";
import { checkTerminal, connectConsole } from "./console.ts";
import * as k from "./constants.ts";
import { endHolder } from "./holder.ts";
import { compileHooks, enterBundle, hasHooks, hookState } from "./hooks.ts";
import { prepareMappedMounts } from "./idmap.ts";
import { compileIntelRdt } from "./intel-rdt.ts";
import { type CompiledLaunch, type LaunchInput, StateFile, Step } from "./launch-input.ts";
import { cloneInto, type Namespaces, openNamespaces } from "./namespaces.ts";
import { compileNetDevices } from "./net-devices.ts";
import { makeNotification } from "./notify.ts";
import { PLAN_VERSION, type Register } from "./operation.ts";

import { connectPidfdSocket, sendPidfd } from "./pidfd.ts";

import { handListener } from "./seccomp-agent.ts";
import { letGoLayers, shareLayers } from "./shared-layers.ts";
import { coverRoot, mountsWithoutNamespace } from "./shared-mounts.ts";
import { letGo, openSources, opensSources } from "./sources.ts";
import { receiveTerminal } from "./terminal.ts";
import { prepareChild, type UserNamespace } from "./user-namespace.ts";

/**
 * Compiles a configuration and what is known about the host into the plan that makes and starts a container. Pure:
 * the same input gives the same plan, and nothing is looked at or changed.
 *
 * The host's section stays in the host's namespaces: it clones the container's process, makes the control groups
 * while it mounts its file systems, runs hooks, and tells the world about it. The container's
 * section builds its root file system and gives up privileges step by step, until it becomes the user's program.
 *
 * @throws invalid-argument for a configuration that contradicts itself, failed-precondition for one that this host
 *   cannot satisfy, unimplemented for a setting that is not supported; each with its JSON pointer
 */
export function compileLaunch(input: LaunchInput): CompiledLaunch {
  const registers = new Registers();
  const warnings: string[] = [];
  const h = new SectionBuilder("host", registers);
  const c = new SectionBuilder("container", registers);
  const cleanup = new SectionBuilder("cleanup", registers);
  const held = compileHost(h, c, input, warnings);
  compileCleanup(cleanup, input, held);
  return {
    plan: {
      version: PLAN_VERSION,
      registers: registers.labels,
      sections: { host: h.operations, container: c.operations, cleanup: cleanup.operations },
      failureFile: input.failureFile,
      onFailure: input.onFailure,
    },
    warnings,
  };
}

/** Returns what the cleanup section is to undo. */
function compileHost(
  h: SectionBuilder,
  c: SectionBuilder,
  input: LaunchInput,
  warnings: string[],
): HeldByHost {
  const { config, mode, cgroups, stateDirectory } = input;
  checkTerminal(input);
  const limits = cgroupLimits(cgroups, config.linux?.resources);
  warnings.push(...limits.warnings);
  if (mode === "foreground" && input.noSubreaper !== true) h.add("subreaper", {});
  enterBundle(h, input);
  const socket = connectConsole(h, input);
  const pidfdSocket = connectPidfdSocket(h, input.pidfdSocket);
  const ready = makeNotification(h, input);
  const namespaces = openNamespaces(h, input);
  const { user } = namespaces;
  const fifo = mode === "create" ? makeFifo(h, stateDirectory) : undefined;

  // On v2 the process is born in its group. Groups of v1 are made while the container mounts its file systems; it
  // enters them when it needs them.
  const unified = unifiedGroup(cgroups);
  if (unified !== undefined) makeCgroups(h, cgroups, 2, limits);
  const group = unified === undefined ? null : openGroup(h, unified.path);
  if (group !== null && mayFilterDevices(input, limits, warnings)) filterDevices(h, group, limits);
  if (unified !== undefined) delegateGroup(h, unified.path, input);
  const entered = groupsToJoin(cgroups);
  // A process in a user namespace enters its groups while it is still the caller's: they must be there.
  if (user.kind !== "none" && entered.length > 0) makeCgroups(h, cgroups, 1, limits);
  const cover = coverOf(h, input, namespaces);
  const mapped = prepareMappedMounts(h, input);
  const opened =
    opensSources(namespaces) && user.clonesMounts ? openSources(h, input, mapped.mounts) : undefined;
  const clones = shareLayers(h, input.root, input.host);
  const child = h.take("container's process");
  cloneInto(h, namespaces, () =>
    h.add("clone", { out: child, section: "container", flags: namespaces.cloned, cgroup: group }),
  );
  if (opened !== undefined) letGo(h, opened);
  letGoLayers(h, clones);
  compileContainer(c, input, namespaces, { fifo, cover, mapped: mapped.mounts, clones, opened }, warnings);
  mapped.release();
  let namespace: Register | undefined;
  if (user.kind !== "none") {
    if (namespaces.mount === "joined" && user.kind === "new") joinCgroups(h, entered);
    prepareChild(h, input, user, () => {
      namespace = keepNamespace(h, input, user);
    });
  }
  if (namespaces.renewed !== undefined) h.add("adopt", { out: child });
  compileIntelRdt(h, input);
  const devices = compileNetDevices(h, input, namespaces);
  const early = hasHooks(config, "prestart", "createRuntime", "createContainer");
  if (early) record(h, posix.join(stateDirectory, StateFile.creating), false);
  if (user.kind === "none" && entered.length > 0) {
    makeCgroups(h, cgroups, 1, limits);
    // A mount namespace that is joined need not show the host's control groups.
    if (namespaces.mount === "joined") joinCgroups(h, entered);
    h.add("notify", { event: Step.cgroupsMade });
  }
  const terminal = config.process?.terminal === true ? receiveTerminal(h, socket, "/process") : undefined;
  if (hasHooks(config, "prestart", "createRuntime")) {
    h.add("await", { event: Step.mounted });
    compileHooks(h, input, "prestart", "creating");
    compileHooks(h, input, "createRuntime", "creating");
    h.add("notify", { event: Step.hooksDone });
  }
  const { before, after } = hookState(input, "creating");
  handListener(h, input.seccomp, [before, after]);
  finishHost(h, input, { terminal, child, pidfdSocket, ready });
  return { cover, devices, namespace };
}

/** Keeps the user namespace of a container whose files are to be removed by a user that has no rights over them. */
function keepNamespace(h: SectionBuilder, input: LaunchInput, user: UserNamespace): Register | undefined {
  if (user.kind !== "new" || user.privileged || (input.cleanupPaths ?? []).length === 0) return undefined;
  const namespace = h.take("container's user namespace");
  h.add("childNamespace", { out: namespace, name: "user" });
  return namespace;
}

/** What the host's section holds of a container that is made. */
interface Held {
  readonly terminal: Register | undefined;
  /** A pidfd of its process. */
  readonly child: Register;
  readonly pidfdSocket: Register | undefined;
  /** The socket at which it says that it is ready. */
  readonly ready: Register | undefined;
}

function finishHost(h: SectionBuilder, input: LaunchInput, held: Held): void {
  const { mode, stateDirectory, pidFile } = input;
  if (mode === "create") h.add("await", { event: Step.ready });
  else h.add("awaitExec", {});
  if (input.holder !== undefined) endHolder(h, input.holder);
  record(h, posix.join(stateDirectory, StateFile.init), false);
  if (pidFile !== undefined) record(h, pidFile, true);
  sendPidfd(h, held.pidfdSocket, held.child);
  if (mode === "create") {
    h.add("finish", { code: 0 });
    return;
  }
  compileHooks(h, input, "poststart", "running");
  if (held.ready !== undefined) {
    // In the foreground it is this process that the service manager knows, and that stays.
    const [pid, background] = mode === "detach" ? [-1, 0] : [0, 1];
    const { ready: socket, child: process } = held;
    h.add("forwardReady", { socket, process, target: input.notifySocket!, pid, background });
  }
  if (mode === "detach") {
    h.add("finish", { code: 0 });
    return;
  }
  h.add("supervise", { terminal: held.terminal ?? null });
  if (input.exitFile !== undefined) {
    h.add("recordExit", { dir: null, path: input.exitFile, events: oomEvents(input) });
  }
}

function coverOf(h: SectionBuilder, input: LaunchInput, { user }: Namespaces): Register | undefined {
  if (!mountsWithoutNamespace(input.config)) return undefined;
  if (user.kind === "none") return coverRoot(h, input);
  throw configFault(
    "/linux/namespaces",
    "has a user namespace, in which nothing may be mounted without a mount namespace",
    "add a mount namespace",
  );
}

/** CAP_SYS_ADMIN of the first user namespace, which the kernel wants of who attaches a program to a control group. */
const SYS_ADMIN = 21;

/**
 * Who may not filter devices cannot make their nodes either, nor give the container a right to any that its own user
 * lacks: the rules are left out then, and a warning says so.
 */
function mayFilterDevices({ host }: LaunchInput, limits: CgroupLimits, warnings: string[]): boolean {
  const able = Math.floor(host.capabilities.permitted / 2 ** SYS_ADMIN) % 2 === 1;
  if (limits.deviceFilter === undefined || (able && host.userNamespace.initial)) return true;
  warnings.push("/linux/resources/devices is left out: without privileges no device filter can be attached");
  return false;
}

function delegateGroup(h: SectionBuilder, path: string, input: LaunchInput): void {
  const uid = cgroupOwner(input.cgroups, input.config);
  if (uid === undefined) return;
  const files = input.delegatedFiles ?? DELEGATED_FILES;
  h.at("/linux/cgroupsPath", () => h.add("delegateCgroup", { path, uid, files }));
}

function record(h: SectionBuilder, path: string, plain: boolean): void {
  h.add("recordProcess", { dir: null, path, plain: plain ? 1 : 0 });
}

/** The file that tells whether the kernel killed for want of memory. */
function oomEvents({ cgroups }: LaunchInput): string | null {
  if (cgroups.mode === "unified") {
    const group = unifiedGroup(cgroups);
    return group === undefined ? null : `${group.path}/memory.events`;
  }
  const memory = cgroups.groups.find(({ hierarchy }) => hierarchy.controllers.includes("memory"));
  return memory === undefined ? null : `${memory.path}/memory.oom_control`;
}

/** The FIFO at which the container waits for `start`. */
function makeFifo(h: SectionBuilder, stateDirectory: string): Register {
  const path = posix.join(stateDirectory, StateFile.fifo);
  const fifo = h.take(path);
  // The container's process opens it for writing as the user that it has become; the directory keeps others away.
  h.add("makeFifo", { dir: null, path, mode: 0o622, uid: -1, gid: -1 });
  h.add("open", { out: fifo, dir: null, path, flags: k.O_PATH, mode: 0 });
  return fifo;
}
