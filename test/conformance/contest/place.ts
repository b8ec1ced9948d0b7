import type { CaseResult } from "../peer-suite/case-result.ts";
import { readKnownCases } from "../peer-suite/known-cases.ts";

/** Where the suite runs: on this machine, or inside a virtual one. */
export type ContestPlace = {
  /** Runs a group, or one case of it as `group::case`; `detail` tells why there may be no results. */
  ask(what: string): Promise<{ readonly cases: readonly CaseResult[]; readonly detail: string }>;
};

/** Runs groups one after the other: one that hangs must not take the others with it. */
export async function* runGroups(
  place: ContestPlace,
  groups: readonly string[],
  listFile: string,
): AsyncIterable<CaseResult> {
  for (const group of groups) {
    const { cases, detail } = await place.ask(group);
    yield* cases;
    if (cases.length > 0) continue;
    // One case that panics or hangs keeps the results of its whole group back: each is asked alone then.
    const names = knownCasesOf(group, listFile);
    if (names.length === 0) yield { name: `${group}::(whole group)`, outcome: "failed", detail };
    for (const name of names) {
      const alone = await place.ask(name);
      if (alone.cases.length === 0) yield { name, outcome: "failed", detail: alone.detail };
      yield* alone.cases;
    }
  }
}

/** The cases of a group, as far as the list knows them; the suite itself lists groups only. */
function knownCasesOf(group: string, listFile: string): string[] {
  const { passing, others } = readKnownCases(listFile);
  return [...passing, ...Object.keys(others)].filter((name) => name.startsWith(`${group}::`)).sort();
}
