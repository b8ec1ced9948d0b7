import { become } from "./become.ts";
import { createSettings } from "./create-settings.ts";
import type { OciCall, runOptions } from "./options.ts";
import { openLauncher } from "./runtime.ts";
import { prepareInScope } from "./with-scope.ts";

/** `corten-oci run ID` */
export async function run(call: OciCall<typeof runOptions>): Promise<never> {
  const id = call.args[0]!;
  const { detach, keep, "no-subreaper": noSubreaper } = call.options;
  const settings = { ...createSettings(call), detach, keep, noSubreaper };
  const launcher = openLauncher(call, id, "run");
  return become(await prepareInScope(call, launcher, settings, (all) => launcher.prepareRun(all)), call);
}
