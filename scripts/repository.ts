import { spawnSync } from "node:child_process";
import { join } from "node:path";

/** Where this checkout lies, and the programs its scripts run. */
export const root = join(import.meta.dirname, "..");
export const dist = join(root, "dist");
export const bun = join(root, "scripts/bun");

/** Runs a program in the repository with the terminal passed through and returns its exit code. */
export function run(command: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}): number {
  const child = spawnSync(command, args, {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, ...environment },
  });
  if (child.error) throw child.error;
  return child.status ?? 128;
}

/** Runs a program in the repository and returns what it printed; a failure to start it throws. */
export function capture(
  command: string,
  args: readonly string[],
): { readonly exitCode: number; readonly stdout: string; readonly stderr: string } {
  const child = spawnSync(command, args, { cwd: root, encoding: "utf8", maxBuffer: 256 * 1024 * 1024 });
  if (child.error) throw child.error;
  return { exitCode: child.status ?? 128, stdout: child.stdout, stderr: child.stderr };
}
