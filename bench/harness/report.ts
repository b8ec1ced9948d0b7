import type { Bench } from "./bench.ts";
import { ratiosOf } from "./bench.ts";
import type { Entry } from "./contest.ts";

/** The result of one bench as it is printed. */
export function formatResult(bench: Bench, entries: readonly Entry[]): string {
  const width = Math.max(...entries.map(({ name }) => name.length));
  const lines = entries.map((entry) => {
    if (!("spread" in entry)) return `  ${entry.name.padEnd(width)}  FAILED: ${entry.failure}`;
    const { unit, spread, processorTime } = entry;
    const number = (value: number) => (value >= 1000 ? value.toFixed(0) : value.toPrecision(3));
    return `  ${entry.name.padEnd(width)}  ${number(spread.median).padStart(6)} ${unit}  (10–90 %: ${number(spread.p10)}–${number(spread.p90)}, n=${spread.samples})${processorTime === undefined ? "" : `  processor ${number(processorTime.median)} ${unit}`}`;
  });
  const ratios = ratiosOf(entries, bench.budgets).map(
    ({ ours, peer, ratio, processorRatio, limit, kept }) =>
      `  ${ours} = ${ratio.toFixed(2)} × ${peer}  (budget ${limit} ×: ${kept ? "kept" : "MISSED"}${processorRatio === undefined ? "" : `; of processor time ${processorRatio.toFixed(2)} ×`})`,
  );
  return [...lines, ...ratios].join("\n");
}
