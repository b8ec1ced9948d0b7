import { spawn } from "node:child_process";

export type SuiteProcess = {
  readonly stdout: string;
  readonly stderr: string;
  readonly late: boolean;
};

/**
 * Runs a part of a suite to its end, in a mount namespace of its own whose mounts are shared among themselves, so
 * that a suite can try propagation and still changes nothing on the machine. Its processes are one group, which is
 * killed when the time is over.
 */
export function runWithPrivateMounts(
  command: readonly [string, ...string[]],
  options: { cwd: string; env: Readonly<Record<string, string>>; timeoutMs: number },
): Promise<SuiteProcess> {
  const script = 'mount --make-rshared / && exec "$@"';
  const child = spawn("unshare", ["--mount", "sh", "-c", script, "sh", ...command], {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
  return new Promise((resolve, reject) => {
    let late = false;
    let timer: NodeJS.Timeout | undefined;
    const interrupted = () => {
      process.kill(-child.pid!, "SIGKILL");
      process.exit(130);
    };
    const signals = ["SIGINT", "SIGTERM"] as const;
    for (const signal of signals) process.on(signal, interrupted);
    const finish = () => {
      clearTimeout(timer);
      for (const signal of signals) process.off(signal, interrupted);
      resolve({ stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString(), late });
    };
    timer = setTimeout(() => {
      late = true;
      process.kill(-child.pid!, "SIGKILL");
    }, options.timeoutMs);
    child.on("error", (cause) => {
      clearTimeout(timer);
      reject(new Error(`cannot start ${command[0]}`, { cause }));
    });
    // A container that outlived its case may keep the pipes open, so their end is not waited for long.
    child.on("exit", () => setTimeout(finish, 300));
  });
}
