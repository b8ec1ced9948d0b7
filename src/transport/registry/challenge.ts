import { CortenError } from "../../spec/index.ts";

/** One challenge of a WWW-Authenticate header (RFC 9110, section 11.6.1); names in lower case. */
export interface Challenge {
  readonly scheme: string;
  readonly parameters: ReadonlyMap<string, string>;
}

const MAX_LENGTH = 8192;
const NAME = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const SCHEME = new RegExp(NAME, "y");
const PARAMETER = new RegExp(
  `(${NAME})[ \\t]*=[ \\t]*(?:"((?:[\\t\\x20\\x21\\x23-\\x5b\\x5d-\\x7e]|\\\\[\\t\\x20-\\x7e])*)"|(${NAME}))(?=[ \\t]*(?:,|$))`,
  "y",
);
/** A single value in place of parameters, as in `Negotiate YII=`. */
const TOKEN68 = /[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|$))/y;
const SPACES = /[ \t]+/y;
/** List separators; empty list elements are allowed (RFC 9110, section 5.6.1). */
const SEPARATORS = /[ \t]*(?:,[ \t]*)*/y;

/**
 * Parses the value of a WWW-Authenticate header, which may hold several challenges, by the grammar
 * and nothing looser: a parameter that two parsers read in two ways decides where credentials go.
 *
 * @throws unauthenticated when the header is not in the grammar or names a parameter twice
 */
export function parseChallenges(header: string): readonly Challenge[] {
  if (header.length > MAX_LENGTH) throw malformed(header, "is too long");
  const challenges: Challenge[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(header);
    if (match !== null) at = pattern.lastIndex;
    return match;
  };
  take(SEPARATORS);
  while (at < header.length) {
    const scheme = take(SCHEME);
    if (scheme === null) throw malformed(header, "has no scheme where one is due");
    const parameters = new Map<string, string>();
    challenges.push({ scheme: scheme[0].toLowerCase(), parameters });
    if (take(SPACES) !== null && at < header.length && header[at] !== ",") {
      let parameter = take(PARAMETER);
      if (parameter === null && take(TOKEN68) === null) throw malformed(header, "is not in the grammar");
      while (parameter !== null) {
        const name = parameter[1]!.toLowerCase();
        if (parameters.has(name)) throw malformed(header, `has "${name}" twice`);
        parameters.set(name, parameter[3] ?? parameter[2]!.replace(/\\(.)/g, "$1"));
        take(SEPARATORS);
        parameter = take(PARAMETER);
      }
    }
    const before = at;
    take(SEPARATORS);
    if (at < header.length && !/,[ \t]*$/.test(header.slice(0, at)) && at === before) {
      throw malformed(header, "is not in the grammar");
    }
  }
  return challenges;
}

function malformed(header: string, why: string): CortenError {
  const shown = header.replace(/[^\x20-\x7e]/g, "?").slice(0, 200);
  return new CortenError("unauthenticated", `the registry's WWW-Authenticate header ${why}: ${shown}`);
}
