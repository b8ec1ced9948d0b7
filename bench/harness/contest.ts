import { type Spread, spreadOf } from "./statistics.ts";

/** One of the programs that do the same work in turn. */
export type Contestant = {
  readonly name: string;
  /** Made ready before each run, outside of the measured time. */
  readonly prepare?: () => void | Promise<void>;
  /** The work; throws when it fails. */
  readonly run: () => void | Promise<void>;
  /** Cleans up after each run, outside of the measured time. */
  readonly finish?: () => void | Promise<void>;
};

/** What came out for one contestant: numbers, or why there are none. */
export type Entry =
  | { readonly name: string; readonly unit: string; readonly spread: Spread }
  | { readonly name: string; readonly failure: string };

export type ContestOptions = {
  /** Measured runs of each. */
  readonly rounds: number;
  /** Runs before that, to fill caches. */
  readonly warmUp?: number;
};

/**
 * Measures the wall time of every contestant in turn, round after round, so that what else the machine does
 * hits all of them alike. A contestant that fails once is out, with its error as the result.
 */
export async function timeInTurn(
  contestants: readonly Contestant[],
  { rounds, warmUp = 1 }: ContestOptions,
): Promise<Entry[]> {
  const times = new Map(contestants.map(({ name }) => [name, [] as number[]]));
  const failures = new Map<string, string>();
  for (let round = -warmUp; round < rounds; round++) {
    for (const contestant of contestants) {
      if (failures.has(contestant.name)) continue;
      try {
        await contestant.prepare?.();
        const started = performance.now();
        await contestant.run();
        const elapsed = performance.now() - started;
        if (round >= 0) times.get(contestant.name)?.push(elapsed);
        await contestant.finish?.();
      } catch (error) {
        failures.set(contestant.name, (error as Error).message);
      }
    }
  }
  return contestants.map(({ name }) => {
    const failure = failures.get(name);
    return failure === undefined
      ? { name, unit: "ms", spread: spreadOf(times.get(name)!) }
      : { name, failure };
  });
}
