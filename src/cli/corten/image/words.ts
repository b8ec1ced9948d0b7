import { CortenError } from "../../../spec/index.ts";

/** `NAME=VALUE` options as an object. @throws invalid-argument naming the option */
export function pairsOf(
  option: string,
  values: readonly string[],
): Readonly<Record<string, string>> | undefined {
  if (values.length === 0) return undefined;
  return Object.fromEntries(
    values.map((value) => {
      const equals = value.indexOf("=");
      if (equals < 1)
        throw new CortenError("invalid-argument", `--${option} "${value.slice(0, 200)}" is not NAME=VALUE`);
      return [value.slice(0, equals), value.slice(equals + 1)];
    }),
  );
}

/**
 * A command line from an option that is given once with a JSON array, or once for each word; one empty word
 * is an empty command line.
 *
 * @throws invalid-argument naming the option
 */
export function wordsOf(option: string, values: readonly string[]): readonly string[] | undefined {
  const [first] = values;
  if (first === undefined) return undefined;
  if (values.length > 1) return values;
  if (first === "") return [];
  if (!first.startsWith("[")) return [first];
  let parsed: unknown;
  try {
    parsed = JSON.parse(first);
  } catch (cause) {
    throw new CortenError("invalid-argument", `--${option}: no JSON array: ${(cause as Error).message}`, {
      cause,
    });
  }
  if (Array.isArray(parsed) && parsed.every((word) => typeof word === "string")) return parsed as string[];
  throw new CortenError("invalid-argument", `--${option}: the JSON array holds something other than strings`);
}

/** The options that are lists and were given. */
export function given(values: readonly string[]): readonly string[] | undefined {
  return values.length === 0 ? undefined : values;
}
