import type { deleteOptions, OciCall } from "./program.ts";
import { openRuntime } from "./runtime.ts";

/** `corten-oci delete ID` */
export async function run(call: OciCall<typeof deleteOptions>): Promise<number> {
  await openRuntime(call).delete(call.args[0]!, { force: call.options.force });
  return 0;
}
