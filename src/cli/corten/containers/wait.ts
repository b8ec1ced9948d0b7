import { forEachArgument } from "../each.ts";
import { openSession } from "../session.ts";
import type { waitOptions } from "../table/container-options.ts";
import type { CortenCall } from "../table/globals.ts";

/** `corten wait`: the exit code of each, or `unknown` where nobody was left to see it. */
export async function run(call: CortenCall<typeof waitOptions>): Promise<number> {
  await using engine = openSession(call);
  return await forEachArgument(call.args, async (reference) => {
    const { exitCode } = await engine.wait(reference);
    return exitCode === null ? "unknown" : String(exitCode);
  });
}
