import type { HostFacts, ProcessIdentity } from "../../host/index.ts";
import type { RuntimeConfig, RuntimeLinux, RuntimeNamespaceType, RuntimeProcess } from "../../spec/index.ts";
import { configFault } from "../config/check.ts";
import { Registers, SectionBuilder } from "./builder.ts";
import { enterCgroups, openGroup } from "./cgroup-operations.ts";
import * as k from "./constants.ts";
import { compileIdentity, environmentOf } from "./identity.ts";
import { enterRdtGroups, type RdtGroups } from "./intel-rdt.ts";
import type { CompiledLaunch, SeccompFilter } from "./launch-input.ts";
import { type LaunchPlan, PLAN_VERSION, type Register } from "./operation.ts";
import { connectPidfdSocket, sendPidfd } from "./pidfd.ts";
import { compileAffinity, resetAffinity } from "./scheduling.ts";
import { handListener } from "./seccomp-agent.ts";
import { openLabels } from "./security-labels.ts";
import { openTerminal, receiveTerminal } from "./terminal.ts";
import { becomeRoot, grantable } from "./user-namespace.ts";

/** What a plan for one more process in a running container is compiled from. */
export interface ExecInput {
  readonly id: string;
  /** The container's first process. */
  readonly target: ProcessIdentity;
  /** Namespaces that the container does not share with the host. */
  readonly namespaces: readonly RuntimeNamespaceType[];
  /** The container's configuration, for the maps of its user namespace. */
  readonly config?: RuntimeConfig;
  readonly process: RuntimeProcess;
  readonly host: Pick<HostFacts, "capabilities" | "userNamespace" | "security">;
  /** Directories of control groups of v1, which the process enters. */
  readonly cgroups: readonly string[];
  /** Groups of resctrl, which it enters as well. */
  readonly rdt?: RdtGroups;
  /** Directory of the control group of v2, which the process is born in. */
  readonly unifiedCgroup: string | undefined;
  readonly detach: boolean;
  readonly failureFile: string;
  readonly onFailure: readonly string[];
  readonly consoleSocket?: string;
  readonly pidFile?: string;
  readonly pidfdSocket?: string;
  readonly preserveFds?: number;
  /** The filter of the container, which applies to every process in it. */
  readonly seccomp?: SeccompFilter;
  /** The container's state as a seccomp agent is told it, JSON. */
  readonly state?: string;
  /** Settings of the container that hold for each of its processes. */
  readonly linux?: Pick<RuntimeLinux, "personality" | "memoryPolicy"> | undefined;
}

const FLAGS: Readonly<Partial<Record<RuntimeNamespaceType, number>>> = {
  mount: k.CLONE_NEWNS,
  network: k.CLONE_NEWNET,
  ipc: k.CLONE_NEWIPC,
  uts: k.CLONE_NEWUTS,
  user: k.CLONE_NEWUSER,
  cgroup: k.CLONE_NEWCGROUP,
};
const CHILD_FLAGS: Readonly<Partial<Record<RuntimeNamespaceType, number>>> = {
  pid: k.CLONE_NEWPID,
  time: k.CLONE_NEWTIME,
};

function flagsOf(types: readonly RuntimeNamespaceType[], table: typeof FLAGS): number {
  return types.reduce((flags, type) => flags | (table[type] ?? 0), 0);
}

/**
 * Compiles the plan that runs one more process in a container. The container is named by a pidfd whose start time
 * was checked, so a process that took over its number is never joined.
 *
 * @throws invalid-argument for a terminal that nobody would hold
 */
export function compileExec(input: ExecInput): CompiledLaunch {
  const { process } = input;
  checkTerminal(input);
  const registers = new Registers();
  const warnings: string[] = [];
  const h = new SectionBuilder("host", registers);
  const c = new SectionBuilder("container", registers);
  if (!input.detach) h.add("subreaper", {});
  let socket: Register | undefined;
  if (input.consoleSocket !== undefined) {
    socket = h.take(input.consoleSocket);
    h.add("connect", { out: socket, path: input.consoleSocket, seqpacket: 0 });
  }
  const pidfdSocket = connectPidfdSocket(h, input.pidfdSocket);
  const container = h.take(`container ${input.id}`);
  h.add("openProcess", { out: container, pid: input.target.pid, startTime: input.target.startTime });
  // Without a mount namespace of its own the container's root is known by this link alone.
  const chrooted = !input.namespaces.includes("mount");
  const root = chrooted ? h.take("container's root") : undefined;
  if (root !== undefined) {
    const path = `/proc/${input.target.pid}/root`;
    h.add("open", { out: root, dir: null, path, flags: k.O_PATH | k.O_DIRECTORY, mode: 0 });
    // The link was followed by number: the process must be the same one afterwards.
    const again = h.take(`container ${input.id} again`);
    h.add("openProcess", { out: again, pid: input.target.pid, startTime: input.target.startTime });
    h.close(again);
  }
  const group = input.unifiedCgroup === undefined ? null : openGroup(h, input.unifiedCgroup);
  // Others in the container must not be able to trace this process while it still holds the host's files.
  h.add("setDumpable", { value: 0 });
  // The process inherits it, and is born in the group of v2 with it.
  compileAffinity(h, process, "initial");
  const child = h.take("process");
  h.add("clone", { out: child, section: "container", flags: 0, cgroup: group });
  if (flagsOf(input.namespaces, CHILD_FLAGS) !== 0) h.add("adopt", { out: child });
  compileProcess(c, input, { container, root, group }, warnings);
  const terminal = process.terminal === true ? receiveTerminal(h, socket, "/process") : undefined;
  handListener(h, input.seccomp, [input.state ?? "{}"]);
  h.add("awaitExec", {});
  if (input.pidFile !== undefined) h.add("recordProcess", { dir: null, path: input.pidFile, plain: 1 });
  sendPidfd(h, pidfdSocket, child);
  if (input.detach) h.add("finish", { code: 0 });
  else h.add("supervise", { terminal: terminal ?? null });
  return { plan: assemble(registers, h, c, input), warnings };
}

function assemble(registers: Registers, h: SectionBuilder, c: SectionBuilder, input: ExecInput): LaunchPlan {
  return {
    version: PLAN_VERSION,
    registers: registers.labels,
    sections: { host: h.operations, container: c.operations, cleanup: [] },
    failureFile: input.failureFile,
    onFailure: input.onFailure,
  };
}

/** Descriptors of the host that the section has inherited. */
interface Inherited {
  readonly container: Register;
  readonly root: Register | undefined;
  readonly group: Register | null;
}

function compileProcess(
  c: SectionBuilder,
  input: ExecInput,
  { container, root, group }: Inherited,
  warnings: string[],
): void {
  const { process } = input;
  const inUser = input.namespaces.includes("user");
  // Files in /proc of a process that may not be traced are root's, which a caller without privileges is not.
  if (!inUser) c.add("setDumpable", { value: 0 });
  const oomScore = process.oomScoreAdj;
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
  const labels = openLabels(c, process, input.host, "/process");
  if (inUser) c.add("setDumpable", { value: 0 });
  // While the host's control groups can still be seen, and before anything of the container runs.
  enterCgroups(c, input.cgroups);
  if (input.rdt !== undefined) enterRdtGroups(c, input.rdt);
  resetAffinity(c, process);
  compileAffinity(c, process, "final");
  const around = flagsOf(input.namespaces, CHILD_FLAGS);
  // In one call, which starts with the user namespace: a caller without privileges has rights over the others in it.
  const flags = flagsOf(input.namespaces, FLAGS) | around;
  if (flags !== 0) c.add("join", { fd: container, flags });
  if (root !== undefined) {
    c.add("changeRoot", { root });
    c.add("close", { fd: root });
  }
  c.add("close", { fd: container });
  if (group !== null) c.add("close", { fd: group });
  // Only the process that follows is seen by those in the container, and has nothing of the host (CVE-2016-9962).
  if (around !== 0) c.add("renew", { flags: 0 });
  const user = {
    kind: inUser ? "joined" : "none",
    setgroups: inUser ? 2 : input.host.userNamespace.setgroups ? 1 : 0,
  } as const;
  becomeRoot(c, input.config, user);
  c.add("setsid", {});
  c.add("joinKeyring", { name: `_ses.${input.id}` });
  const inside = c.take("container's root directory");
  c.add("open", { out: inside, dir: null, path: "/", flags: k.O_PATH | k.O_DIRECTORY, mode: 0 });
  if (process.terminal === true) {
    const slave = openTerminal(c, inside, process, "/process", input.consoleSocket === undefined);
    c.at("/process/terminal", () => c.add("attachTerminal", { slave }));
    c.close(slave);
  } else c.add("refreshNull", { root: inside });
  c.close(inside);
  // Before the system call filter, which may not know close_range; what is opened later is close-on-exec by itself.
  c.add("closeFrom", { first: 3 + (input.preserveFds ?? 0), cloexec: 1 });
  const { setgroups } = user;
  const host = grantable(user, input.host);
  compileIdentity(
    c,
    { process, host, seccomp: input.seccomp, linux: input.linux, labels, setgroups, at: "/process" },
    warnings,
  );
  c.at("/process/args", () => c.add("execute", { args: process.args!, env: environmentOf(process) }));
}

function checkTerminal({ process, consoleSocket, detach }: ExecInput): void {
  const terminal = process.terminal === true;
  if (terminal && detach && consoleSocket === undefined) {
    throw configFault(
      "/process/terminal",
      "cannot allocate a terminal for a detached process without a console socket",
    );
  }
  if (!terminal && consoleSocket !== undefined) {
    throw configFault(
      "/process/terminal",
      "is false: a console socket would wait for a terminal that never comes",
    );
  }
}

/** The plan that sends a signal to a process and to no other that took over its number. */
export function compileSignal(
  target: ProcessIdentity,
  signal: number,
  files: Pick<LaunchPlan, "failureFile" | "onFailure">,
): LaunchPlan {
  const registers = new Registers();
  const h = new SectionBuilder("host", registers);
  const process = h.take(`process ${target.pid}`);
  h.add("openProcess", { out: process, pid: target.pid, startTime: target.startTime });
  h.add("signal", { process, signal });
  h.add("finish", { code: 0 });
  return {
    version: PLAN_VERSION,
    registers: registers.labels,
    sections: { host: h.operations, container: [], cleanup: [] },
    ...files,
  };
}
