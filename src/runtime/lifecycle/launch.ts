import { CortenError } from "../../spec/index.ts";
import { readFailure } from "./failure.ts";

/**
 * What a start becomes: the caller replaces itself with this program (`process.execve(path, args, env)`), so that
 * no JavaScript process stays, or spawns it with {@link launch}.
 */
export interface Launch {
  /** The executor. */
  readonly path: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Where the executor tells why it failed; read it with `readFailure`. */
  readonly failureFile: string;
  /** The container's directory below the runtime's root. */
  readonly stateDirectory: string;
  /** How many descriptors from 3 on the executor must inherit. */
  readonly preservedFds: number;
  /** What was left out on purpose, e.g. capabilities that the host cannot grant. */
  readonly warnings: readonly string[];
  /** What only a search for errors needs; worked out when it is asked for. */
  notes(): readonly string[];
}

type Stream = "ignore" | "inherit" | number;

export interface LaunchOptions {
  /** The program's stdin, stdout and stderr. Default: all ignored. */
  readonly stdio?: readonly [Stream, Stream, Stream];
  /** Ends the executor with SIGTERM; it kills what it has made so far and cleans up. */
  readonly signal?: AbortSignal;
}

/** How an executor ended. */
export interface LaunchResult {
  /** 0 for `create` and a detached run; the program's status (128 + signal) for a foreground run. */
  readonly exitCode: number;
}

/**
 * Runs a prepared launch as a child process and waits for it.
 *
 * @throws what the executor reports: see `readFailure`
 */
export async function launch(prepared: Launch, options: LaunchOptions = {}): Promise<LaunchResult> {
  const { stdio = ["ignore", "ignore", "ignore"], signal } = options;
  signal?.throwIfAborted();
  // Loaded here: a command that becomes the executor itself has no use for it.
  const { spawn } = await import("node:child_process");
  const [argv0 = prepared.path, ...args] = prepared.args;
  const child = spawn(prepared.path, args, { argv0, env: prepared.env, stdio: [...stdio] });
  const abort = () => child.kill("SIGTERM");
  signal?.addEventListener("abort", abort, { once: true });
  try {
    const exitCode = await new Promise<number>((resolve, reject) => {
      child.once("error", (cause) =>
        reject(new CortenError("internal", `cannot run ${prepared.path}: ${cause.message}`, { cause })),
      );
      child.once("exit", (code, name) => resolve(code ?? (name === null ? 125 : 128)));
    });
    const failure = readFailure(prepared.failureFile);
    if (failure !== undefined) throw failure;
    return { exitCode };
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}
