import { type ChildProcess, spawn } from "node:child_process";
import { programs, requireProgram } from "../host/index.ts";
import { type Launch, readFailure } from "../runtime/index.ts";
import { CortenError } from "../spec/index.ts";
import type { ContainerFiles } from "./container-files.ts";
import type { ProcessImage } from "./engine.ts";

/** Bytes of a log before it becomes the old one; twice this is what one container's log takes at most. */
const MAX_LOG_SIZE = 64 * 1024 * 1024;

export interface MonitorOptions {
  readonly files: ContainerFiles;
  readonly launch: Launch;
  /** Absolute directories of the container's control groups. */
  readonly cgroups: readonly { readonly path: string; readonly controllers: readonly string[] }[];
  readonly terminal: boolean;
  readonly stdin: boolean;
  /** Start nothing before a client is attached. */
  readonly hold: boolean;
  /** What the monitor becomes when all is over; empty for nothing. */
  readonly remove: readonly string[];
}

/**
 * Starts corten-monitor for a prepared launch. Returns once the container's first process runs; with `hold`, once the
 * monitor waits for a client.
 *
 * @throws what the executor reports when it could not make the container; internal when the monitor itself failed
 */
export async function startMonitor(options: MonitorOptions): Promise<void> {
  const monitor = spawn(requireProgram(programs().monitor), monitorArgs(options), {
    // A session of its own: neither the terminal's signals nor the end of this process reach it.
    detached: true,
    cwd: "/",
    env: options.launch.env,
    stdio: ["ignore", "ignore", "ignore", "pipe"],
  });
  const report = await firstReport(monitor);
  monitor.unref();
  const [word, ...rest] = report.split(" ");
  if (word === "ready" || word === "held") return;
  const why = readFailure(options.launch.failureFile);
  if (why !== undefined) throw why;
  throw word === "failed"
    ? new CortenError("internal", `the executor ended with ${rest.join(" ")} and did not say why`)
    : new CortenError("internal", `corten-monitor failed: ${rest.join(" ") || "it ended without a report"}`);
}

function monitorArgs({ files, launch, cgroups, terminal, stdin, hold, remove }: MonitorOptions): string[] {
  const args = ["run", "--dir", files.runDirectory, "--record", files.pid, "--exit", files.exit];
  args.push("--log", files.log, "--log-max", `${MAX_LOG_SIZE}`);
  if (terminal) args.push("--terminal");
  if (stdin) args.push("--stdin");
  if (hold) args.push("--hold");
  for (const { path } of cgroups) args.push("--cgroup", path);
  const memory = memoryEvents(cgroups);
  if (memory !== undefined) args.push("--memory-events", memory);
  for (const argument of remove) args.push("--remove", argument);
  return [...args, "--", launch.path, ...launch.args.slice(1)];
}

/** The file that counts kills for want of memory. */
function memoryEvents(cgroups: MonitorOptions["cgroups"]): string | undefined {
  const v1 = cgroups.find(({ controllers }) => controllers.includes("memory"));
  if (v1 !== undefined) return `${v1.path}/memory.oom_control`;
  const unified = cgroups.find(({ controllers }) => controllers.length === 0);
  return unified === undefined ? undefined : `${unified.path}/memory.events`;
}

/** The first line on descriptor 3; empty when there is none. */
function firstReport(monitor: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    const pipe = monitor.stdio[3] as import("node:stream").Readable;
    let text = "";
    const finish = () => {
      pipe.destroy();
      resolve(text.split("\n", 1)[0]!);
    };
    monitor.once("error", (cause) =>
      reject(new CortenError("internal", `cannot start corten-monitor: ${cause.message}`, { cause })),
    );
    pipe.on("data", (piece: Buffer) => {
      text += piece.toString("latin1");
      if (text.includes("\n")) finish();
    });
    pipe.once("end", finish);
    pipe.once("error", finish);
  });
}

export interface ClientOptions {
  readonly stdin: boolean;
  readonly terminal: boolean;
  /** What the client becomes when the container could not be started; empty: it exits with the executor's code. */
  readonly onFailure: readonly string[];
}

/** The attach client as a program that the caller becomes. */
export function attachClient(files: ContainerFiles, options: ClientOptions): ProcessImage {
  const path = requireProgram(programs().monitor);
  const args = ["corten-monitor", "attach", "--dir", files.runDirectory, "--lossless"];
  if (options.stdin) args.push("--stdin");
  if (options.terminal) args.push("--terminal");
  if (options.onFailure.length > 0) args.push("--", ...options.onFailure);
  return { path, args, env: {}, stdin: "inherit" };
}
