import type { Launch, RunOptions, Runtime, Scope } from "../../runtime/index.ts";
import type { OciCall } from "./options.ts";
import { storePlan } from "./store-plan.ts";

/**
 * Prepares a start where the command line says its control group comes from: systemd's scope, which is made first, or
 * cgroupfs, when the plan may also be stored for the next start of the same.
 */
export async function prepareInScope<O extends RunOptions>(
  call: Pick<OciCall, "globals">,
  runtime: Runtime,
  options: O & { readonly create?: boolean },
  prepare: (options: O) => Launch,
): Promise<Launch> {
  if (!wantsScope(call)) {
    const launch = prepare(options);
    await storePlan(call, (file) => runtime.storeLaunch(file, options));
    return launch;
  }
  return inScope(runtime, options, prepare);
}

/** Whether the command line puts the container into a scope of systemd. */
export function wantsScope({ globals }: Pick<OciCall, "globals">): boolean {
  return globals["systemd-cgroup"] || globals["cgroup-manager"] === "systemd";
}

/** Prepares a start in a scope that systemd makes for it, and lets go of that when there will be no start. */
export async function inScope<O extends Pick<RunOptions, "id" | "bundle">>(
  runtime: Runtime,
  options: O,
  prepare: (options: O & { readonly scope: Scope }) => Launch | Promise<Launch>,
): Promise<Launch> {
  const scope = await runtime.makeScope(options);
  try {
    return await prepare({ ...options, scope });
  } catch (error) {
    await runtime.dropScope(scope);
    throw error;
  }
}
