import type { RuntimeResources } from "../../spec/index.ts";
import { type CgroupPlan, unifiedGroup } from "../cgroup/layout.ts";
import { cgroupLimits } from "../cgroup/limits.ts";
import { Registers, SectionBuilder } from "../plan/builder.ts";
import { filterDevices, makeCgroups, openGroup } from "../plan/cgroup-operations.ts";
import * as k from "../plan/constants.ts";
import { type LaunchPlan, PLAN_VERSION } from "../plan/operation.ts";
import type { MountPoint } from "./external.ts";

/** criu locks the network with programs that it looks for. */
const ENVIRONMENT = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"];

type Files = Pick<LaunchPlan, "failureFile" | "onFailure">;
/** The container's root, the place where criu finds it, and the namespaces that criu finds as its standard streams. */
export interface Place {
  readonly rootfs: string;
  readonly root: string;
  readonly namespaces: readonly string[];
  readonly mountPoints: readonly MountPoint[];
  /** Control groups to make, with their limits; absent where they are left alone. */
  readonly cgroups?: CgroupPlan;
  readonly resources?: RuntimeResources | undefined;
}

/** What criu is asked as a servant, which a container with a terminal takes: only so is the terminal handed over. */
export interface CriuTalk {
  readonly criu: string;
  readonly request: Uint8Array;
  /** Socket that receives the terminal's master. */
  readonly consoleSocket?: string;
}

/**
 * The plan that runs criu in a mount namespace of its own, in which the container's root is a mount: criu demands one,
 * and nothing of it is seen on the host.
 */
export function compileRestore(criu: readonly string[], place: Place, files: Files): LaunchPlan {
  const registers = new Registers();
  const h = new SectionBuilder("host", registers);
  const c = new SectionBuilder("container", registers);
  h.add("makeDirectory", { dir: null, path: place.root, mode: 0o700 });
  makeGroups(h, place);
  const child = h.take("criu");
  h.add("clone", { out: child, section: "container", flags: k.CLONE_NEWNS, cgroup: null });
  h.add("awaitExec", {});
  h.add("supervise", { terminal: null });
  placeRoot(c, place);
  openStreams(c, place);
  c.add("closeFrom", { first: 3, cloexec: 1 });
  c.add("execute", { args: criu, env: ENVIRONMENT });
  return assemble(registers, h, c, files);
}

/** The same for a container with a terminal. */
export function compileTerminalRestore(talk: CriuTalk, place: Place, files: Files): LaunchPlan {
  const registers = new Registers();
  const h = new SectionBuilder("host", registers);
  h.add("makeDirectory", { dir: null, path: place.root, mode: 0o700 });
  makeGroups(h, place);
  h.add("unshare", { flags: k.CLONE_NEWNS });
  placeRoot(h, place);
  openStreams(h, place);
  askCriu(h, talk);
  return assemble(registers, h, new SectionBuilder("container", registers), files);
}

/** The plan that writes a container with a terminal to images. */
export function compileTerminalDump(talk: CriuTalk, files: Files): LaunchPlan {
  const registers = new Registers();
  const h = new SectionBuilder("host", registers);
  askCriu(h, talk);
  return assemble(registers, h, new SectionBuilder("container", registers), files);
}

/** As a start makes them: criu moves processes into groups, and a v1 cpuset without CPUs takes none. */
function makeGroups(h: SectionBuilder, { cgroups, resources }: Place): void {
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

function openStreams(section: SectionBuilder, { namespaces }: Place): void {
  const [stdin, stdout] = namespaces.map((path) => {
    const namespace = section.take(path);
    section.add("open", { out: namespace, dir: null, path, flags: k.O_RDONLY, mode: 0 });
    return namespace;
  });
  if (stdin !== undefined) section.add("setStdio", { stdin, stdout: stdout ?? null, stderr: null });
}

function askCriu(h: SectionBuilder, { criu, request, consoleSocket }: CriuTalk): void {
  const terminal = h.take("terminal");
  const program = [criu, "--no-default-config", "swrk", "3"];
  const ask = { program, env: ENVIRONMENT, request, terminal };
  if (consoleSocket === undefined) h.add("askCriu", ask);
  else {
    const socket = h.take(consoleSocket);
    h.add("connect", { out: socket, path: consoleSocket, seqpacket: 0 });
    h.add("askCriu", ask);
    h.at("/process/terminal", () => h.add("sendDescriptor", { socket, fd: terminal, message: "/dev/ptmx" }));
  }
  h.add("finish", { code: 0 });
}

function assemble(registers: Registers, h: SectionBuilder, c: SectionBuilder, files: Files): LaunchPlan {
  return {
    version: PLAN_VERSION,
    registers: registers.labels,
    sections: { host: h.operations, container: c.operations, cleanup: [] },
    ...files,
  };
}
