import { become } from "./become.ts";
import { createSettings } from "./create-settings.ts";
import type { createOptions, OciCall } from "./options.ts";
import { openLauncher } from "./runtime.ts";
import { prepareInScope } from "./with-scope.ts";

/** `corten-oci create ID` */
export async function run(call: OciCall<typeof createOptions>): Promise<never> {
  const id = call.args[0]!;
  const settings = { ...createSettings(call), create: true };
  const launcher = openLauncher(call, id, "create");
  return become(await prepareInScope(call, launcher, settings, (all) => launcher.prepareCreate(all)), call);
}
