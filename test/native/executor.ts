import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  encodePlan,
  type LaunchPlan,
  type Operation,
  PLAN_VERSION,
  type Register,
} from "../../src/runtime/index.ts";
import { repository } from "../support/index.ts";

const out = join(repository, "dist/native");

/** A build of corten-init that every test of this suite runs against. */
export interface Build {
  readonly name: string;
  readonly init: string;
}

/** The shipped program, and the one with AddressSanitizer and UBSan. */
export const builds: readonly Build[] = [
  { name: "corten-init", init: join(out, "corten-init") },
  { name: "corten-init under ASan", init: join(out, "asan/corten-init") },
];

/** Makes what the tests run; a second call costs one `make` that finds nothing to do. */
export function makeBuilds(...targets: readonly string[]): void {
  execFileSync("make", ["--silent", "-C", join(repository, "native"), `OUT=${out}`, ...targets], {
    stdio: ["ignore", "ignore", "inherit"],
  });
}

/** The registers of one plan: each name gets a number when it is first used. */
export class Registers {
  readonly labels: string[] = [];

  get(name: string): Register {
    const known = this.labels.indexOf(name);
    return (known >= 0 ? known : this.labels.push(name) - 1) as Register;
  }
}

/** An operation as tests write it: registers by name, `at` only where it matters, absent fields left out. */
export type Draft = { readonly op: Operation["op"]; readonly at?: string } & Readonly<
  Record<string, unknown>
>;

export interface Sections {
  readonly host?: readonly Draft[];
  readonly container?: readonly Draft[];
  readonly cleanup?: readonly Draft[];
  readonly onFailure?: readonly string[];
}

const REGISTER_FIELDS = new Set([
  "out",
  "dir",
  "root",
  "fd",
  "socket",
  "fs",
  "namespace",
  "target",
  "userns",
  "from",
  "to",
]);
const MORE_REGISTER_FIELDS = new Set([
  "file",
  "directory",
  "cgroup",
  "process",
  "mount",
  "terminal",
  "master",
  "slave",
]);
const LAST_REGISTER_FIELDS = new Set(["home", "devpts", "stdin", "stdout", "stderr", "fifo"]);

function isRegister(field: string, value: unknown): value is string {
  if (typeof value !== "string" || !value.startsWith("$")) return false;
  return [REGISTER_FIELDS, MORE_REGISTER_FIELDS, LAST_REGISTER_FIELDS].some((set) => set.has(field));
}

function complete(draft: Draft, registers: Registers): Operation {
  const fields = Object.entries(draft).map(([name, value]) => [
    name,
    isRegister(name, value) ? registers.get(value.slice(1)) : value,
  ]);
  return { at: "", ...DEFAULTS[draft.op], ...Object.fromEntries(fields) } as Operation;
}

const DEFAULTS: Readonly<Partial<Record<Operation["op"], Readonly<Record<string, unknown>>>>> = {
  open: { dir: null, flags: 0, mode: 0 },
  resolve: { create: 0, mode: 0o755, directory: 0 },
  verify: { major: 0, minor: 0 },
  connect: { seqpacket: 0 },
  openTree: { dir: null, path: "", flags: 1 },
  configure: { value: null },
  createMount: { attributes: 0 },
  setMountAttributes: { recursive: 0, set: 0, clear: 0, propagation: 0, userns: null },
  moveMount: { path: "" },
  makeDirectory: { dir: null, mode: 0o755 },
  write: { dir: null, flags: 1, ignore: 0 },
  makeNode: { uid: -1, gid: -1 },
  makeSymlink: { replace: 0 },
  setOwner: { uid: -1, gid: -1, mode: -1 },
  makeFifo: { dir: null, uid: -1, gid: -1 },
  remove: { dir: null },
  removeTree: { dir: null },
  clone: { out: "$child", section: "container", flags: 0, cgroup: null },
  recordProcess: { dir: null, plain: 0 },
  supervise: { terminal: null },
  recordExit: { dir: null, events: null },
  hook: { args: [], env: [], before: "", after: "", timeout: 0, tolerate: 0 },
  setUser: { groups: [], setgroups: 1 },
  changeDirectory: { create: 0 },
  openTerminal: { rows: 0, columns: 0, uid: -1, relayed: 1 },
  setStdio: { stdin: null, stdout: null, stderr: null },
  closeFrom: { first: 3, cloexec: 1 },
  renew: { flags: 0 },
  adopt: { out: "$child" },
  finish: { code: 0 },
  execute: { env: [] },
};

/** The plan of these sections; `directory` takes its failure file. A `$name` in a register's field names a register. */
export function makePlan(directory: string, sections: Sections): LaunchPlan {
  const registers = new Registers();
  const section = (drafts: readonly Draft[] = []) =>
    drafts.map((draft) => {
      const operation = complete(draft, registers);
      return draft.op === "clone" || draft.op === "adopt"
        ? ({ ...operation, out: registers.get("child") } as Operation)
        : operation;
    });
  const made = {
    host: section(sections.host),
    container: section(sections.container),
    cleanup: section(sections.cleanup),
  };
  return {
    version: PLAN_VERSION,
    registers: registers.labels,
    sections: made,
    failureFile: join(directory, "failure"),
    onFailure: sections.onFailure ?? [],
  };
}

/** The failure record: see operation.ts, `failureFile`. */
export interface FailureRecord {
  readonly section: string;
  readonly index: number;
  readonly operation: string;
  readonly at: string;
  readonly errno: number;
  readonly symbol: string;
  readonly kind: string;
  readonly message: string;
}

export interface Outcome {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly failure: FailureRecord | undefined;
}

export function readFailure(directory: string): FailureRecord | undefined {
  const path = join(directory, "failure");
  if (!existsSync(path)) return undefined;
  const [section, index, operation, at, errno, symbol, kind, message] = readFileSync(path, "utf8").split(
    "\0",
  );
  return {
    section: section!,
    index: Number(index),
    operation: operation!,
    at: at!,
    errno: Number(errno),
    symbol: symbol!,
    kind: kind!,
    message: message!,
  };
}

/** Writes the plan into the directory and returns its path. */
export function writePlan(directory: string, sections: Sections): string {
  const path = join(directory, "plan");
  writeFileSync(path, encodePlan(makePlan(directory, sections)), { mode: 0o600 });
  return path;
}

/** Runs the executor on a plan file. Sanitizer reports end the process with 99. */
export function runFile(
  init: string,
  path: string,
  options: { input?: string | Uint8Array; env?: NodeJS.ProcessEnv } = {},
) {
  const { status, signal, stdout, stderr } = spawnSync(init, [path], {
    encoding: "utf8",
    input: options.input ?? "",
    timeout: 20_000,
    env: options.env ?? {
      ...process.env,
      ASAN_OPTIONS: "detect_leaks=0:exitcode=99",
      UBSAN_OPTIONS: "exitcode=99",
    },
  });
  return { status, signal, stdout, stderr };
}

/** Runs the plan of these sections. */
export function runPlan(
  init: string,
  directory: string,
  sections: Sections,
  options: { input?: string | Uint8Array; env?: NodeJS.ProcessEnv } = {},
): Outcome {
  rmSync(join(directory, "failure"), { force: true });
  return { ...runFile(init, writePlan(directory, sections), options), failure: readFailure(directory) };
}

/** The host section of a foreground run: its child is watched over to the end. */
export const foreground = (clone: Partial<Draft> = {}): readonly Draft[] => [
  { ...clone, op: "clone" },
  { op: "awaitExec" },
  { op: "supervise" },
];

/** The last operations of a container section: becomes `/bin/sh -c script` of the host's own file system. */
export const shell = (script: string): readonly Draft[] => [
  { op: "closeFrom" },
  { op: "execute", args: ["/bin/sh", "-c", script], env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"] },
];

/** Linux's numbers that node has no names for. */
export const Kernel = {
  CLONE_NEWTIME: 0x80,
  CLONE_NEWNS: 0x20000,
  CLONE_NEWCGROUP: 0x2000000,
  CLONE_NEWUTS: 0x4000000,
  CLONE_NEWIPC: 0x8000000,
  CLONE_NEWUSER: 0x10000000,
  CLONE_NEWPID: 0x20000000,
  CLONE_NEWNET: 0x40000000,
  O_PATH: 0o10000000,
  AT_RECURSIVE: 0x8000,
  OPEN_TREE_CLONE: 1,
  MOUNT_ATTR_RDONLY: 1,
  MOUNT_ATTR_NOSUID: 2,
  MS_PRIVATE: 0x40000,
  ENOENT: 2,
  EACCES: 13,
} as const;
