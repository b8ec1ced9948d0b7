import type { Launch, RunOptions, Runtime } from "../../runtime/index.ts";
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
  const { globals } = call;
  if (!globals["systemd-cgroup"] && globals["cgroup-manager"] !== "systemd") {
    const launch = prepare(options);
    await storePlan(call, (file) => runtime.storeLaunch(file, options));
    return launch;
  }
  const scope = await runtime.makeScope(options);
  try {
    return prepare({ ...options, scope });
  } catch (error) {
    await runtime.dropScope(scope);
    throw error;
  }
}
