import { openSession } from "../session.ts";
import type { CortenCall } from "../table/globals.ts";

/** `corten system release` */
export async function run(call: CortenCall): Promise<number> {
  await using engine = openSession(call);
  await engine.releaseLayers();
  return 0;
}
