import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";

/** A daemon of a peer, started by the bench and stopped by it. */
export type Daemon = AsyncDisposable & { readonly pid: number };

/** Starts a daemon, its output going to the file `log`, and waits until `probe` exits with 0. */
export async function startDaemon(
  program: string,
  args: readonly string[],
  log: string,
  probe: readonly [string, ...string[]],
): Promise<Daemon> {
  const out = openSync(log, "a");
  const child = spawn(program, args, { stdio: ["ignore", out, out] });
  closeSync(out);
  const [tool, ...toolArguments] = probe;
  const deadline = Date.now() + 30_000;
  while (spawnSync(tool, toolArguments, { stdio: "ignore" }).status !== 0) {
    if (child.exitCode !== null || Date.now() > deadline) {
      await stop(child);
      throw new Error(`${program} did not start: ${readFileSync(log, "utf8").slice(-1000)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { pid: child.pid!, [Symbol.asyncDispose]: () => stop(child) };
}

/** SIGTERM, then SIGKILL after ten seconds. */
function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
    child.once("exit", () => {
      clearTimeout(timer);
      resolve();
    });
    child.kill("SIGTERM");
  });
}
