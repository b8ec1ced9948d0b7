import { forEachArgument } from "../each.ts";
import { openSession } from "../session.ts";
import type { killOptions } from "../table/container-options.ts";
import type { CortenCall } from "../table/globals.ts";

/** `corten kill` */
export async function run(call: CortenCall<typeof killOptions>): Promise<number> {
  await using engine = openSession(call);
  return await forEachArgument(call.args, async (reference) => {
    await engine.kill(reference, call.options.signal);
    return reference;
  });
}
