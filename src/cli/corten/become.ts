import type { ProcessImage } from "../../engine/index.ts";

/** Ends this process's life as JavaScript: it becomes the program. Never returns. */
export function become({ path, args, env }: ProcessImage): never {
  return process.execve!(path, args, env);
}
