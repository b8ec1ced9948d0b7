import type { Entry } from "./contest.ts";

/** A budget: ours, divided by the fastest (or the one named) of the peers, is to stay below `limit`. */
export type Budget = {
  readonly ours: string;
  readonly peers: readonly string[];
  readonly limit: number;
};

/** One comparison against peers, in a file of its own. */
export type Bench = {
  readonly name: string;
  readonly title: string;
  /** Seconds it takes about, said before it starts. */
  readonly seconds: number;
  readonly budgets: readonly Budget[];
  /** Measures in `scratch`, an empty directory that is removed afterwards. */
  readonly measure: (scratch: string) => Promise<Entry[]>;
};

/** How ours stands against a budget; without a number on either side it is open. */
export type Ratio = {
  readonly ours: string;
  readonly peer: string;
  readonly ratio: number;
  /** The same of the processor time, where both sides tell it. */
  readonly processorRatio?: number;
  readonly limit: number;
  readonly kept: boolean;
};

/** Compares medians; a budget with several peers is against the best of them. */
export function ratiosOf(entries: readonly Entry[], budgets: readonly Budget[]): Ratio[] {
  const medians = new Map(
    entries.flatMap((entry) => ("spread" in entry ? [[entry.name, entry.spread.median]] : [])),
  );
  return budgets.flatMap(({ ours, peers, limit }) => {
    const mine = medians.get(ours);
    const best = peers
      .filter((peer) => medians.has(peer))
      .sort((a, b) => medians.get(a)! - medians.get(b)!)[0];
    if (mine === undefined || best === undefined) return [];
    const ratio = mine / medians.get(best)!;
    const processorRatio = processorTimeOf(entries, ours) / processorTimeOf(entries, best);
    return [
      {
        ours,
        peer: best,
        ratio,
        ...(Number.isFinite(processorRatio) ? { processorRatio } : {}),
        limit,
        kept: ratio <= limit,
      },
    ];
  });
}

function processorTimeOf(entries: readonly Entry[], wanted: string): number {
  const entry = entries.find(({ name }) => name === wanted);
  return entry !== undefined && "spread" in entry ? (entry.processorTime?.median ?? Number.NaN) : Number.NaN;
}
