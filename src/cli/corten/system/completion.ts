import { CortenError } from "../../../spec/index.ts";
import { completionScript, shells } from "../../command/completion-script.ts";
import { write } from "../../terminal/stream.ts";
import type { CortenCall } from "../table/globals.ts";

/** `corten completion SHELL` */
export function run({ args, program }: CortenCall): number {
  const shell = shells.find((name) => name === args[0]);
  if (!shell) {
    throw new CortenError(
      "invalid-argument",
      `no completion for the shell "${args[0]}": there is ${shells.join(", ")}`,
    );
  }
  write(1, completionScript(shell, program.name));
  return 0;
}
