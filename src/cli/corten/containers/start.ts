import { CortenError } from "../../../spec/index.ts";
import { become } from "../become.ts";
import { forEachArgument } from "../each.ts";
import { openSession } from "../session.ts";
import type { startOptions } from "../table/container-options.ts";
import type { CortenCall } from "../table/globals.ts";

/** `corten start` */
export async function run(call: CortenCall<typeof startOptions>): Promise<number> {
  const { attach, interactive } = call.options;
  if (!attach && !interactive) {
    await using engine = openSession(call);
    return await forEachArgument(call.args, async (reference) => {
      await engine.start(reference);
      return reference;
    });
  }
  const [reference, ...others] = call.args;
  if (others.length > 0)
    throw new CortenError("invalid-argument", "only one container can be attached at a time");
  return become(await openSession(call).prepareStart(reference!, { stdin: interactive }));
}
