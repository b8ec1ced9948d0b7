import { spawnSync } from "node:child_process";

/** Runs a program to its end and throws, with what it said, unless it exits with 0. */
export function mustRun(program: string, ...args: string[]): void {
  const child = spawnSync(program, args, {
    stdio: ["ignore", "ignore", "pipe"],
    encoding: "utf8",
    timeout: 300_000,
  });
  if (child.error) throw new Error(`${program}: ${child.error.message}`);
  if (child.status === 0) return;
  const said = child.stderr.trim().split("\n").slice(-3).join(" | ");
  throw new Error(
    `${program} ${args.slice(0, 4).join(" ")} exited with ${child.status ?? child.signal}: ${said}`,
  );
}

/** The same for a program that leaves others behind: those would hold a pipe open, so nothing is heard of a failure. */
export function mustRunQuietly(program: string, ...args: string[]): void {
  const { status, signal, error } = spawnSync(program, args, { stdio: "ignore", timeout: 300_000 });
  if (error) throw new Error(`${program}: ${error.message}`);
  if (status !== 0)
    throw new Error(`${program} ${args.slice(0, 4).join(" ")} exited with ${status ?? signal}`);
}
