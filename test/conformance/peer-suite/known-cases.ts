import { existsSync, readFileSync, writeFileSync } from "node:fs";
import type { CaseResult } from "./case-result.ts";

/**
 * The committed list of a suite: the cases that pass and must go on passing, and why each other one does not.
 * A key of `others` that ends with `*` speaks for all cases that begin so.
 */
export type KnownCases = {
  readonly passing: readonly string[];
  readonly others: Readonly<Record<string, string>>;
};

export type Judgement = {
  /** Listed as passing, but failed, was skipped or did not run. */
  readonly lost: readonly string[];
  /** Failed or was skipped, and the list gives no reason. */
  readonly unexplained: readonly string[];
  /** Passed without being listed: `UPDATE=1` writes them down. */
  readonly gained: readonly string[];
};

/** Reads a list; a suite that was never run has an empty one. */
export function readKnownCases(file: string): KnownCases {
  if (!existsSync(file)) return { passing: [], others: {} };
  return JSON.parse(readFileSync(file, "utf8")) as KnownCases;
}

/** The reason that the list gives for a case which does not pass. */
export function reasonOf({ others }: KnownCases, name: string): string | undefined {
  if (Object.hasOwn(others, name)) return others[name] || undefined;
  const patterns = Object.keys(others).filter(
    (key) => key.endsWith("*") && name.startsWith(key.slice(0, -1)),
  );
  const longest = patterns.sort((a, b) => b.length - a.length)[0];
  return longest === undefined ? undefined : others[longest] || undefined;
}

/** Compares a run with the list. */
export function judge(known: KnownCases, results: readonly CaseResult[]): Judgement {
  const passed = new Set(results.filter(({ outcome }) => outcome === "passed").map(({ name }) => name));
  const listed = new Set(known.passing);
  return {
    lost: known.passing.filter((name) => !passed.has(name)),
    unexplained: results
      .filter(({ name, outcome }) => outcome === "failed" && !listed.has(name) && !reasonOf(known, name))
      .map(({ name }) => name),
    gained: [...passed].filter((name) => !listed.has(name)),
  };
}

/**
 * Writes the list anew. It only grows: what passed once stays listed. Reasons of cases that pass now go, and
 * those that still fail without one get an empty reason, which the next run reports.
 */
export function updateKnownCases(file: string, known: KnownCases, results: readonly CaseResult[]): void {
  const passed = results.filter(({ outcome }) => outcome === "passed").map(({ name }) => name);
  const passing = [...new Set([...known.passing, ...passed])].sort();
  const listed = new Set(passing);
  const kept = Object.entries(known.others).filter(([name]) => !listed.has(name));
  const unexplained = judge(known, results).unexplained.map((name) => [name, ""] as const);
  const others = Object.fromEntries([...kept, ...unexplained].sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(file, `${JSON.stringify({ passing, others }, undefined, 2)}\n`);
}
