import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Bench, type Ratio, ratiosOf } from "./bench.ts";
import type { Entry } from "./contest.ts";
import { machineFacts, peerVersions } from "./machine.ts";

export const resultsFile = join(import.meta.dirname, "../results/latest.json");

type StoredResult = {
  readonly title: string;
  readonly date: string;
  readonly entries: readonly Entry[];
  readonly ratios: readonly Ratio[];
};

/** Puts the result of one bench into bench/results/latest.json; those of other benches stay. */
export function storeResult(bench: Bench, entries: readonly Entry[]): void {
  const before = readStored();
  const result: StoredResult = {
    title: bench.title,
    date: new Date().toISOString(),
    entries,
    ratios: ratiosOf(entries, bench.budgets),
  };
  const stored = {
    machine: machineFacts(),
    versions: peerVersions(),
    benches: { ...before, [bench.name]: result },
  };
  mkdirSync(join(resultsFile, ".."), { recursive: true });
  writeFileSync(resultsFile, `${JSON.stringify(stored, null, 2)}\n`);
}

function readStored(): Readonly<Record<string, StoredResult>> {
  try {
    return JSON.parse(readFileSync(resultsFile, "utf8")).benches;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw error;
  }
}
