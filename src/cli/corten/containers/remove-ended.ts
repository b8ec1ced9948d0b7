import { openSession } from "../session.ts";
import type { CortenCall } from "../table/globals.ts";

/** What corten-monitor calls when a container of `--rm` has ended. */
export async function run(call: CortenCall): Promise<number> {
  await using engine = openSession(call);
  await engine.removeEnded(call.args[0]!);
  return 0;
}
