import { CortenError } from "../../spec/index.ts";

/** How a list or details are printed: a table for people, JSON for programs, or a template for each row. */
export type Format =
  | { readonly kind: "table" }
  | { readonly kind: "json" }
  | {
      readonly kind: "template";
      /** `table {{…}}`: a heading line, columns laid out. */
      readonly table: boolean;
      readonly parts: readonly TemplatePart[];
    };

/** Literal text, or the path of a field: `.State.Pid` is ["State", "Pid"]. */
export type TemplatePart =
  | { readonly text: string }
  | { readonly path: readonly string[]; readonly json: boolean };

/**
 * Reads `--format`: `table`, `json`, or a template with fields (`{{.ID}}`, `{{.State.Pid}}`) and `json`
 * (`{{json .}}`), the part of Go's templates that people use. `\t` and `\n` stand for a tab and a line end.
 *
 * @throws invalid-argument for any other template
 */
export function parseFormat(text: string | undefined): Format {
  if (text === undefined || text === "table") return { kind: "table" };
  if (text === "json") return { kind: "json" };
  if (!text.includes("{{")) {
    throw new CortenError("invalid-argument", `unknown format "${text}"`, {
      hint: "table, json, or a template with fields such as '{{.ID}}'",
    });
  }
  const table = text.startsWith("table ");
  const template = (table ? text.slice(6) : text).replace(/\\t/g, "\t").replace(/\\n/g, "\n");
  const parts: TemplatePart[] = [];
  let end = 0;
  for (const match of template.matchAll(/\{\{(.*?)\}\}/gs)) {
    if (match.index > end) parts.push({ text: template.slice(end, match.index) });
    const field = /^\s*(json\s+)?\.((?:\w+(?:\.\w+)*)?)\s*$/.exec(match[1]!);
    if (!field) {
      throw new CortenError("invalid-argument", `the template action {{${match[1]}}} is not supported`, {
        hint: "fields such as {{.ID}} and {{json .}} are; json and jq do the rest",
      });
    }
    parts.push({ path: field[2] === "" ? [] : field[2]!.split("."), json: field[1] !== undefined });
    end = match.index + match[0].length;
  }
  if (end < template.length) parts.push({ text: template.slice(end) });
  return { kind: "template", table, parts };
}

/** Fills a template from a row. @throws invalid-argument naming the field that the row has not, and those it has */
export function fillTemplate(parts: readonly TemplatePart[], row: object): string {
  return parts
    .map((part) => ("text" in part ? part.text : show(fieldOf(row, part.path), part.json)))
    .join("");
}

/** The headings of `table {{…}}`: the fields' names in capitals. */
export function templateHeadings(parts: readonly TemplatePart[]): string {
  return parts.map((part) => ("text" in part ? part.text : (part.path.at(-1) ?? "").toUpperCase())).join("");
}

function fieldOf(row: object, path: readonly string[]): unknown {
  let value: unknown = row;
  for (const name of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) {
      const known = typeof value === "object" && value !== null ? Object.keys(value).join(", ") : "none";
      throw new CortenError("invalid-argument", `no field .${path.join(".")}: there are ${known}`);
    }
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

function show(value: unknown, json: boolean): string {
  if (json) return JSON.stringify(value);
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return `[${value.join(" ")}]`;
  if (typeof value === "object" && value !== null) return JSON.stringify(value);
  return value === undefined || value === null ? "<no value>" : String(value);
}
