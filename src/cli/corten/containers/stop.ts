import { forEachArgument } from "../each.ts";
import { openSession } from "../session.ts";
import type { stopOptions } from "../table/container-options.ts";
import type { CortenCall } from "../table/globals.ts";

/** `corten stop` */
export async function run(call: CortenCall<typeof stopOptions>): Promise<number> {
  const { time } = call.options;
  await using engine = openSession(call);
  return await forEachArgument(call.args, async (reference) => {
    await engine.stop(reference, time === undefined ? {} : { timeout: time });
    return reference;
  });
}
