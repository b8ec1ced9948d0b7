import { writeSync } from "node:fs";
import type { Launch } from "../../runtime/index.ts";
import { CortenError } from "../../spec/index.ts";
import { Log } from "./log.ts";
import type { OciCall } from "./options.ts";

/**
 * Ends this process's life as JavaScript: it becomes the executor, which performs the plan. Never returns.
 *
 * The engine closes every descriptor but the standard streams as it does so. Where others are to be inherited the front
 * door (native/front) holds them, is told of the plan, and becomes the executor in this process's place.
 */
export function become(launch: Launch, { globals }: Pick<OciCall, "globals">): never {
  const log = new Log(globals);
  // A warning concerns whoever keeps a log; in front of a container's own output it would be noise.
  if (globals.log !== undefined || globals.debug) {
    for (const warning of launch.warnings) log.warning(warning);
  }
  if (globals.debug) for (const note of launch.notes()) log.debug(note);
  const handoff = process.env["CORTEN_HANDOFF"];
  if (handoff !== undefined) {
    writeSync(Number(handoff), launch.args[1]!);
    return process.exit(0);
  }
  if (launch.preservedFds > 0) {
    throw new CortenError(
      "failed-precondition",
      "descriptors cannot be preserved by this way of calling Corten: use the program corten-oci",
    );
  }
  log.debug(`becoming ${launch.args.join(" ")}`);
  return process.execve!(launch.path, launch.args, launch.env);
}
