import type { Argument } from "./command.ts";
import type { Option, OptionTable, Value } from "./option.ts";
import { parseValue } from "./value.ts";

/** What a command line must look like. */
export interface Grammar {
  readonly options: OptionTable;
  /** Options of the program that are understood here too, after the command's own. */
  readonly globals?: OptionTable;
  /** True: the first argument ends the options. */
  readonly optionsFirst: boolean;
  readonly dialect: "posix" | "go";
}

/** A command line taken apart. */
export interface ParsedLine {
  readonly kind: "parsed";
  readonly values: Record<string, Value>;
  readonly globals: Record<string, Value>;
  readonly args: readonly string[];
  readonly given: ReadonlySet<string>;
}

/** A command line that asks for help. */
export interface HelpRequest {
  readonly kind: "help";
}

/** What is wrong with a command line. `unknown` is the option that nothing defines, with its dashes. */
export interface Mistake {
  readonly kind: "mistake";
  readonly message: string;
  readonly unknown?: string;
}

interface Found {
  readonly name: string;
  readonly option: Option;
  readonly global: boolean;
}

/**
 * Takes a command line apart as pflag does: `--name value`, `--name=value`, `-n value`, `-nvalue`, bundles of
 * flags (`-it`), `--` before arguments that begin with a dash. The `go` dialect follows Go's flag package
 * instead: `-name` is `--name`, and there are no bundles. Of a repeated option the last value counts, except
 * for lists, which keep all in order.
 */
export function parseLine(
  grammar: Grammar,
  line: readonly string[],
  environment: Readonly<Record<string, string | undefined>> = {},
): ParsedLine | HelpRequest | Mistake {
  const values: Record<string, Value> = Object.create(null);
  const globals: Record<string, Value> = Object.create(null);
  const given = new Set<string>();
  const args: string[] = [];
  const find = finder(grammar);

  const assign = ({ name, option, global }: Found, text: string, shown: string): Mistake | undefined => {
    const parsed = parseValue(option, text, shown);
    if (parsed.mistake !== undefined) return { kind: "mistake", message: parsed.mistake };
    const target = global ? globals : values;
    if (option.type === "list") {
      const list = target[name] as string[] | undefined;
      if (list) list.push(text);
      else target[name] = [text];
    } else {
      target[name] = parsed.value;
    }
    if (!global) given.add(name);
    return undefined;
  };

  for (let position = 0; position < line.length; position++) {
    const word = line[position]!;
    if (word === "--") {
      args.push(...line.slice(position + 1));
      break;
    }
    if (word.length < 2 || word[0] !== "-") {
      args.push(word);
      if (!grammar.optionsFirst) continue;
      args.push(...line.slice(position + 1));
      break;
    }
    if (word.startsWith("--") || grammar.dialect === "go") {
      const body = word.slice(word.startsWith("--") ? 2 : 1);
      const equals = body.indexOf("=");
      const name = equals < 0 ? body : body.slice(0, equals);
      const shown = `--${name}`;
      const found = find(name, word.startsWith("--") ? "long" : "either");
      if (!found) {
        if (name === "help" || (name === "h" && grammar.dialect === "go")) return { kind: "help" };
        return { kind: "mistake", message: "", unknown: grammar.dialect === "go" ? `-${name}` : shown };
      }
      let text = equals < 0 ? undefined : body.slice(equals + 1);
      if (text === undefined && found.option.type === "flag") text = "true";
      if (text === undefined) {
        text = line[++position];
        if (text === undefined) return { kind: "mistake", message: `option needs a value: ${shown}` };
      }
      const mistake = assign(found, text, shown);
      if (mistake) return mistake;
      continue;
    }
    for (let letter = 1; letter < word.length; letter++) {
      const shown = `-${word[letter]}`;
      const found = find(word[letter]!, "short");
      if (!found) {
        if (word[letter] === "h") return { kind: "help" };
        const unknown = word.length > 2 ? `${shown} in ${word}` : shown;
        return { kind: "mistake", message: "", unknown };
      }
      let rest: string | undefined = word.slice(letter + 1);
      if (found.option.type === "flag" && rest[0] !== "=") {
        assign(found, "true", shown);
        continue;
      }
      if (rest[0] === "=") rest = rest.slice(1);
      else if (rest === "") {
        rest = line[++position];
        if (rest === undefined) return { kind: "mistake", message: `option needs a value: ${shown}` };
      }
      const mistake = assign(found, rest, shown);
      if (mistake) return mistake;
      break;
    }
  }

  return fill(grammar.options, values, environment) ?? { kind: "parsed", values, globals, args, given };
}

/** Says what is wrong with the number of arguments; undefined: nothing. */
export function countMistake(expected: readonly Argument[], count: number): string | undefined {
  const least = expected.filter((argument) => !argument.optional).length;
  const most = expected.at(-1)?.repeated ? Number.POSITIVE_INFINITY : expected.length;
  if (count >= least && count <= most) return undefined;
  if (most === 0) return "accepts no arguments";
  const bound = least === most ? "exactly" : count < least ? "at least" : "at most";
  const number = count < least ? least : most;
  return `requires ${bound} ${number} argument${number === 1 ? "" : "s"}`;
}

function finder(grammar: Grammar): (name: string, kind: "long" | "short" | "either") => Found | undefined {
  const tables = [
    { table: grammar.options, global: false },
    { table: grammar.globals ?? {}, global: true },
  ];
  return (name, kind) => {
    for (const { table, global } of tables) {
      if (kind !== "short" && Object.hasOwn(table, name)) return { name, option: table[name]!, global };
      for (const long in table) {
        const option = table[long]!;
        // Go's flag package knows one-letter names with either number of dashes.
        if ((kind !== "long" || grammar.dialect === "go") && option.short === name)
          return { name: long, option, global };
        if (kind !== "short" && option.aliases?.includes(name)) return { name: long, option, global };
      }
    }
    return undefined;
  };
}

/** Gives the options that the line left out their value: from the environment, else the default. */
function fill(
  table: OptionTable,
  values: Record<string, Value>,
  environment: Readonly<Record<string, string | undefined>>,
): Mistake | undefined {
  for (const name in table) {
    if (values[name] !== undefined) continue;
    const option = table[name]!;
    const text = option.env === undefined ? undefined : environment[option.env];
    if (text !== undefined && text !== "") {
      const parsed = parseValue(option, text, `${option.env}`);
      if (parsed.mistake !== undefined) return { kind: "mistake", message: parsed.mistake };
      values[name] = option.type === "list" ? [text] : parsed.value;
    } else if (option.type === "flag") values[name] = option.default ?? false;
    else if (option.type === "list") values[name] = [];
    else values[name] = option.default;
  }
  return undefined;
}
