import type { killOptions, OciCall } from "./program.ts";
import { openRuntime } from "./runtime.ts";

/** `corten-oci kill ID [SIGNAL]`: a number, or a name with or without SIG. */
export async function run(call: OciCall<typeof killOptions>): Promise<number> {
  const [id, signal = "TERM"] = call.args;
  await openRuntime(call).kill(id!, signal, { all: call.options.all });
  return 0;
}
