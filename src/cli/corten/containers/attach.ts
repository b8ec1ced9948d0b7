import { become } from "../become.ts";
import { openSession } from "../session.ts";
import type { attachOptions } from "../table/container-options.ts";
import type { CortenCall } from "../table/globals.ts";

/** `corten attach` */
export async function run(call: CortenCall<typeof attachOptions>): Promise<number> {
  const options = call.options["no-stdin"] ? { stdin: false } : {};
  return become(await openSession(call).prepareAttach(call.args[0]!, options));
}
