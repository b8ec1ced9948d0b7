import type { Command, Program } from "./command.ts";
import { optionTerm, optionText, usageLine } from "./help.ts";
import type { OptionTable } from "./option.ts";

/** The reference of programs' commands in Markdown, from the same tables as the parser and the help. */
export function formatReference(programs: readonly Program[]): string {
  const sections = programs.map((program) => {
    const lines = [`## ${program.name}`, "", sentence(program.summary), "", code(usageLine(program, [])), ""];
    lines.push(...optionLines(program.globals));
    for (const command of program.commands) lines.push(...commandLines(program, [command]));
    return lines.join("\n");
  });
  return `${["# Commands", "<!-- Generated from the command tables in src/cli: `npm run generate`. -->", ...sections].join("\n\n").trimEnd()}\n`;
}

function commandLines(program: Program, path: readonly Command[]): string[] {
  const command = path.at(-1)!;
  if (command.hidden) return [];
  const name = [program.name, ...path.map((part) => part.name)].join(" ");
  const lines = [`### ${name}`, "", sentence(command.summary), "", code(usageLine(program, path)), ""];
  if (command.description) lines.push(command.description, "");
  if (command.aliases?.length)
    lines.push(`Also called: ${command.aliases.map((alias) => `\`${alias}\``).join(", ")}`, "");
  lines.push(...optionLines(command.options ?? {}));
  if (command.examples?.length) {
    lines.push(code(command.examples.map(({ text, line }) => `# ${text}\n${line}`).join("\n\n")), "");
  }
  for (const child of command.commands ?? []) lines.push(...commandLines(program, [...path, child]));
  return lines;
}

function optionLines(table: OptionTable): string[] {
  const rows = Object.entries(table)
    .filter(([, option]) => !option.hidden)
    .map(
      ([name, option]) => `| \`${cell(optionTerm(name, option).trim())}\` | ${cell(optionText(option))} |`,
    );
  return rows.length === 0 ? [] : ["| option | |", "| --- | --- |", ...rows, ""];
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}

function code(text: string): string {
  return `\`\`\`console\n${text}\n\`\`\``;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
