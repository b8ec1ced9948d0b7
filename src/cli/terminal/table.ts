import { printable } from "./style.ts";

/** A column of a table: its heading and what it shows of a row. */
export interface Column<Row> {
  readonly heading: string;
  readonly cell: (row: Row) => string;
}

/** Lays rows out in columns that are as wide as their widest cell, three spaces apart, headings first. */
export function formatTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  { gap = 3, minimum = 0 }: { readonly gap?: number; readonly minimum?: number } = {},
): string {
  const lines = [
    columns.map(({ heading }) => heading),
    ...rows.map((row) => columns.map(({ cell }) => printable(cell(row)))),
  ];
  const widths = columns.map((_, column) => Math.max(minimum, ...lines.map((line) => width(line[column]!))));
  return lines
    .map((line) =>
      line
        .map((cell, column) =>
          column === line.length - 1 ? cell : cell + " ".repeat(widths[column]! - width(cell) + gap),
        )
        .join("")
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join("");
}

function width(text: string): number {
  return [...text].length;
}
