import type { OciCall } from "./options.ts";
import { openRuntime } from "./runtime.ts";

/** `corten-oci resume ID` */
export async function run(call: OciCall): Promise<number> {
  await openRuntime(call).resume(call.args[0]!);
  return 0;
}
