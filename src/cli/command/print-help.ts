import { isTerminal, terminalWidth, write } from "../terminal/stream.ts";
import { createStyle, wantsColour } from "../terminal/style.ts";
import type { Command, Program } from "./command.ts";
import { formatHelp } from "./help.ts";

/** Prints help to stdout: as wide as the terminal, between 60 and 100 columns; 90 where there is none. */
export async function printHelp(program: Program, path: readonly Command[]): Promise<number> {
  const terminal = isTerminal(1);
  const width = terminal ? Math.min(100, Math.max(60, await terminalWidth())) : 90;
  const style = createStyle(wantsColour(terminal, process.env));
  write(1, formatHelp(program, path, { width, style }));
  return 0;
}
