import { become } from "./become.ts";
import { createSettings } from "./create-settings.ts";
import type { OciCall, runOptions } from "./program.ts";
import { openLauncher } from "./runtime.ts";

/** `corten-oci run ID` */
export function run(call: OciCall<typeof runOptions>): never {
  const id = call.args[0]!;
  const { detach, keep, "no-subreaper": noSubreaper } = call.options;
  const settings = { ...createSettings(id, call.options), detach, keep, noSubreaper };
  return become(openLauncher(call, id, "run").prepareRun(settings), call);
}
