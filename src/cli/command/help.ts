import type { Style } from "../terminal/style.ts";
import type { Argument, Command, Program } from "./command.ts";
import type { Option, OptionTable } from "./option.ts";
import { wrap } from "./wrap.ts";

/** How a help text is laid out. */
export interface HelpLayout {
  /** Columns of the page. */
  readonly width: number;
  readonly style: Style;
}

/** The page that `--help` prints for a program, a family of commands, or a command. */
export function formatHelp(program: Program, path: readonly Command[], layout: HelpLayout): string {
  const command = path.at(-1);
  if (!command) return programHelp(program, layout);
  return commandHelp(program, path, command, layout);
}

/** `corten run [options] IMAGE [COMMAND...]` */
export function usageLine(program: Program, path: readonly Command[]): string {
  const command = path.at(-1);
  const words = [program.name, ...path.map(({ name }) => name)];
  if (!command) words.push("[options]", "COMMAND");
  else if (command.commands) words.push("COMMAND");
  else {
    if (visible(command.options).length > 0) words.push("[options]");
    words.push(...(command.arguments ?? []).map(argumentUsage));
  }
  return words.join(" ");
}

function argumentUsage({ name, optional, repeated }: Argument): string {
  const text = `${name}${repeated ? "..." : ""}`;
  return optional ? `[${text}]` : text;
}

function programHelp(program: Program, layout: HelpLayout): string {
  const groups = new Map<string, Command[]>();
  for (const command of program.commands) {
    if (command.hidden) continue;
    const group = command.group ?? "Commands";
    groups.set(group, [...(groups.get(group) ?? []), command]);
  }
  const sections = [
    paragraph(sentence(program.summary), layout),
    ...(program.description ? [paragraph(program.description, layout)] : []),
    section("Usage", `  ${usageLine(program, [])}\n`, layout),
    ...[...groups].map(([group, commands]) => section(group, commandRows(commands, layout), layout)),
    section("Options", optionRows({ ...program.globals, help: HELP }, layout), layout),
    paragraph(`\`${program.name} COMMAND --help\` tells more about a command.`, layout),
  ];
  return sections.join("\n");
}

const HELP: Option = { type: "flag", short: "h", summary: "show this help" };

function commandHelp(
  program: Program,
  path: readonly Command[],
  command: Command,
  layout: HelpLayout,
): string {
  const sections = [
    paragraph(sentence(command.summary), layout),
    section("Usage", `  ${usageLine(program, path)}\n`, layout),
  ];
  if (command.description) {
    sections.push(...command.description.split("\n\n").map((text) => paragraph(text, layout)));
  }
  if (command.aliases?.length) {
    const parents = [program.name, ...path.slice(0, -1).map(({ name }) => name)].join(" ");
    const names = [command.name, ...command.aliases].map((name) => `${parents} ${name}`);
    sections.push(section("Also called", `  ${names.join(", ")}\n`, layout));
  }
  if (command.commands) {
    sections.push(
      section(
        "Commands",
        commandRows(
          command.commands.filter(({ hidden }) => !hidden),
          layout,
        ),
        layout,
      ),
    );
  }
  const options = command.options ?? {};
  const takesShort = Object.values(options).some(({ short }) => short === "h");
  const help: Option = takesShort ? { type: "flag", summary: HELP.summary } : HELP;
  sections.push(section("Options", optionRows({ ...options, help }, layout), layout));
  if (command.examples?.length) {
    const rows = command.examples.map(
      ({ text, line }) => `  ${layout.style.dim(`# ${text}`)}\n  ${layout.style.cyan(line)}\n`,
    );
    sections.push(section("Examples", rows.join(""), layout));
  }
  return sections.join("\n");
}

function section(heading: string, body: string, { style }: HelpLayout): string {
  return `${style.bold(`${heading}:`)}\n${body}`;
}

function paragraph(text: string, { width }: HelpLayout): string {
  return `${wrap(text, width).join("\n")}\n`;
}

function commandRows(commands: readonly Command[], layout: HelpLayout): string {
  return rows(
    commands.map(({ name, summary }) => ({
      plain: name,
      shown: layout.style.cyan(name),
      text: sentence(summary, false),
    })),
    layout,
  );
}

function optionRows(table: OptionTable, layout: HelpLayout): string {
  return rows(
    visible(table).map(([name, option]) => {
      const plain = optionTerm(name, option);
      return { plain, shown: layout.style.cyan(plain), text: optionText(option) };
    }),
    layout,
  );
}

/** `-e, --env NAME=VALUE`; names without a short form stand in the same column. */
export function optionTerm(name: string, option: Option): string {
  const value =
    option.type === "flag" ? "" : ` ${option.type === "choice" ? option.choices.join("|") : option.value}`;
  return `${option.short ? `-${option.short}, ` : "    "}--${name}${value}`;
}

/** The summary of an option with its default and its variable. */
export function optionText(option: Option): string {
  const notes: string[] = [];
  if (option.type === "list") notes.push("repeatable");
  if ("default" in option && option.default !== undefined && option.default !== false)
    notes.push(`default: ${option.default}`);
  if (option.env) notes.push(`or $${option.env}`);
  return option.summary + (notes.length > 0 ? ` (${notes.join(", ")})` : "");
}

function visible(table: OptionTable | undefined): [string, Option][] {
  return Object.entries(table ?? {}).filter(([, option]) => !option.hidden);
}

interface Row {
  readonly plain: string;
  readonly shown: string;
  readonly text: string;
}

/** Terms on the left, texts wrapped on the right; a term too long for its column has its text on the next line. */
function rows(list: readonly Row[], { width }: HelpLayout): string {
  const column = Math.min(32, Math.max(...list.map(({ plain }) => plain.length))) + 2;
  const indent = " ".repeat(column + 2);
  let page = "";
  for (const { plain, shown, text } of list) {
    const lines = wrap(text, width - column - 2);
    if (plain.length + 2 > column) page += `  ${shown}\n${indent}${lines[0] ?? ""}\n`;
    else page += `  ${shown}${" ".repeat(column - plain.length)}${lines[0] ?? ""}\n`;
    for (const line of lines.slice(1)) page += `${indent}${line}\n`;
  }
  return page;
}

function sentence(text: string, stop = true): string {
  return text.charAt(0).toUpperCase() + text.slice(1) + (stop ? "." : "");
}
