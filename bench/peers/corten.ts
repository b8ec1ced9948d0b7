import { join } from "node:path";
import { corten } from "../../test/support/index.ts";

/** Our command line with its own stores below `directory`. */
export function cortenWith(directory: string): {
  readonly program: string;
  readonly args: readonly string[];
} {
  return {
    program: corten,
    args: ["--root", join(directory, "data"), "--run-root", join(directory, "run")],
  };
}
