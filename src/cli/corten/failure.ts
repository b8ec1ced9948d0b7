import { isCortenError } from "../../spec/index.ts";
import type { Outcome } from "../command/dispatch.ts";
import { write } from "../terminal/stream.ts";
import { printable, styleOf } from "../terminal/style.ts";
import { interruption } from "./interruption.ts";
import { program } from "./program.ts";

/** Prints what is wrong with the command line and returns the exit code. */
export function reportMistake({ path, message, suggestions }: Extract<Outcome, { kind: "mistake" }>): number {
  const names = [program.name, ...path.map(({ name }) => name)].join(" ");
  const hint =
    suggestions.length > 0
      ? `did you mean ${suggestions.slice(0, 3).join(", ")}?`
      : `\`${names} --help\` tells more`;
  printError(message, hint);
  return path.at(-1)?.failure ?? 1;
}

/**
 * Prints an error, one line and one for the hint, and returns the exit code. Where 125 stands for Corten's own
 * failures, a command that cannot be run is 126 and one that does not exist 127, as docker has it.
 */
export function reportError(error: unknown, failure: number, debug: boolean): number {
  if (isCortenError(error)) printError(error.message, error.hint);
  else
    printError(
      `internal error: ${error instanceof Error ? error.message : String(error)}`,
      debug ? undefined : "--debug tells where",
    );
  if (debug) printCauses(error);
  if (error === interruption) return 130;
  return failure === 125 ? commandFailure(error) : failure;
}

/** One failure of several arguments' worth: the rest goes on. */
export function printError(message: string, hint?: string): void {
  const style = styleOf(2);
  write(2, `${style.red("corten:")} ${message.split("\n").map(printable).join("\n")}\n`);
  if (hint !== undefined) write(2, `${style.dim(`hint: ${printable(hint)}`)}\n`);
}

/** 127, 126 or 125, by what the executor said about the command's execve. */
function commandFailure(error: unknown): number {
  if (!isCortenError(error)) return 125;
  if (error.operation !== "execute" && error.operation !== "execve" && error.operation !== "findExecutable")
    return 125;
  return error.code === "not-found" || error.errno === "ENOENT" ? 127 : 126;
}

function printCauses(error: unknown): void {
  for (let cause: unknown = error, depth = 0; cause !== undefined && depth < 10; depth++) {
    write(2, `${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}\n`);
    cause = cause instanceof Error ? cause.cause : undefined;
  }
}
