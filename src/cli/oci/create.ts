import { become } from "./become.ts";
import { createSettings } from "./create-settings.ts";
import type { createOptions, OciCall } from "./program.ts";
import { openLauncher } from "./runtime.ts";
import { storePlan } from "./store-plan.ts";

/** `corten-oci create ID` */
export async function run(call: OciCall<typeof createOptions>): Promise<never> {
  const id = call.args[0]!;
  const settings = createSettings(call);
  const launcher = openLauncher(call, id, "create");
  const launch = launcher.prepareCreate(settings);
  await storePlan(call, (file) => launcher.storeLaunch(file, { ...settings, create: true }));
  return become(launch, call);
}
