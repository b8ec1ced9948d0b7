import { Log } from "./log.ts";
import { forEach, matchingIds } from "./matching.ts";
import type { deleteOptions, OciCall } from "./options.ts";
import { openRuntime } from "./runtime.ts";

/** `corten-oci delete ID` */
export async function run(call: OciCall<typeof deleteOptions>): Promise<number> {
  const { force, regex } = call.options;
  const runtime = openRuntime(call);
  const log = new Log(call.globals);
  await forEach(matchingIds(runtime, call.args[0]!, regex), async (id) => {
    for (const { message } of await runtime.delete(id, { force })) log.warning(message);
  });
  return 0;
}
