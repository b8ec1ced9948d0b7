import { rmSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { Lock } from "../host/index.ts";
import { signalNumber } from "../runtime/index.ts";
import { CortenError, isCortenError } from "../spec/index.ts";
import type { CallOptions, ExitStatus, RemoveOptions, StopOptions } from "./container.ts";
import type { EngineContext } from "./context.ts";
import { lockContainer } from "./starting.ts";
import type { StoredContainer } from "./stored-container.ts";
import { removeVolumes } from "./volumes.ts";

const UNSEEN: ExitStatus = { exitCode: null, signal: 0, oomKilled: false, finishedAt: null };
/** How long SIGKILL may take, in milliseconds. */
const KILL_TIMEOUT = 10_000;

/** Waits until the container does not run; one that is removed meanwhile ended unseen. */
export async function waitForExit(
  context: EngineContext,
  id: string,
  { signal }: CallOptions = {},
  timeoutMs = Number.POSITIVE_INFINITY,
): Promise<ExitStatus | undefined> {
  const deadline = performance.now() + timeoutMs;
  for (let pause = 1; ; pause = Math.min(pause * 2, 25)) {
    signal?.throwIfAborted();
    const container = context.containers.get(id);
    if (container === undefined) return UNSEEN;
    const status = context.status(container);
    if (status.state === "exited") return status.exit;
    if (status.state === "abandoned") return UNSEEN;
    if (performance.now() >= deadline) return undefined;
    await delay(pause, undefined, signal === undefined ? {} : { signal });
  }
}

/** Sends a signal to the first process. @throws failed-precondition when the container does not run */
export async function killContainer(
  context: EngineContext,
  container: StoredContainer,
  signal: string,
): Promise<void> {
  const number = signalNumber(signal);
  if (number === 0) throw new CortenError("invalid-argument", `"${signal}" is no signal`);
  try {
    await context.runtime.kill(container.id, number);
  } catch (error) {
    if (!isCortenError(error, "not-found") && !isCortenError(error, "failed-precondition")) throw error;
    throw new CortenError("failed-precondition", `container ${container.name} is not running`, {
      cause: error,
    });
  }
}

/** The stop signal, then SIGKILL. Returns how the container ended, or had ended. */
export async function stopContainer(
  context: EngineContext,
  container: StoredContainer,
  { timeout, ...call }: StopOptions,
): Promise<ExitStatus> {
  const status = context.status(container);
  if (status.state === "exited") return status.exit;
  if (status.state !== "running") {
    throw new CortenError(
      "failed-precondition",
      `container ${container.name} is ${status.state}, not running`,
    );
  }
  const grace = timeout ?? container.details.stopTimeout;
  if (grace > 0) {
    await sendIfRunning(context, container, container.details.stopSignal);
    const exit = await waitForExit(context, container.id, call, grace * 1000);
    if (exit !== undefined) return exit;
  }
  return killAndWait(context, container, call);
}

async function killAndWait(
  context: EngineContext,
  container: StoredContainer,
  call: CallOptions,
): Promise<ExitStatus> {
  await sendIfRunning(context, container, "SIGKILL");
  const exit = await waitForExit(context, container.id, call, KILL_TIMEOUT);
  if (exit !== undefined) return exit;
  throw new CortenError("deadline-exceeded", `container ${container.name} does not end after SIGKILL`, {
    retryable: true,
  });
}

async function sendIfRunning(
  context: EngineContext,
  container: StoredContainer,
  signal: string,
): Promise<void> {
  try {
    await killContainer(context, container, signal);
  } catch (error) {
    // It has ended by itself: that is what was wanted.
    if (!isCortenError(error, "failed-precondition")) throw error;
  }
}

/** @throws failed-precondition for one that runs, unless `force` */
export async function removeContainer(
  context: EngineContext,
  container: StoredContainer,
  { force = false, volumes = false, ...call }: RemoveOptions = {},
): Promise<void> {
  const { state } = context.status(container);
  if (state === "creating" || state === "running") {
    if (!force) {
      throw new CortenError("failed-precondition", `container ${container.name} is ${state}`, {
        hint: "stop it first, or use force",
      });
    }
    await killAndWait(context, container, call);
  }
  await destroyContainer(context, container, volumes || container.autoRemove, call);
}

/**
 * Removes everything that a container which does not run has left, the row last: whoever is killed on the way, the
 * next one begins anew.
 */
export async function destroyContainer(
  context: EngineContext,
  container: StoredContainer,
  volumes: boolean,
  call: CallOptions = {},
): Promise<void> {
  const files = context.files(container.id);
  const lock = await lockIfThere(context, container, call);
  try {
    const current = context.containers.get(container.id);
    if (current === undefined) return;
    if (context.status(current).state === "running") {
      throw new CortenError("failed-precondition", `container ${container.name} was started again`);
    }
    // Control groups and the runtime's own record, whatever state a killed process left them in.
    await context.runtime.delete(container.id, { force: true });
    rmSync(files.runDirectory, { recursive: true, force: true });
    await context.removeWritten(files.directory);
    if (volumes) await removeVolumes(context, container.details.mounts);
    context.containers.table.remove(container.id);
  } finally {
    lock?.release();
  }
}

/** The executor of a foreground run has removed the directory, and the lock's place with it. */
async function lockIfThere(
  context: EngineContext,
  container: StoredContainer,
  call: CallOptions,
): Promise<Lock | undefined> {
  try {
    return await lockContainer(context.files(container.id), call);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
