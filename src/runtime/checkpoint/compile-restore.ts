import type { RuntimeResources } from "../../spec/index.ts";
import { type CgroupPlan, unifiedGroup } from "../cgroup/layout.ts";
import { cgroupLimits } from "../cgroup/limits.ts";
import { Registers, SectionBuilder } from "../plan/builder.ts";
import { filterDevices, makeCgroups, openGroup } from "../plan/cgroup-operations.ts";
import { compileCleanup } from "../plan/compile-cleanup.ts";
import { checkTerminal, connectConsole } from "../plan/console.ts";
import * as k from "../plan/constants.ts";
import { endHolder } from "../plan/holder.ts";
import { compileHooks, enterBundle, hasHooks } from "../plan/hooks.ts";
import { type LaunchInput, StateFile } from "../plan/launch-input.ts";
import { type LaunchPlan, PLAN_VERSION, type Register } from "../plan/operation.ts";
import type { MountPoint } from "./external.ts";

/** criu locks the network with programs that it looks for. */
const ENVIRONMENT = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"];

/** The container's root, the place where criu finds it, and the namespaces that criu inherits, as descriptors 5 and 6. */
export interface Place {
  readonly rootfs: string;
  readonly root: string;
  readonly namespaces: readonly string[];
  readonly mountPoints: readonly MountPoint[];
  /** Control groups to make, with their limits; absent where they are left alone. */
  readonly cgroups?: CgroupPlan;
}

/** The program, and what it is asked as a servant. */
export interface CriuTalk {
  readonly criu: string;
  /** Directory of the images, which a servant has as descriptor 4. */
  readonly images: string;
  readonly request: Uint8Array;
}

/**
 * The plan that makes a container from images. criu works in a mount namespace of its own, in which the container's root
 * is a mount: criu demands one, and nothing of it is seen on the host. The restored process is a child of this plan's
 * executor, which records it before it goes on, and in the foreground watches over it as over one that it has started.
 */
export function compileRestore(input: LaunchInput, talk: CriuTalk, place: Place): LaunchPlan {
  checkTerminal(input);
  const { mode, config, stateDirectory, pidFile } = input;
  const registers = new Registers();
  const h = new SectionBuilder("host", registers);
  const c = new SectionBuilder("container", registers);
  const cleanup = new SectionBuilder("cleanup", registers);
  if (mode === "foreground" && input.noSubreaper !== true) h.add("subreaper", {});
  enterBundle(h, input);
  const socket = connectConsole(h, input);
  h.add("makeDirectory", { dir: null, path: place.root, mode: 0o700 });
  makeGroups(h, place, config.linux?.resources);
  const terminal = askServant(h, talk, k.CLONE_NEWNS);
  if (hasHooks(config, "prestart", "createRuntime")) {
    // The namespaces are there, and nothing is in them yet: the network of engines is set up by these hooks.
    h.add("followServant", { step: "setup-namespaces", terminal });
    compileHooks(h, input, "prestart", "creating");
    compileHooks(h, input, "createRuntime", "creating");
    h.add("agreeServant", {});
  }
  h.add("followServant", { step: "post-restore", terminal });
  // Whatever happens now, a delete finds it. It runs for others once criu is through: until then a signal ends both.
  h.add("recordProcess", { dir: null, path: `${stateDirectory}/${StateFile.creating}`, plain: 0 });
  h.add("agreeServant", {});
  h.add("followServant", { step: null, terminal });
  if (input.holder !== undefined) endHolder(h, input.holder);
  h.add("recordProcess", { dir: null, path: `${stateDirectory}/${StateFile.init}`, plain: 0 });
  if (pidFile !== undefined) h.add("recordProcess", { dir: null, path: pidFile, plain: 1 });
  const watched = config.process?.terminal === true && socket === undefined ? terminal : null;
  if (socket !== undefined) {
    h.at("/process/terminal", () => {
      h.add("sendDescriptor", { socket, fd: terminal, message: "/dev/ptmx" });
    });
    h.close(terminal);
    h.close(socket);
  }
  if (mode === "detach") h.add("finish", { code: 0 });
  else h.at(watched === null ? "" : "/process/terminal", () => h.add("supervise", { terminal: watched }));
  placeRoot(c, place);
  becomeServant(c, talk, place.namespaces);
  compileCleanup(cleanup, input, { cover: undefined, devices: undefined, namespace: undefined });
  return assemble(registers, [h, c, cleanup], input);
}

/** The plan that writes a container with a terminal to images. */
export function compileTerminalDump(
  talk: CriuTalk,
  files: Pick<LaunchPlan, "failureFile" | "onFailure">,
): LaunchPlan {
  const registers = new Registers();
  const h = new SectionBuilder("host", registers);
  const c = new SectionBuilder("container", registers);
  const terminal = askServant(h, talk, 0);
  h.add("followServant", { step: null, terminal });
  h.add("finish", { code: 0 });
  becomeServant(c, talk, []);
  return assemble(registers, [h, c, new SectionBuilder("cleanup", registers)], files);
}

/** Begins the talk; returns the register that gets the master of a terminal. */
function askServant(h: SectionBuilder, { request }: CriuTalk, flags: number): Register {
  h.add("clone", { out: h.take("criu"), section: "container", flags, cgroup: null });
  h.add("askServant", { request });
  return h.take("terminal master");
}

function becomeServant(c: SectionBuilder, { criu, images }: CriuTalk, namespaces: readonly string[]): void {
  const open = (path: string, flags: number): Register => {
    const opened = c.take(path);
    c.add("open", { out: opened, dir: null, path, flags, mode: 0 });
    return opened;
  };
  const first = open(images, k.O_RDONLY | k.O_DIRECTORY);
  const [second, third] = namespaces.map((path) => open(path, k.O_RDONLY));
  const args = [criu, "--no-default-config", "swrk", "3"];
  c.add("becomeServant", { args, env: ENVIRONMENT, first, second: second ?? null, third: third ?? null });
}

/** As a start makes them: criu moves processes into groups, and a v1 cpuset without CPUs takes none. */
function makeGroups(h: SectionBuilder, { cgroups }: Place, resources: RuntimeResources | undefined): void {
  if (cgroups === undefined) return;
  const limits = cgroupLimits(cgroups, resources);
  for (const version of [1, 2] as const) makeCgroups(h, cgroups, version, limits);
  const unified = unifiedGroup(cgroups);
  if (unified === undefined || limits.deviceFilter === undefined) return;
  const group = openGroup(h, unified.path);
  filterDevices(h, group, limits);
  h.close(group);
}

function makeMountPoints(section: SectionBuilder, { mountPoints }: Place): void {
  for (const { base, path, directory } of mountPoints) {
    const top = section.take(base);
    section.add("open", { out: top, dir: null, path: base, flags: k.O_PATH | k.O_DIRECTORY, mode: 0 });
    const point = section.take(path);
    section.add("resolve", {
      out: point,
      root: top,
      path,
      create: directory ? 1 : 2,
      mode: 0o755,
      directory: 0,
    });
    section.close(point);
    section.close(top);
  }
}

function placeRoot(section: SectionBuilder, place: Place): void {
  const { rootfs, root } = place;
  makeMountPoints(section, place);
  const all = section.take("/");
  section.add("openTree", { out: all, dir: null, path: "/", flags: 0 });
  const attributes = { set: 0, clear: 0, propagation: k.MS_SLAVE, userns: null } as const;
  section.add("setMountAttributes", { target: all, recursive: 1, ...attributes });
  section.close(all);
  const tree = section.take("the container's root");
  section.add("openTree", { out: tree, dir: null, path: rootfs, flags: k.OPEN_TREE_CLONE | k.AT_RECURSIVE });
  const above = section.take(root);
  section.add("open", { out: above, dir: null, path: root, flags: k.O_PATH | k.O_DIRECTORY, mode: 0 });
  section.add("moveMount", { from: tree, to: above, path: "" });
  section.close(tree);
  section.close(above);
}

function assemble(
  registers: Registers,
  [host, container, cleanup]: readonly [SectionBuilder, SectionBuilder, SectionBuilder],
  { failureFile, onFailure }: Pick<LaunchPlan, "failureFile" | "onFailure">,
): LaunchPlan {
  return {
    version: PLAN_VERSION,
    registers: registers.labels,
    sections: {
      host: host.operations,
      container: container.operations,
      cleanup: cleanup.operations,
    },
    failureFile,
    onFailure,
  };
}
