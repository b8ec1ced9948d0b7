import { CortenError } from "./error.ts";

/** Deepest nesting that is read: real documents use about ten levels. */
const MAX_DEPTH = 128;

/**
 * Parses `bytes` as I-JSON (RFC 7493): UTF-8 without a byte order mark, no object name twice.
 * `JSON.parse` keeps the last of two equal names where other parsers keep the first, so that two
 * readers could see two different images in one digest.
 *
 * @param what names the document in messages, e.g. `manifest sha256:…`
 * @throws invalid-argument with the JSON pointer of the fault where it has one
 */
export function parseStrictJson(bytes: Uint8Array, what: string): unknown {
  const { value, duplicates } = parseJson(bytes, what, 1);
  const [duplicate] = duplicates;
  if (duplicate !== undefined) {
    throw new CortenError("invalid-argument", `${what}: ${duplicate} occurs twice`, { pointer: duplicate });
  }
  return value;
}

/**
 * Parses `bytes` as {@link parseStrictJson} does, but gives repeated names beside the value.
 *
 * @param limit how many repeated names are looked for
 * @returns the value, and pointers to the names that have occurred before in the same object
 * @throws invalid-argument
 */
export function parseJson(
  bytes: Uint8Array,
  what: string,
  limit: number,
): { readonly value: unknown; readonly duplicates: readonly string[] } {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new CortenError("invalid-argument", `${what} is not UTF-8`, { cause });
  }
  const duplicates = scan(text, limit);
  if (duplicates === "deep") {
    throw new CortenError("invalid-argument", `${what} is nested deeper than ${MAX_DEPTH} levels`);
  }
  try {
    return { value: JSON.parse(text) as unknown, duplicates };
  } catch (cause) {
    throw new CortenError("invalid-argument", `${what} is not JSON: ${(cause as Error).message}`, { cause });
  }
}

interface Level {
  /** Names seen so far; undefined for an array. */
  readonly names: Set<string> | undefined;
  /** The name or index that is being read. */
  key: string | number;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Finds excess depth, or repeated object names, in one pass over the text. Only strings and
 * brackets matter for that, so text that is not JSON at all may give any answer: JSON.parse judges it.
 */
function scan(text: string, limit: number): readonly string[] | "deep" {
  const levels: Level[] = [];
  const duplicates: string[] = [];
  let expectsName = false;
  for (let at = 0; at < text.length; at++) {
    const level = levels[levels.length - 1];
    switch (text.charCodeAt(at)) {
      case QUOTE: {
        const end = stringEnd(text, at);
        if (expectsName && level?.names !== undefined) {
          level.key = decodeName(text.slice(at, end + 1));
          if (level.names.has(level.key) && duplicates.length < limit) duplicates.push(pointerTo(levels));
          level.names.add(level.key);
          expectsName = false;
        }
        at = end;
        break;
      }
      case 0x7b: // {
        levels.push({ names: new Set(), key: "" });
        expectsName = true;
        break;
      case 0x5b: // [
        levels.push({ names: undefined, key: 0 });
        expectsName = false;
        break;
      case 0x7d: // }
      case 0x5d: // ]
        levels.pop();
        expectsName = false;
        break;
      case 0x2c: // ,
        if (level !== undefined && typeof level.key === "number") level.key++;
        expectsName = level?.names !== undefined;
        break;
    }
    if (levels.length > MAX_DEPTH) return "deep";
  }
  return duplicates;
}

/** Index of the quote that ends the string starting at `start`, or of the text's last character. */
function stringEnd(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end > 0) {
    let escapes = 0;
    while (text.charCodeAt(end - 1 - escapes) === BACKSLASH && end - 1 - escapes > start) escapes++;
    if (escapes % 2 === 0) return end;
    end = text.indexOf('"', end + 1);
  }
  return text.length - 1;
}

/** Two spellings of one name are equal (`"a"`, `"\u0061"`). */
function decodeName(literal: string): string {
  if (!literal.includes("\\")) return literal.slice(1, -1);
  try {
    return JSON.parse(literal) as string;
  } catch {
    return literal; // not JSON: the parse of the whole text will say so
  }
}

function pointerTo(levels: readonly Level[]): string {
  return levels.map(({ key }) => `/${escapePointer(String(key))}`).join("");
}

/** Escapes one reference token of a JSON pointer (RFC 6901, section 3). */
export function escapePointer(token: string): string {
  return token.replaceAll("~", "~0").replaceAll("/", "~1");
}
