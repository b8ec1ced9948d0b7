import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { acquireLock, ensurePrivateDirectory, type Lock } from "../host/index.ts";
import { parseConfig } from "../runtime/index.ts";
import { CortenError, type RuntimeConfig } from "../spec/index.ts";
import type { CallOptions } from "./container.ts";
import type { ContainerFiles } from "./container-files.ts";
import type { EngineContext } from "./context.ts";
import type { MadeContainer } from "./creation.ts";
import type { ProcessImage } from "./engine.ts";
import { attachClient, startMonitor } from "./monitor.ts";
import { findStack, type Root, rootRecipe } from "./source.ts";
import { readyFilter } from "./spec/seccomp/ready-filter.ts";
import type { StoredContainer } from "./stored-container.ts";

export interface StartOptions extends CallOptions {
  /** Start nothing before the caller's client is attached. */
  readonly hold?: boolean;
}

/** Starts a complete container under a monitor. @throws failed-precondition when it runs already */
export async function startContainer(
  context: EngineContext,
  container: StoredContainer,
  options: StartOptions = {},
): Promise<{ readonly failureFile: string }> {
  const lock = await lockContainer(context.files(container.id), options);
  try {
    const { state } = context.status(container);
    if (state !== "created" && state !== "exited") {
      throw new CortenError("failed-precondition", `container ${container.name} is ${state} already`);
    }
    return await start(context, container, options);
  } finally {
    lock.release();
  }
}

async function start(
  context: EngineContext,
  container: StoredContainer,
  options: StartOptions,
): Promise<{ readonly failureFile: string }> {
  const { id, details } = container;
  const files = context.files(id);
  const { terminal = false, interactive = false } = details.options;
  const source = await sourceOf(context, container, options.signal);
  await context.runtime.delete(id, { force: true });
  clearRun(files);
  const stored = readStoredConfig(files);
  const launch = context.runtime.prepareRun({
    id,
    bundle: files.directory,
    config: stored,
    ...readyFilter(stored.linux?.seccomp),
    root: rootRecipe(source, context, files, container.autoRemove),
    ...context.launchSettings,
    detach: true,
    pidFile: files.pid,
    ...(terminal ? { consoleSocket: files.consoleSocket } : {}),
  });
  const hold = options.hold === true;
  try {
    await startMonitor({
      files,
      launch,
      cgroups: context.runtime.record(id).cgroups,
      terminal,
      stdin: interactive,
      hold,
      remove: container.autoRemove && context.removeCommand.length > 0 ? [...context.removeCommand, id] : [],
    });
  } catch (error) {
    await context.runtime.delete(id, { force: true });
    rmSync(files.runDirectory, { recursive: true, force: true });
    throw error;
  }
  context.containers.table.setStarted(id, Date.now());
  return { failureFile: launch.failureFile };
}

/** Prepares the attach client for a container that is started by its coming. */
export function startAttached(
  context: EngineContext,
  container: StoredContainer,
  failureFile: string,
  stdin: boolean,
): ProcessImage {
  const { terminal = false } = container.details.options;
  const onFailure = context.failureCommand.length === 0 ? [] : [...context.failureCommand, failureFile];
  return attachClient(context.files(container.id), { stdin, terminal, onFailure });
}

/**
 * Prepares the executor itself as the foreground of a container that goes when it ends: the fastest way, and no
 * process of ours stays. The executor removes control groups and the container's directory, and with it the record
 * of a container without a chosen name. The row of one with a name is left; it is not complete, and its owner (this
 * process and what it becomes) is then dead: the next command that lists containers or wants the name removes it.
 * The same holds when everything is killed.
 */
export function runInForeground(context: EngineContext, made: MadeContainer): ProcessImage {
  const { container, config, source } = made;
  const files = context.files(container.id);
  const volumes = container.details.mounts.filter(({ anonymous }) => anonymous === true);
  const { path, args, env } = context.runtime.prepareRun({
    id: container.id,
    bundle: files.directory,
    config,
    ...readyFilter(config.linux?.seccomp),
    root: rootRecipe(source, context, files, true),
    ...context.launchSettings,
    cleanupPaths: [files.directory, ...volumes.map(({ source }) => dirname(source))],
  });
  return { path, args, env, stdin: container.details.options.interactive === true ? "inherit" : "null" };
}

/** Held while a container is started or removed. */
export function lockContainer(files: ContainerFiles, { signal }: CallOptions = {}): Promise<Lock> {
  return acquireLock(files.lock, signal === undefined ? {} : { signal });
}

function clearRun(files: ContainerFiles): void {
  // The run root itself may be open to readers: others' states lie there, too.
  ensurePrivateDirectory(dirname(files.runDirectory));
  rmSync(files.runDirectory, { recursive: true, force: true });
  mkdirSync(files.runDirectory, { mode: 0o700 });
  rmSync(files.exit, { force: true });
}

function readStoredConfig(files: ContainerFiles): RuntimeConfig {
  try {
    return parseConfig(readFileSync(files.config));
  } catch (cause) {
    throw new CortenError("data-loss", `the configuration of the container is damaged: ${files.config}`, {
      cause,
      hint: "remove the container and make it again",
    });
  }
}

async function sourceOf(
  context: EngineContext,
  { imageID, details }: StoredContainer,
  signal: AbortSignal | undefined,
): Promise<Root> {
  if (imageID === null) return { kind: "directory", directory: details.options.rootfs! };
  return { kind: "image", stack: await findStack(context, imageID, undefined, signal) };
}
