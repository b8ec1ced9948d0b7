/**
 * The command lines `corten` and `corten-oci`. A command is data: its name, its arguments and options, and what
 * they mean. The parser, the help, the completion and the reference in docs/commands.md are all made from that
 * table. Behind it stands a module that parses values, calls a room and prints, and is loaded only when the
 * command is called: a start of a container must not pay for the other thirty commands.
 *
 * `main.ts` is the entry of the executable; this list is for the scripts that write documentation.
 */

export type { Command, Program } from "./command/command.ts";
export type { ManualPage } from "./command/manual.ts";
export type { Option, OptionTable } from "./command/option.ts";
export { commandReference, manual } from "./commands.ts";
