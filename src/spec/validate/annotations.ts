import { parseDigest } from "../digest.ts";
import { isCortenError } from "../error.ts";
import type { Examined } from "./examined.ts";
import { shown } from "./finding.ts";
import { isDateTime, isRefNameValue } from "./grammar.ts";

const PREFIX = "org.opencontainers.image.";
const RESERVED = /^org\.opencontainers(?:\.|$)/;

/** The keys of annotations.md, without {@link PREFIX}. */
const KNOWN: ReadonlySet<string> = new Set([
  "created",
  "authors",
  "url",
  "documentation",
  "source",
  "version",
  "revision",
  "vendor",
  "licenses",
  "ref.name",
  "title",
  "description",
  "base.digest",
  "base.name",
]);

/** Judges a map of annotations, or the labels of a configuration, which follow the same rules. */
export function examineAnnotations(map: Examined, { labels = false } = {}): void {
  for (const [key, value] of map.entries()) {
    if (typeof value.value !== "string") {
      // Go reads null as the empty string, and old builders wrote it.
      const nothing = labels && value.value === null;
      if (!nothing) value.report("annotation", "is not a string");
      continue;
    }
    if (key === "") value.report("annotation", "has an empty key");
    // Docker's users have always written labels of one word.
    else if (!labels && !key.includes(".")) {
      value.report("annotation-name", "has a key that is not in reverse domain notation");
    }
    if (!labels) examineKnown(key, value, value.value);
  }
}

function examineKnown(key: string, at: Examined, value: string): void {
  if (!RESERVED.test(key)) return;
  const name = key.startsWith(PREFIX) ? key.slice(PREFIX.length) : undefined;
  if (name === undefined || !KNOWN.has(name)) {
    at.report("annotation-reserved", "has a reserved key that annotations.md does not define");
    return;
  }
  if (name === "created" && !isDateTime(value))
    at.report("time", `is ${shown(value)}, no RFC 3339 date-time`);
  if (name === "ref.name" && !isRefNameValue(value)) {
    at.report("ref-name", `is ${shown(value)}, which goes beyond the characters of a reference name`);
  }
  if (name === "base.digest" && !isDigest(value))
    at.report("annotation-value", `is ${shown(value)}, no digest`);
  if ((name === "url" || name === "documentation" || name === "source") && !isURL(value)) {
    at.report("annotation-value", `is ${shown(value)}, no URL`);
  }
}

function isDigest(text: string): boolean {
  try {
    parseDigest(text);
    return true;
  } catch (error) {
    if (isCortenError(error)) return false;
    throw error;
  }
}

/** `source` may be the address of a repository that git alone understands, `git@host:path`. */
function isURL(text: string): boolean {
  return URL.canParse(text) || /^[\w.-]+@[\w.-]+:\S+$/.test(text) || text === "";
}
