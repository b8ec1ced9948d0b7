import { become } from "../become.ts";
import { openSession } from "../session.ts";
import type { execOptions } from "../table/container-options.ts";
import type { CortenCall } from "../table/globals.ts";
import { demandTerminal, processSettings } from "./process-settings.ts";

/** `corten exec` */
export async function run(call: CortenCall<typeof execOptions>): Promise<number> {
  const [reference, ...command] = call.args;
  const settings = { command, ...processSettings(call.options) };
  if (call.options.detach) {
    await using engine = openSession(call);
    await engine.exec(reference!, settings);
    return 0;
  }
  demandTerminal(call.options);
  return become(await openSession(call).prepareExec(reference!, settings));
}
