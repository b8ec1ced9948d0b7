import type { JsonView } from "../../spec/index.ts";
import { compileGlob, type Glob } from "./glob.ts";

/** Refuses fields that nobody reads: a misspelt key of an access rule would open or close more than was meant. */
export function onlyFields(view: JsonView, names: readonly string[]): void {
  for (const name of Object.keys(view.object())) {
    if (!names.includes(name)) {
      throw view.field(name).fault("is not a known setting", `known here: ${names.join(", ")}`);
    }
  }
}

/** The setting as `read` gives it, or undefined when it is not there. */
export function optional<T>(view: JsonView, read: (view: JsonView) => T): T | undefined {
  return view.absent ? undefined : read(view);
}

/** A list of non-empty strings. */
export function list(view: JsonView): readonly string[] {
  return view.items().map(text);
}

/** A string that is not empty. */
export function text(view: JsonView): string {
  const value = view.string();
  if (value === "") throw view.fault("is empty");
  return value;
}

/** One word of a closed list. */
export function choice<T extends string>(view: JsonView, words: readonly T[]): T {
  const value = view.string();
  const found = words.find((word) => word === value);
  if (found === undefined) throw view.fault(`is "${value}"`, `one of ${words.join(", ")}`);
  return found;
}

/** A whole number of seconds within bounds. */
export function seconds(view: JsonView, least: number, most: number): number {
  const value = view.size();
  if (value < least || value > most) throw view.fault(`is ${value}`, `from ${least} to ${most} seconds`);
  return value;
}

/** A pattern of names. */
export function pattern(view: JsonView): Glob {
  const glob = compileGlob(view.string());
  if (typeof glob === "string") throw view.fault(glob);
  return glob;
}

/** A list of patterns. */
export function patterns(view: JsonView): readonly Glob[] {
  return view.items().map(pattern);
}
