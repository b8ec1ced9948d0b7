import { type Argument, type Command, findCommand, type Program } from "./command.ts";
import type { Completion, Option, OptionTable } from "./option.ts";

/** What may stand where the cursor is. */
export interface Candidates {
  readonly words: readonly { readonly word: string; readonly summary: string }[];
  /** Things that only the machine knows: names of containers and images, files. */
  readonly kind?: Completion;
  /** Where the value begins in the current word, for `--file=VALUE`. */
  readonly prefix: string;
}

const NOTHING: Candidates = { words: [], prefix: "" };

/** Says what may complete the last of `line`, the words behind the program's name. */
export function completeLine(program: Program, line: readonly string[]): Candidates {
  const current = line.at(-1) ?? "";
  const before = line.slice(0, -1);
  const path: Command[] = [];
  let options: OptionTable = program.globals;
  let commands: readonly Command[] | undefined = program.commands;
  let positionals: string[] = [];
  let optionsOver = false;

  for (let position = 0; position < before.length; position++) {
    const word = before[position]!;
    if (!optionsOver && word === "--") optionsOver = true;
    else if (!optionsOver && word.startsWith("-") && word.length > 1) {
      const option = findOption(options, word);
      const takesNext = option !== undefined && option.type !== "flag" && !word.includes("=");
      if (takesNext && position === before.length - 1) return valueCandidates(option, "");
      if (takesNext) position++;
    } else if (commands) {
      const command = findCommand(commands, word);
      if (!command) return NOTHING;
      path.push(command);
      commands = command.commands;
      options = { ...(program.globalsAnywhere ? program.globals : {}), ...command.options };
    } else {
      positionals = [...positionals, word];
      if (path.at(-1)?.optionsFirst) optionsOver = true;
    }
  }

  if (!optionsOver && current.startsWith("-")) return optionCandidates(options, current);
  if (commands) {
    const words = commands
      .filter(({ name, hidden }) => !hidden && name.startsWith(current))
      .map(({ name, summary }) => ({ word: name, summary }));
    return { words, prefix: "" };
  }
  const argument = argumentAt(path.at(-1)?.arguments ?? [], positionals.length);
  return argument?.completion ? { words: [], kind: argument.completion, prefix: "" } : NOTHING;
}

function argumentAt(expected: readonly Argument[], position: number): Argument | undefined {
  const last = expected.at(-1);
  return expected[position] ?? (last?.repeated ? last : undefined);
}

/** The option behind `--name`, `-n` or the last letter of a bundle. */
function findOption(options: OptionTable, word: string): Option | undefined {
  const equals = word.indexOf("=");
  const name = word.slice(0, equals < 0 ? undefined : equals).replace(/^-+/, "");
  if (Object.hasOwn(options, name)) return options[name];
  const letter = word.startsWith("--") ? name : name.at(-1);
  return Object.values(options).find(({ short, aliases }) => short === letter || aliases?.includes(name));
}

function optionCandidates(options: OptionTable, current: string): Candidates {
  const equals = current.indexOf("=");
  if (equals > 0) {
    const option = findOption(options, current);
    return option ? valueCandidates(option, current.slice(0, equals + 1)) : NOTHING;
  }
  const words = Object.entries({ ...options, help: { type: "flag", summary: "show help" } as Option })
    .filter(([, option]) => !option.hidden)
    .map(([name, option]) => ({ word: `--${name}`, summary: option.summary }))
    .filter(({ word }) => word.startsWith(current));
  return { words, prefix: "" };
}

function valueCandidates(option: Option, prefix: string): Candidates {
  if (option.type === "choice") {
    return { words: option.choices.map((word) => ({ word, summary: "" })), prefix };
  }
  if ((option.type === "text" || option.type === "list") && option.completion) {
    return { words: [], kind: option.completion, prefix };
  }
  return { words: [], prefix };
}
