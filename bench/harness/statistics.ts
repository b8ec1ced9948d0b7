/** The middle of a list of numbers and how far it spreads. */
export type Spread = {
  readonly samples: number;
  readonly median: number;
  readonly p10: number;
  readonly p90: number;
  readonly min: number;
};

/** Sums up measured values; at least one is needed. */
export function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0) throw new Error("nothing was measured");
  const sorted = [...values].sort((a, b) => a - b);
  const at = (fraction: number): number => {
    const position = (sorted.length - 1) * fraction;
    const low = sorted[Math.floor(position)]!;
    return low + (sorted[Math.ceil(position)]! - low) * (position % 1);
  };
  return { samples: sorted.length, median: at(0.5), p10: at(0.1), p90: at(0.9), min: sorted[0]! };
}
