import { CortenError, type RuntimeHook, type RuntimeHooks, type RuntimeStatus } from "../../spec/index.ts";
import { hookState } from "../plan/hooks.ts";
import type { ContainerRecord } from "./container.ts";

/**
 * Runs the hooks of one kind in the namespaces of the runtime, in order, each with the container's state on stdin.
 *
 * @throws failed-precondition naming the first that fails
 */
export async function runHooks(
  record: ContainerRecord,
  kind: keyof RuntimeHooks,
  status: RuntimeStatus,
  pid: number | undefined,
): Promise<void> {
  for (const run of hookCalls(record, kind, status, pid)) await run();
}

/** Runs every poststop hook, whatever becomes of those before it (runtime.md "Lifecycle"). Returns their errors. */
export async function runPoststopHooks(record: ContainerRecord): Promise<CortenError[]> {
  const errors: CortenError[] = [];
  for (const run of hookCalls(record, "poststop", "stopped", undefined)) {
    try {
      await run();
    } catch (error) {
      if (!(error instanceof CortenError)) throw error;
      errors.push(error);
    }
  }
  return errors;
}

function hookCalls(
  record: ContainerRecord,
  kind: keyof RuntimeHooks,
  status: RuntimeStatus,
  pid: number | undefined,
): Array<() => Promise<void>> {
  return (record.config.hooks?.[kind] ?? []).map((hook, index) => () => {
    const { before, after } = hookState(record, status);
    return runHook(hook, `/hooks/${kind}/${index}`, `${before}${pid ?? 0}${after}`);
  });
}

async function runHook(hook: RuntimeHook, at: string, input: string): Promise<void> {
  const { spawnSync } = await import("node:child_process");
  const [argv0 = hook.path, ...args] = hook.args ?? [];
  const result = spawnSync(hook.path, args, {
    argv0,
    input,
    env: environment(hook.env ?? []),
    stdio: ["pipe", "ignore", "pipe"],
    maxBuffer: 64 * 1024,
    killSignal: "SIGKILL",
    ...(hook.timeout === undefined ? {} : { timeout: hook.timeout * 1000 }),
  });
  if (result.status === 0) return;
  const why =
    result.error?.message ??
    (result.status === null ? `was killed by ${result.signal}` : `exited with ${result.status}`);
  const told = result.stderr?.toString("utf8").trim().slice(0, 500) ?? "";
  throw new CortenError(
    "failed-precondition",
    `${at}: ${hook.path} ${why}${told === "" ? "" : `: ${told}`}`,
    {
      pointer: at,
      cause: result.error,
    },
  );
}

function environment(env: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    env.map((entry) => {
      const equals = entry.indexOf("=");
      return [entry.slice(0, equals), entry.slice(equals + 1)];
    }),
  );
}
