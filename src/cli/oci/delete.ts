import { Log } from "./log.ts";
import type { deleteOptions, OciCall } from "./program.ts";
import { openRuntime } from "./runtime.ts";

/** `corten-oci delete ID` */
export async function run(call: OciCall<typeof deleteOptions>): Promise<number> {
  const errors = await openRuntime(call).delete(call.args[0]!, { force: call.options.force });
  const log = new Log(call.globals);
  for (const { message } of errors) log.warning(message);
  return 0;
}
