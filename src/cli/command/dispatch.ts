import type { Argument, Call, Command, Program } from "./command.ts";
import { findCommand } from "./command.ts";
import type { OptionTable, Values } from "./option.ts";
import { countMistake, type Mistake, type ParsedLine, parseLine } from "./parse.ts";

/** What a command line comes to. */
export type Outcome =
  | { readonly kind: "call"; readonly command: Command; readonly call: Call<OptionTable> }
  | {
      readonly kind: "help";
      /** From the program down to the command that help is wanted for. */
      readonly path: readonly Command[];
      /** False: nothing was asked for, help is shown because the line was empty. */
      readonly asked: boolean;
    }
  | { readonly kind: "version" }
  | {
      readonly kind: "mistake";
      readonly path: readonly Command[];
      readonly message: string;
      /** What the user may have meant, best first. */
      readonly suggestions: readonly string[];
      readonly globals: Values<OptionTable>;
    };

type Environment = Readonly<Record<string, string | undefined>>;

/** Reads a whole command line: the program's options, the command, its options and arguments. */
export async function readCommandLine(
  program: Program,
  line: readonly string[],
  environment: Environment,
): Promise<Outcome> {
  const first = parseLine(
    { options: program.globals, optionsFirst: true, dialect: program.dialect },
    line,
    environment,
  );
  if (first.kind === "help") return { kind: "help", path: [], asked: true };
  if (first.kind === "mistake") return mistake(program, [], first, program.globals, {});
  const globals = { ...first.values };
  if (globals["version"] === true) return { kind: "version" };

  const path: Command[] = [];
  let commands: readonly Command[] = program.commands;
  let rest = first.args;
  for (;;) {
    const name = rest[0];
    const parent = path.at(-1);
    if (name === undefined) return { kind: "help", path, asked: false };
    if (name === "--help" || name === "-h") return { kind: "help", path, asked: true };
    const command = findCommand(commands, name);
    if (!command) {
      if (name === "help") return helpPath(program, rest.slice(1), globals);
      return unknownCommand(path, parent?.commands ?? program.commands, name, globals);
    }
    path.push(command);
    rest = rest.slice(1);
    if (command.unsupported !== undefined) {
      return { kind: "mistake", path: [], message: command.unsupported, suggestions: [], globals };
    }
    if (!command.commands) break;
    commands = command.commands;
  }

  const command = path.at(-1)!;
  const options = command.options ?? {};
  const parsed = parseLine(
    {
      options,
      ...(program.globalsAnywhere ? { globals: program.globals } : {}),
      optionsFirst: command.optionsFirst ?? false,
      dialect: program.dialect,
    },
    rest,
    environment,
  );
  if (parsed.kind === "help") return { kind: "help", path, asked: true };
  if (parsed.kind === "mistake") {
    const known = program.globalsAnywhere ? { ...program.globals, ...options } : options;
    return mistake(program, path, parsed, known, globals);
  }
  Object.assign(globals, parsed.globals);
  const wrong = countMistake(command.arguments ?? [], parsed.args.length);
  if (wrong !== undefined) return wrongCount(program, path, wrong, globals);
  return { kind: "call", command, call: makeCall(program, path, parsed, globals) };
}

function makeCall(
  program: Program,
  path: readonly Command[],
  parsed: ParsedLine,
  globals: Values<OptionTable>,
): Call<OptionTable> {
  const name = path.map((command) => command.name).join(" ");
  return { program, name, options: parsed.values, globals, args: parsed.args, given: parsed.given };
}

/** Help for `help run`, `help system info`. */
function helpPath(
  program: Program,
  names: readonly string[],
  globals: Values<OptionTable>,
): Promise<Outcome> | Outcome {
  const path: Command[] = [];
  let commands: readonly Command[] = program.commands;
  for (const name of names) {
    const command = findCommand(commands, name);
    if (!command) return unknownCommand(path, commands, name, globals);
    path.push(command);
    commands = command.commands ?? [];
  }
  return { kind: "help", path, asked: true };
}

function wrongCount(
  program: Program,
  path: readonly Command[],
  wrong: string,
  globals: Values<OptionTable>,
): Outcome {
  const names = path.map((command) => command.name).join(" ");
  // runc quotes the command, and callers of `runc kill` have learned to read it.
  const message =
    program.dialect === "go"
      ? `${program.name}: "${names}" ${wrong.replace(/arguments?$/, "argument(s)")}`
      : `${names} ${wrong}${argumentNames(path.at(-1)?.arguments)}`;
  return { kind: "mistake", path, message, suggestions: [], globals };
}

function argumentNames(expected: readonly Argument[] | undefined): string {
  if (!expected || expected.length === 0) return "";
  return `: ${expected.map((argument) => argument.name + (argument.repeated ? "..." : "")).join(" ")}`;
}

async function unknownCommand(
  path: readonly Command[],
  commands: readonly Command[],
  name: string,
  globals: Values<OptionTable>,
): Promise<Outcome> {
  const { suggestions } = await import("./suggestion.ts");
  const names = commands
    .filter((command) => !command.hidden)
    .flatMap((command) => [command.name, ...(command.aliases ?? [])]);
  const full = [...path.map((command) => command.name), name].join(" ");
  return {
    kind: "mistake",
    path,
    message: `unknown command "${full}"`,
    suggestions: suggestions(name, names),
    globals,
  };
}

async function mistake(
  program: Program,
  path: readonly Command[],
  { message, unknown }: Mistake,
  known: OptionTable,
  globals: Values<OptionTable>,
): Promise<Outcome> {
  if (unknown === undefined) return { kind: "mistake", path, message, suggestions: [], globals };
  const { suggestions } = await import("./suggestion.ts");
  const names = Object.entries(known)
    .filter(([, option]) => !option.hidden)
    .map(([name]) => name);
  const word = unknown.replace(/^-+/, "");
  return {
    kind: "mistake",
    path,
    message: program.unknownOption(unknown),
    suggestions: unknown.startsWith("--") ? suggestions(word, names).map((name) => `--${name}`) : [],
    globals,
  };
}
