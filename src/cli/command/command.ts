import type { Completion, OptionTable, Values } from "./option.ts";

/** A positional argument. */
export interface Argument {
  /** As help prints it: `CONTAINER`. */
  readonly name: string;
  readonly optional?: boolean;
  /** Takes everything that is left; only the last argument may. */
  readonly repeated?: boolean;
  readonly completion?: Completion;
}

/** A finished command line, as the function behind a command gets it. */
export interface Call<O extends OptionTable, G extends OptionTable = OptionTable> {
  readonly program: Program;
  /** The command's full name: `system info`. */
  readonly name: string;
  readonly options: Values<O>;
  readonly globals: Values<G>;
  readonly args: readonly string[];
  /** Long names of the options that stood on the command line. */
  readonly given: ReadonlySet<string>;
}

/** The module behind a command. `run` returns the exit code. */
export interface CommandModule<O extends OptionTable, G extends OptionTable> {
  run(call: Call<O, G>): Promise<number> | number;
}

/** A command as data. Its module is evaluated only when the command is called. */
export interface Command {
  readonly name: string;
  readonly aliases?: readonly string[];
  /** Lower case, without full stop. */
  readonly summary: string;
  /** Further paragraphs for help and the reference. */
  readonly description?: string;
  /** Heading under which the program's help lists it. */
  readonly group?: string;
  readonly hidden?: boolean;
  readonly arguments?: readonly Argument[];
  readonly options?: OptionTable;
  /** True where the first argument ends the options, because a command line for the container follows. */
  readonly optionsFirst?: boolean;
  readonly examples?: readonly { readonly text: string; readonly line: string }[];
  /** Exit code of a wrong command line and of Corten's own failures. Default: 1. */
  readonly failure?: number;
  /** Set where the command is a family of others: `system info`. */
  readonly commands?: readonly Command[];
  /** A command that callers know from elsewhere and that is not offered here: why not. */
  readonly unsupported?: string;
  /** Left out of families and of what is unsupported. */
  readonly load?: () => Promise<CommandModule<OptionTable, OptionTable>>;
}

/** A program: one command line with its options and commands. */
export interface Program {
  readonly name: string;
  readonly summary: string;
  readonly description?: string;
  /** Options that stand before the command. */
  readonly globals: OptionTable;
  /** True where these options are understood behind the command too. */
  readonly globalsAnywhere: boolean;
  readonly commands: readonly Command[];
  /** `go`: long options may have one dash and short ones are never bundled, as runc's command line has it. */
  readonly dialect: "posix" | "go";
  /** The message about an option that does not exist: docker's words or runc's. */
  readonly unknownOption: (option: string) => string;
}

/** Finds a command by name or alias. */
export function findCommand(commands: readonly Command[], name: string): Command | undefined {
  return commands.find((command) => command.name === name || command.aliases?.includes(name));
}
