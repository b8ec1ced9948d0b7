import { isCortenError } from "../../../spec/index.ts";
import { forEachArgument } from "../each.ts";
import { openSession } from "../session.ts";
import type { rmOptions } from "../table/container-options.ts";
import type { CortenCall } from "../table/globals.ts";

/** `corten rm` */
export async function run(call: CortenCall<typeof rmOptions>): Promise<number> {
  const { force, ignore, volumes } = call.options;
  await using engine = openSession(call);
  return await forEachArgument(call.args, async (reference) => {
    try {
      await engine.remove(reference, { force, volumes });
    } catch (error) {
      if ((force || ignore) && isCortenError(error, "not-found")) return undefined;
      throw error;
    }
    return reference;
  });
}
