/** Wildcards in one pattern: each multiplies the time that a match may take. */
const MAX_WILDCARDS = 8;

/** A compiled pattern. */
export type Glob = (text: string) => boolean;

/**
 * Compiles a pattern of a policy: `*` stands for characters of one path segment, `**` for characters of several.
 * `team/*` has `team/a`, `team/**` has `team/a/b` too, neither has `team` itself; `**` has everything.
 *
 * @returns the matcher, or a text that says what is wrong with the pattern
 */
export function compileGlob(pattern: string): Glob | string {
  if (pattern === "") return "is empty";
  if (/\*{3}/.test(pattern)) return "has three asterisks in a row";
  const parts = pattern.split(/(\*\*?)/);
  const wildcards = (parts.length - 1) / 2;
  if (wildcards === 0) return (text) => text === pattern;
  if (wildcards > MAX_WILDCARDS) return `has more than ${MAX_WILDCARDS} wildcards`;
  const source = parts.map((part) => {
    if (part === "**") return ".*";
    if (part === "*") return "[^/]*";
    return part.replace(/[.+?^${}()|[\]\\/]/g, "\\$&");
  });
  const expression = new RegExp(`^${source.join("")}$`, "su");
  return (text) => expression.test(text);
}

/** True when one of the patterns matches. */
export function matchesOne(globs: readonly Glob[], text: string): boolean {
  return globs.some((glob) => glob(text));
}
