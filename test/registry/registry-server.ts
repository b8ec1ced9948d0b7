import { type ChildProcess, spawn } from "node:child_process";
import { openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { corten } from "../support/index.ts";

/** `corten registry serve` of the test's own; it is ended by its PID. */
export interface ServedRegistry extends AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly address: string;
  readonly pid: number;
  /** What it has printed so far. */
  readonly output: () => string;
  /** Sends a signal and waits for the end; the exit code, or the signal's name. */
  end(signal: NodeJS.Signals): Promise<number | string>;
}

/** Options of {@link serveRegistry}. */
export interface ServeOptions {
  /** Further words of the command line. */
  readonly args?: readonly string[];
  /** Where to listen; default a port that the kernel chooses. */
  readonly listen?: string;
}

let served = 0;

/** Starts a registry over `<directory>/root`, and returns when it listens. */
export async function serveRegistry(
  directory: string,
  { args = [], listen = "127.0.0.1:0" }: ServeOptions = {},
): Promise<ServedRegistry> {
  const logFile = join(directory, `serve-${++served}.log`);
  const log = openSync(logFile, "w");
  const words = ["--root", join(directory, "root"), "registry", "serve", "--listen", listen, ...args];
  const child = spawn(corten, words, { stdio: ["ignore", log, log] });
  const ended = new Promise<number | string>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => resolve(code ?? signal ?? -1));
  });
  const output = () => readFileSync(logFile, "utf8");
  const address = await listening(child, output, ended);
  return {
    address,
    pid: child.pid!,
    output,
    end(signal) {
      child.kill(signal);
      return ended;
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

async function listening(
  child: ChildProcess,
  output: () => string,
  ended: Promise<number | string>,
): Promise<string> {
  let result: number | string | undefined;
  void ended.then((value) => {
    result = value;
  });
  for (let attempt = 0; attempt < 400; attempt++) {
    const found = /registry listens at https?:\/\/(\S+)/.exec(output());
    if (found !== null) return found[1]!;
    if (result !== undefined) throw new Error(`the registry ended with ${result}: ${output()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  child.kill("SIGKILL");
  throw new Error(`the registry does not listen: ${output()}`);
}
