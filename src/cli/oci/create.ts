import { become } from "./become.ts";
import { createSettings } from "./create-settings.ts";
import type { createOptions, OciCall } from "./program.ts";
import { openLauncher } from "./runtime.ts";

/** `corten-oci create ID` */
export function run(call: OciCall<typeof createOptions>): never {
  const id = call.args[0]!;
  const launch = openLauncher(call, id, "create").prepareCreate(createSettings(id, call.options));
  return become(launch, call);
}
