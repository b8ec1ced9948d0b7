import type { JsonView } from "../../spec/index.ts";

const UNITS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
};

/** Reads a length of time, `30d`, `12h`; returns milliseconds. */
export function readDuration(view: JsonView): number {
  const form = /^(\d{1,6})([smhdw])$/.exec(view.string());
  if (form === null)
    throw view.fault(`is "${view.string().slice(0, 50)}"`, "a number and s, m, h, d or w, e.g. 30d");
  return Number(form[1]) * UNITS[form[2]!]!;
}
