import { launch } from "../runtime/index.ts";
import { CortenError, type RuntimeProcess } from "../spec/index.ts";
import type { CallOptions } from "./container.ts";
import type { ExecOptions } from "./container-options.ts";
import type { EngineContext } from "./context.ts";
import type { ProcessImage } from "./engine.ts";
import { accountFiles, findStack } from "./source.ts";
import { generateExec } from "./spec/process.ts";
import { readyFilter } from "./spec/seccomp/ready-filter.ts";
import type { StoredContainer } from "./stored-container.ts";
import { type ResolvedUser, resolveUser } from "./user/resolve-user.ts";

/** Prepares what the caller becomes to run a command in the container. */
export async function prepareExecution(
  context: EngineContext,
  container: StoredContainer,
  options: ExecOptions,
): Promise<ProcessImage> {
  const process = await execProcess(context, container, options);
  const { path, args, env } = context.runtime.prepareExec(container.id, {
    process,
    ...filterFor(context, container),
    ...terminalOf(options),
  });
  return { path, args, env, stdin: options.interactive === true ? "inherit" : "null" };
}

/** Runs a command in the background. */
export async function executeDetached(
  context: EngineContext,
  container: StoredContainer,
  options: ExecOptions,
  { signal }: CallOptions,
): Promise<void> {
  if (options.terminal === true) {
    throw new CortenError("invalid-argument", "a command in the background has no terminal");
  }
  const process = await execProcess(context, container, options);
  const prepared = context.runtime.prepareExec(container.id, {
    process,
    ...filterFor(context, container),
    detach: true,
  });
  await launch(prepared, signal === undefined ? {} : { signal });
}

/** Compiling the filter takes longer than the rest of an exec. */
function filterFor({ runtime }: EngineContext, { id }: StoredContainer): ReturnType<typeof readyFilter> {
  return readyFilter(runtime.record(id).config.linux?.seccomp);
}

function terminalOf({ terminal }: ExecOptions): { readonly terminal?: true } {
  return terminal === true ? { terminal } : {};
}

async function execProcess(
  context: EngineContext,
  container: StoredContainer,
  options: ExecOptions,
): Promise<RuntimeProcess> {
  if (context.status(container).state !== "running") {
    throw new CortenError("failed-precondition", `container ${container.name} is not running`, {
      hint: `start it with: corten start ${container.name}`,
    });
  }
  const base = context.runtime.record(container.id).config.process!;
  return generateExec(base, options, await execUser(context, container, options.user));
}

/** The image's account files say who a user is, not what the container has made of them since. */
async function execUser(
  context: EngineContext,
  { imageID, details }: StoredContainer,
  user: string | undefined,
): Promise<ResolvedUser | undefined> {
  if (user === undefined) return undefined;
  const files =
    imageID === null
      ? accountFiles({ kind: "directory", directory: details.options.rootfs! })
      : await findStack(context, imageID, undefined);
  return resolveUser(user, files, context.rootless?.owners !== false);
}
