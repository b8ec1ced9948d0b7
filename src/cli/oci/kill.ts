import { forEach, matchingIds } from "./matching.ts";
import type { killOptions, OciCall } from "./options.ts";
import { openRuntime } from "./runtime.ts";

/** `corten-oci kill ID [SIGNAL]`: a number, or a name with or without SIG. */
export async function run(call: OciCall<typeof killOptions>): Promise<number> {
  const [id, signal = "TERM"] = call.args;
  const { all, regex } = call.options;
  const runtime = openRuntime(call);
  await forEach(matchingIds(runtime, id!, regex), (each) => runtime.kill(each, signal, { all }));
  return 0;
}
