import { CortenError } from "./error.ts";

/** A version in the order of Semantic Versioning 2.0; build metadata orders nothing and is left out. */
export interface Version {
  readonly numbers: readonly [major: number, minor: number, patch: number];
  /** Identifiers behind the dash; none in a release. */
  readonly prerelease: readonly string[];
}

/** Which versions are wanted. */
export interface VersionRange {
  /** True for a version, or a tag that is one, inside of the range. A tag that is no version is never. */
  includes(version: Version | string): boolean;
}

type Operator = "<" | "<=" | ">" | ">=";

/** One bound, or a stretch that is left out. */
type Comparator = (version: Version) => boolean;

const NUMBER = "(?:0|[1-9]\\d{0,14})";
const VERSION = new RegExp(
  `^v?(${NUMBER})(?:\\.(${NUMBER}))?(?:\\.(${NUMBER}))?(?:-([0-9A-Za-z.-]+))?(?:\\+[0-9A-Za-z.-]+)?$`,
);
const PARTIAL = new RegExp(
  `^v?(${NUMBER}|[xX*])(?:\\.(${NUMBER}|[xX*]))?(?:\\.(${NUMBER}|[xX*]))?(?:-([0-9A-Za-z.-]+))?(?:\\+[0-9A-Za-z.-]+)?$`,
);

/** The version that a tag is: `v1.2.3`, `1.2`, `1.2.3-rc.1`; undefined when it is none. */
export function parseVersion(text: string): Version | undefined {
  const found = text.length > 256 ? null : VERSION.exec(text);
  if (found === null) return undefined;
  const [, major, minor = "0", patch = "0", prerelease] = found;
  return {
    numbers: [Number(major), Number(minor), Number(patch)],
    prerelease: prerelease === undefined ? [] : prerelease.split("."),
  };
}

/** Negative when `left` is older than `right`, 0 when they are equal. */
export function compareVersions(left: Version, right: Version): number {
  for (const [at, number] of left.numbers.entries()) {
    if (number !== right.numbers[at]) return number - right.numbers[at]!;
  }
  const [a, b] = [left.prerelease, right.prerelease];
  if (a.length === 0 || b.length === 0) return b.length - a.length;
  for (let at = 0; at < Math.min(a.length, b.length); at++) {
    const order = compareIdentifiers(a[at]!, b[at]!);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

/**
 * Reads a range as skopeo's sync files and Helm write it: `>= 1.2, < 2`, `^1.2.3`, `~1.2`, `1.x`, `1.2 - 2.0`,
 * `!= 1.5`, joined by commas or spaces, alternatives by `||`. A version before a release (`1.0.0-rc.1`) is only
 * inside of bounds that have such a part themselves.
 *
 * @throws invalid-argument, naming the part at fault
 */
export function parseVersionRange(text: string): VersionRange {
  const alternatives = text.split("||").map((part) => comparatorsOf(part.trim(), text));
  return {
    includes(version) {
      const parsed = typeof version === "string" ? parseVersion(version) : version;
      if (parsed === undefined) return false;
      return alternatives.some((comparators) => comparators.every((comparator) => comparator(parsed)));
    },
  };
}

function comparatorsOf(part: string, whole: string): Comparator[] {
  const hyphen = /^(\S+)\s+-\s+(\S+)$/.exec(part);
  if (hyphen !== null) {
    return [...comparator(">=", hyphen[1]!, whole), ...comparator("<=", hyphen[2]!, whole)];
  }
  const words = part.match(/(?:[<>!~^=]+\s*)?[^\s,<>!~^=]+|[<>!~^=]+/g) ?? [];
  if (words.length === 0) throw invalid(whole, "a part of it is empty");
  return words.flatMap((word) => {
    const [, operator = "", version = ""] = /^([<>!~^=]*)\s*(.*)$/.exec(word)!;
    return comparator(operator, version, whole);
  });
}

function comparator(operator: string, text: string, whole: string): Comparator[] {
  const found = PARTIAL.exec(text);
  if (found === null) throw invalid(whole, `"${text.slice(0, 60)}" is not a version`);
  const given = [found[1], found[2], found[3]].map((number) =>
    /^\d/.test(number ?? "") ? Number(number) : undefined,
  );
  const known = given.includes(undefined) ? given.indexOf(undefined) : 3;
  const numbers = given.map((number, at) => (at < known ? number! : 0)) as [number, number, number];
  const low: Version = {
    numbers,
    prerelease: known === 3 && found[4] !== undefined ? found[4].split(".") : [],
  };
  const unreleased = low.prerelease.length > 0;
  const bound =
    (op: Operator, version: Version): Comparator =>
    (candidate) =>
      (candidate.prerelease.length === 0 || unreleased) && holds(op, compareVersions(candidate, version));
  /** Before the next version that differs in the number at `at`. */
  const below = (at: number): Comparator => (at < 0 ? () => true : bound("<", nextAt(numbers, at)));
  switch (operator) {
    case "":
    case "=":
    case "==":
      return known === 3 ? [bound(">=", low), bound("<=", low)] : [bound(">=", low), below(known - 1)];
    case "!=":
      return [(candidate) => !comparator("=", text, whole).every((inside) => inside(candidate))];
    case ">":
      return known === 3
        ? [bound(">", low)]
        : known === 0
          ? [() => false]
          : [bound(">=", nextAt(numbers, known - 1))];
    case ">=":
    case "=>":
      return [bound(">=", low)];
    case "<":
      return [bound("<", low)];
    case "<=":
    case "=<":
      return known === 3 ? [bound("<=", low)] : [below(known - 1)];
    case "~":
    case "~>":
      return [bound(">=", low), below(Math.min(known - 1, 1))];
    case "^": {
      // The first number that is not zero has to stay; where all known ones are, the last known one.
      const first = numbers.findIndex((number, at) => number > 0 && at < known);
      return [bound(">=", low), below(first < 0 ? known - 1 : first)];
    }
    default:
      throw invalid(whole, `"${operator}" is not an operator`);
  }
}

function nextAt(numbers: readonly number[], at: number): Version {
  const next = numbers.map((number, index) => (index < at ? number : index === at ? number + 1 : 0));
  return { numbers: next as [number, number, number], prerelease: [] };
}

function holds(operator: Operator, order: number): boolean {
  switch (operator) {
    case "<":
      return order < 0;
    case "<=":
      return order <= 0;
    case ">":
      return order > 0;
    case ">=":
      return order >= 0;
  }
}

/** Numbers come before words, and count as numbers (Semantic Versioning 2.0, section 11). */
function compareIdentifiers(left: string, right: string): number {
  const [a, b] = [/^\d+$/.test(left), /^\d+$/.test(right)];
  if (a && b) return left.length === right.length ? compareText(left, right) : left.length - right.length;
  if (a !== b) return a ? -1 : 1;
  return compareText(left, right);
}

function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function invalid(text: string, why: string): CortenError {
  return new CortenError("invalid-argument", `invalid range of versions "${text.slice(0, 200)}": ${why}`, {
    hint: 'a range is written as ">= 1.2, < 2", "^1.2.3", "~1.2" or "1.x"',
  });
}
