import { CortenError, escapePointer } from "../../spec/index.ts";

/** Judges one value of a document; `at` is its JSON pointer. Throws invalid-argument where it does not fit. */
export type Check = (value: unknown, at: string) => void;

/** The error for a value of config.json; `why` continues a sentence that begins with the pointer. */
export function configFault(at: string, why: string, hint?: string): CortenError {
  return new CortenError("invalid-argument", `config.json: ${at || "the document"} ${why}`, {
    pointer: at,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** Quotes a value from a document for a message: short, on one line. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

export const text: Check = (value, at) => {
  if (typeof value !== "string") throw configFault(at, `must be a string, not ${shown(value)}`);
  if (value.includes("\0")) throw configFault(at, "contains a NUL byte");
};

export const flag: Check = (value, at) => {
  if (typeof value !== "boolean") throw configFault(at, `must be true or false, not ${shown(value)}`);
};

/** An absolute path. */
export const absolutePath: Check = (value, at) => {
  text(value, at);
  if (!(value as string).startsWith("/")) {
    throw configFault(at, `must be an absolute path, not ${shown(value)}`);
  }
};

export const nonEmpty: Check = (value, at) => {
  text(value, at);
  if (value === "") throw configFault(at, "must not be empty");
};

/** A whole number within bounds. Beyond 2^53 a number of JSON may have been rounded, which is accepted. */
export function integer(least: number, most: number): Check {
  return (value, at) => {
    if (typeof value !== "number" || !Number.isInteger(value) || value < least || value > most) {
      throw configFault(at, `must be an integer from ${least} to ${most}, not ${shown(value)}`);
    }
  };
}

export const uint16 = integer(0, 0xffff);
export const uint32 = integer(0, 0xffff_ffff);
export const uint64 = integer(0, 2 ** 64);
/** An unsigned number of 64 bits with all its digits: above 2^53 decimal text, as parseConfig makes it of such numbers. */
export const exact64: Check = (value, at) => {
  const isText = typeof value === "string" && /^[1-9]\d{15,19}$/.test(value) && BigInt(value) < 2n ** 64n;
  if (isText || (Number.isSafeInteger(value) && (value as number) >= 0)) return;
  throw configFault(at, `must be an integer from 0 to 2^64 - 1, not ${shown(value)}`);
};

export const int64 = integer(-(2 ** 63), 2 ** 63);

export function oneOf(...choices: readonly string[]): Check {
  return (value, at) => {
    if (typeof value === "string" && choices.includes(value)) return;
    throw configFault(at, `must be one of ${choices.join(", ")}, not ${shown(value)}`);
  };
}

/** A string of a grammar that `what` names. */
export function matching(pattern: RegExp, what: string): Check {
  return (value, at) => {
    text(value, at);
    if (!pattern.test(value as string)) throw configFault(at, `must be ${what}, not ${shown(value)}`);
  };
}

export function list(of: Check): Check {
  return (value, at) => {
    if (!Array.isArray(value)) throw configFault(at, `must be an array, not ${shown(value)}`);
    for (let index = 0; index < value.length; index++) of(value[index], `${at}/${index}`);
  };
}

export function map(of: Check): Check {
  return (value, at) => {
    const present = objectAt(value, at);
    for (const name of Object.keys(present)) of(present[name], `${at}/${escapePointer(name)}`);
  };
}

/** An object. A name with a trailing "!" is required; fields without a check are ignored, as the standard demands. */
export function object(fields: Readonly<Record<string, Check>>): Check {
  return (value, at) => {
    const present = objectAt(value, at);
    for (const key in fields) {
      const required = key.endsWith("!");
      const name = required ? key.slice(0, -1) : key;
      const field = Object.hasOwn(present, name) ? present[name] : undefined;
      if (field !== undefined) fields[key]!(field, `${at}/${name}`);
      else if (required) throw configFault(`${at}/${name}`, "is missing");
    }
  };
}

function objectAt(value: unknown, at: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw configFault(at, `must be an object, not ${shown(value)}`);
  }
  return value as Readonly<Record<string, unknown>>;
}
