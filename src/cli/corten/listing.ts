import { print, printJson, write } from "../terminal/stream.ts";
import { type Column, formatTable } from "../terminal/table.ts";
import { fillTemplate, parseFormat, templateHeadings } from "./format.ts";

/** A list of things as a command prints it. `row` gives the fields of JSON and of templates. */
export interface Listing<Thing> {
  readonly things: readonly Thing[];
  readonly columns: readonly Column<Thing>[];
  readonly row: (thing: Thing) => object;
  /** The value of `--format`. */
  readonly format: string | undefined;
}

/** Prints a list as a table, a JSON array, or a template's text for each thing. */
export function printListing<Thing>({ things, columns, row, format }: Listing<Thing>): void {
  const chosen = parseFormat(format);
  if (chosen.kind === "table") write(1, formatTable(columns, things));
  else if (chosen.kind === "json") printJson(things.map(row));
  else {
    const lines = things.map((thing) => fillTemplate(chosen.parts, row(thing)));
    if (!chosen.table) for (const line of lines) print(line);
    else write(1, formatTabs([templateHeadings(chosen.parts), ...lines]));
  }
}

/** Lays out lines whose cells are separated by tabs. */
function formatTabs(lines: readonly string[]): string {
  const cells = lines.map((line) => line.split("\t"));
  const [headings = []] = cells;
  const columns = headings.map((heading, index) => ({
    heading,
    cell: (row: readonly string[]) => row[index] ?? "",
  }));
  return formatTable(columns, cells.slice(1));
}

/** Prints one thing's details: JSON or a template. `text` prints it for people. */
export function printDetails(details: object, format: string | undefined, text: () => void): void {
  const chosen = parseFormat(format);
  if (chosen.kind === "table") text();
  else if (chosen.kind === "json") printJson(details);
  else print(fillTemplate(chosen.parts, details));
}
