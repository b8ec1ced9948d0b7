import { closeSync, openSync } from "node:fs";
import type { ProcessImage } from "../../engine/index.ts";

/** Ends this process's life as JavaScript: it becomes the program. Never returns. */
export function become({ path, args, env, stdin }: ProcessImage): never {
  if (stdin === "null") {
    // The lowest free number is given out: the new file is descriptor 0. execve keeps 0, 1 and 2 open.
    closeSync(0);
    openSync("/dev/null", "r");
  }
  return process.execve!(path, args, env);
}
