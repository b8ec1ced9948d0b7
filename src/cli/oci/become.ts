import type { Launch } from "../../runtime/index.ts";
import { Log } from "./log.ts";
import type { OciCall } from "./program.ts";

/** Ends this process's life as JavaScript: it becomes the executor, which performs the plan. Never returns. */
export function become(launch: Launch, { globals }: Pick<OciCall, "globals">): never {
  const log = new Log(globals);
  // A warning concerns whoever keeps a log; in front of a container's own output it would be noise.
  if (globals.log !== undefined || globals.debug) {
    for (const warning of launch.warnings) log.warning(warning);
  }
  log.debug(`becoming ${launch.args.join(" ")}`);
  return process.execve!(launch.path, launch.args, launch.env);
}
