import type { Command, Program } from "./command.ts";
import { optionTerm, optionText, usageLine } from "./help.ts";
import type { OptionTable } from "./option.ts";

/** When the pages were last looked through: manual pages carry a date, and generated files must not change by themselves. */
const DATE = "2026-11-24";

/** One page of the manual. */
export interface ManualPage {
  /** `corten-run.1` */
  readonly file: string;
  /** The page in the language of man(7). */
  readonly text: string;
}

/** The manual of a program: one page about it, one for each command, from the same tables as the parser and the help. */
export function manualPages(program: Program, version: string): ManualPage[] {
  const paths = program.commands.flatMap((command) => pathsOf([command]));
  return [[], ...paths].map((path) => ({
    file: `${pageName(program, path)}.1`,
    text: page(program, path, paths, version),
  }));
}

/** A command and those below it, each as the way to it. */
function pathsOf(path: readonly Command[]): Command[][] {
  const command = path.at(-1)!;
  if (command.hidden) return [];
  return [[...path], ...(command.commands ?? []).flatMap((child) => pathsOf([...path, child]))];
}

function pageName(program: Program, path: readonly Command[]): string {
  return [program.name, ...path.map(({ name }) => name)].join("-");
}

function page(
  program: Program,
  path: readonly Command[],
  all: readonly (readonly Command[])[],
  version: string,
): string {
  const command = path.at(-1);
  const name = pageName(program, path);
  const { summary, description } = command ?? program;
  const lines = [
    '.\\" Generated from the command tables in src/cli: `npm run generate`.',
    `.TH ${name.toUpperCase()} 1 ${DATE} "corten ${version}" "Corten Manual"`,
    ".SH NAME",
    `${roff(name)} \\- ${roff(summary)}`,
    ".SH SYNOPSIS",
    ...synopsis(program, path),
    ".SH DESCRIPTION",
    line(sentence(summary)),
    ...(description ?? "")
      .split("\n\n")
      .filter(Boolean)
      .flatMap((text) => [".PP", line(text)]),
  ];
  if (command?.aliases?.length) {
    lines.push(".PP", line(`Also called: ${command.aliases.join(", ")}.`));
  }
  const children = command === undefined ? program.commands : (command.commands ?? []);
  const visible = children.filter(({ hidden }) => !hidden);
  if (visible.length > 0) {
    lines.push(".SH COMMANDS");
    for (const child of visible) {
      lines.push(
        ".TP",
        `.BR ${pageName(program, [...path, child]).replaceAll("-", "\\-")} (1)`,
        line(sentence(child.summary)),
      );
    }
  }
  lines.push(...options("OPTIONS", (command ? command.options : program.globals) ?? {}));
  if (command !== undefined && program.globalsAnywhere)
    lines.push(...options("GLOBAL OPTIONS", program.globals));
  lines.push(...exitStatus(command), ...examples(command), ...seeAlso(program, path, all));
  return `${lines.join("\n")}\n`;
}

/** The name in bold, what the user puts in its place in italics. */
function synopsis(program: Program, path: readonly Command[]): string[] {
  const words = usageLine(program, path).split(" ");
  const names = words.slice(0, path.length + 1);
  const rest = words.slice(path.length + 1).map((word) => roff(word));
  return [`.B ${roff(names.join(" "))}`, ...(rest.length > 0 ? [`.I ${rest.join(" ")}`] : [])];
}

function options(heading: string, table: OptionTable): string[] {
  const visible = Object.entries(table).filter(([, { hidden }]) => !hidden);
  if (visible.length === 0) return [];
  return [
    `.SH ${heading}`,
    ...visible.flatMap(([name, option]) => [
      ".TP",
      `.B ${roff(optionTerm(name, option).trim())}`,
      line(sentence(optionText(option))),
    ]),
  ];
}

function exitStatus(command: Command | undefined): string[] {
  const code = command?.failure ?? 1;
  const text = `0 when all went well; ${code} for a wrong command line and for Corten's own failures.`;
  return [".SH EXIT STATUS", line(text)];
}

function examples(command: Command | undefined): string[] {
  if (!command?.examples?.length) return [];
  const shown = command.examples.flatMap(({ text, line: example }) => [
    ".PP",
    line(`${sentence(text).replace(/\.$/, "")}:`),
    ".PP",
    ".nf",
    ".RS",
    ...example.split("\n").map(line),
    ".RE",
    ".fi",
  ]);
  return [".SH EXAMPLES", ...shown.slice(1)];
}

/** The page above, and those beside it in the same family. */
function seeAlso(program: Program, path: readonly Command[], all: readonly (readonly Command[])[]): string[] {
  const beside = all.filter(
    (other) =>
      other.length === path.length &&
      other.at(-1) !== path.at(-1) &&
      other.at(-1)?.group === path.at(-1)?.group &&
      other.slice(0, -1).every((command, index) => command === path[index]),
  );
  const others = path.length === 0 ? [] : [path.slice(0, -1), ...beside];
  const names = others.map((other) => pageName(program, other));
  if (path.length === 0) names.push(program.name === "corten" ? "corten-oci" : "corten");
  const last = names.length - 1;
  return [
    ".SH SEE ALSO",
    ...names.map((name, index) => `.BR ${name.replaceAll("-", "\\-")} (1)${index === last ? "" : ","}`),
  ];
}

/** A line of text: one that begins with a dot or an apostrophe would be a macro. */
function line(text: string): string {
  const escaped = roff(text.replaceAll("\n", " "));
  return /^[.']/.test(escaped) ? `\\&${escaped}` : escaped;
}

/** Hyphens stay hyphens that can be copied into a shell; quotes and accents are the characters themselves. */
function roff(text: string): string {
  return text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll("'", "\\(aq")
    .replaceAll("`", "\\(ga")
    .replaceAll("^", "\\(ha")
    .replaceAll("~", "\\(ti");
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
