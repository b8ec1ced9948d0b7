import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { commandOutput, repository, temporaryDirectory } from "../support/index.ts";

const sources = join(repository, "native/monitor");

/** The monitor as it is shipped, a build that sanitizers watch, and the stand-in for the executor. */
export interface MonitorPrograms {
  readonly monitor: string;
  readonly executor: string;
}

/** Compiles the monitor with `flags`, and the executor, into `directory`. */
export async function compileMonitor(directory: string, flags: readonly string[]): Promise<MonitorPrograms> {
  const monitor = join(directory, "corten-monitor");
  const executor = join(directory, "executor");
  const files = readdirSync(sources).filter((name) => name.endsWith(".c"));
  const warnings = ["-std=c11", "-Wall", "-Wextra", "-Werror"];
  await commandOutput("cc", [
    ...warnings,
    ...flags,
    ...files.map((name) => join(sources, name)),
    "-o",
    monitor,
  ]);
  await commandOutput("cc", ["-O1", join(import.meta.dirname, "executor.c"), "-o", executor]);
  return { monitor, executor };
}

/** What a started monitor is told. */
export interface MonitorOptions {
  readonly flags?: readonly string[];
  /** The container's command; default: none, and `executorArgs` says what the executor does. */
  readonly command?: readonly string[];
  readonly executorArgs?: readonly string[];
  readonly terminal?: boolean;
}

/** A running monitor and its files. */
export interface MonitorRun extends AsyncDisposable {
  readonly directory: string;
  readonly pid: number;
  /** The first report: `ready PID`, `failed CODE`, `held 0` or `error …`. */
  readonly report: string;
  readonly stderr: () => string;
  log(): string;
  exitRecord(): string;
  /** Waits for the monitor's own end. */
  readonly exit: Promise<number | null>;
}

/** Starts a monitor and waits for its first report. */
export async function startMonitor(programs: MonitorPrograms, options: MonitorOptions): Promise<MonitorRun> {
  const scratch = temporaryDirectory("monitor");
  const directory = join(scratch.path, "run");
  mkdirSync(directory, { mode: 0o700 });
  const file = (name: string) => join(directory, name);
  const { command = [], flags = [], terminal = false } = options;
  const executor = options.executorArgs ?? [...(terminal ? ["--terminal"] : []), file("record"), ...command];
  const args = ["run", "--dir", directory, "--record", file("record"), "--exit", file("exit")];
  args.push("--log", file("log"), ...(terminal ? ["--terminal"] : []), ...flags);
  const child = spawn(programs.monitor, [...args, "--", programs.executor, ...executor], {
    detached: true,
    stdio: ["ignore", "ignore", "pipe", "pipe"],
  });
  let stderr = "";
  child.stderr!.on("data", (piece: Buffer) => {
    stderr += piece.toString();
  });
  const exit = new Promise<number | null>((resolve) => child.on("exit", resolve));
  const report = await firstLine(child);
  const read = (name: string) => (existsSync(file(name)) ? readFileSync(file(name), "utf8") : "");
  return {
    directory,
    pid: child.pid!,
    report,
    exit,
    stderr: () => stderr,
    log: () => read("log"),
    exitRecord: () => read("exit"),
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
      await exit;
      scratch[Symbol.dispose]();
    },
  };
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    child.on("error", reject);
    child.stdio[3]!.on("data", (piece: Buffer) => {
      text += piece.toString();
      if (text.includes("\n")) resolve(text.slice(0, text.indexOf("\n")));
    });
    child.stdio[3]!.on("close", () => resolve(text));
  });
}

/** Waits until `condition` holds; throws after ten seconds. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`waited ten seconds for ${what}`);
    await delay(5);
  }
}

/** The text of log entries of one stream, parts joined as the container wrote them. */
export function logText(log: string, stream: "stdout" | "stderr"): string {
  let text = "";
  for (const line of log.split("\n")) {
    const match = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z (stdout|stderr) ([PF]) ([\s\S]*)$/.exec(line);
    if (line !== "" && match === null) throw new Error(`not a log entry: ${JSON.stringify(line)}`);
    if (match?.[1] === stream) text += match[3] + (match[2] === "F" ? "\n" : "");
  }
  return text;
}
