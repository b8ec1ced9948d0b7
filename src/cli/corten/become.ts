import { closeSync } from "node:fs";
import type { ProcessImage } from "../../engine/index.ts";

/** Ends this process's life as JavaScript: it becomes the program. Never returns. */
export function become({ path, args, env, stdin }: ProcessImage): never {
  // The native programs open /dev/null for a standard descriptor that is closed; JavaScript could open it only
  // with close-on-exec.
  if (stdin === "null") closeSync(0);
  return process.execve!(path, args, env);
}
