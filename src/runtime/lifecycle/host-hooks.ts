import type { ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { CortenError, type RuntimeHook, type RuntimeHooks, type RuntimeStatus } from "../../spec/index.ts";
import { hookFailure, hookState } from "../plan/hooks.ts";
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
    return runHook(hook, `/hooks/${kind}/${index}`, `${before}${pid ?? 0}${after}`, record.bundle);
  });
}

/** Bytes of a hook's output that an error quotes. */
const MAX_OUTPUT = 4096;

async function runHook(hook: RuntimeHook, at: string, input: string, bundle: string): Promise<void> {
  const { spawn } = await import("node:child_process");
  const [argv0 = hook.path, ...args] = hook.args ?? [];
  // A group of its own, so that a time-out also ends what the hook has started.
  const child = spawn(hook.path, args, {
    argv0,
    // It may be gone when the container is deleted.
    ...(existsSync(bundle) ? { cwd: bundle } : {}),
    env: environment(hook.env ?? []),
    stdio: "pipe",
    detached: true,
  });
  let told = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      if (told.length < MAX_OUTPUT) told += text;
    });
  }
  // A hook need not read its state.
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  const why = await outcome(child, hook.timeout);
  if (why === undefined) return;
  const output = told.trim().slice(0, 500);
  const message = `hook "${hook.path}" ${why}${output === "" ? "" : `: ${output}`}`;
  throw new CortenError("failed-precondition", hookFailure(at, message) ?? message, { pointer: at });
}

/** What went wrong with a hook; undefined for one that ended well. `timeout` in seconds. */
function outcome(child: ChildProcess, timeout: number | undefined): Promise<string | undefined> {
  return new Promise((resolve) => {
    let late = false;
    const end = (why: string | undefined) => {
      clearTimeout(timer);
      // What it left running may hold its output open for ever.
      for (const stream of [child.stdout, child.stderr]) stream?.destroy();
      resolve(why);
    };
    const timer =
      timeout === undefined
        ? undefined
        : setTimeout(() => {
            late = true;
            killGroup(child.pid);
          }, timeout * 1000);
    child.once("error", ({ message }) => end(`cannot be run: ${message}`));
    child.once("exit", (status, signal) => {
      if (late) end(`did not end within ${timeout} s and was killed`);
      else if (status === 0) end(undefined);
      // Its last words may come after the news of its end.
      else setTimeout(end, 20, status === null ? `was killed by ${signal}` : `exited with ${status}`);
    });
  });
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function environment(env: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    env.map((entry) => {
      const equals = entry.indexOf("=");
      return [entry.slice(0, equals), entry.slice(equals + 1)];
    }),
  );
}
