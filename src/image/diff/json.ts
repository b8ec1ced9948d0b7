import { escapePointer } from "../../spec/index.ts";

/** A value that two documents do not have alike. */
export interface ValueChange {
  /** JSON pointer; that of the document which has it. */
  readonly pointer: string;
  /** undefined where it was added. */
  readonly before?: unknown;
  /** undefined where it was removed. */
  readonly after?: unknown;
}

/**
 * What differs between two JSON values, at the deepest places: objects property by property in either
 * order, arrays of words as sets with an order, other arrays item by item.
 */
export function diffJson(before: unknown, after: unknown, pointer = ""): ValueChange[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  if (isObject(before) && isObject(after)) {
    const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    return names.flatMap((name) =>
      diffJson(own(before, name), own(after, name), `${pointer}/${escapePointer(name)}`),
    );
  }
  if (Array.isArray(before) && Array.isArray(after)) {
    const length = Math.max(before.length, after.length);
    return Array.from({ length }, (_, index) =>
      diffJson(before[index], after[index], `${pointer}/${index}`),
    ).flat();
  }
  return [
    {
      pointer,
      ...(before === undefined ? {} : { before }),
      ...(after === undefined ? {} : { after }),
    },
  ];
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function own(object: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}
