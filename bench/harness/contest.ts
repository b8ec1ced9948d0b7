import { type Spread, spreadOf } from "./statistics.ts";

/** One of the programs that do the same work in turn. */
export type Contestant = {
  readonly name: string;
  /** Made ready before each run, outside of the measured time. */
  readonly prepare?: () => void | Promise<void>;
  /** The work; throws when it fails. */
  readonly run: () => void | Promise<void>;
  /** Processor time that what is measured has used so far, in milliseconds: on a busy machine it tells more than the clock. */
  readonly processorTime?: () => number;
  /** Cleans up after each run, outside of the measured time. */
  readonly finish?: () => void | Promise<void>;
};

/** What came out for one contestant: numbers, or why there are none. */
export type Entry =
  | { readonly name: string; readonly unit: string; readonly spread: Spread; readonly processorTime?: Spread }
  | { readonly name: string; readonly failure: string };

export type ContestOptions = {
  /** Measured runs of each. */
  readonly rounds: number;
  /** Runs before that, to fill caches. */
  readonly warmUp?: number;
  /**
   * Waited before each turn, in milliseconds. The kernel takes namespaces and cgroups apart after a container is gone,
   * and the next one to make some may wait for it: without a pause each pays for the one before.
   */
  readonly pauseMs?: number;
  /**
   * Runs of one contestant in a row at its turn; 1 unless told. With more, the first of a row is not counted: the row
   * then shows what a run costs right after another of the same kind.
   */
  readonly row?: number;
};

/**
 * Measures the wall time of every contestant in turn, round after round, so that what else the machine does
 * hits all of them alike. A contestant that fails once is out, with its error as the result. ROUNDS in the environment
 * makes it shorter: with 1 there is no warm-up either, for a look whether everything works.
 */
export async function timeInTurn(
  contestants: readonly Contestant[],
  { rounds, warmUp = 1, pauseMs = 0, row = 1 }: ContestOptions,
): Promise<Entry[]> {
  const times = new Map(contestants.map(({ name }) => [name, [] as Timing[]]));
  const failures = new Map<string, string>();
  const shorter = Number(process.env["ROUNDS"] ?? rounds);
  if (!Number.isInteger(shorter) || shorter < 1) throw new Error("ROUNDS is a number of rounds, 1 or more");
  for (let round = -Math.min(warmUp, shorter - 1); round < Math.min(rounds, shorter); round++) {
    for (const contestant of contestants) {
      if (failures.has(contestant.name)) continue;
      try {
        if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
        for (let index = 0; index < row; index++) {
          const elapsed = await timeOne(contestant);
          if (round >= 0 && (index > 0 || row === 1)) times.get(contestant.name)?.push(elapsed);
        }
      } catch (error) {
        failures.set(contestant.name, (error as Error).message);
      }
    }
  }
  return contestants.map(({ name }) => {
    const failure = failures.get(name);
    return failure === undefined ? entryOf(name, times.get(name)!) : { name, failure };
  });
}

type Timing = { readonly elapsed: number; readonly processorTime: number | undefined };

function entryOf(name: string, timings: readonly Timing[]): Entry {
  const used = timings.flatMap(({ processorTime }) => processorTime ?? []);
  return {
    name,
    unit: "ms",
    spread: spreadOf(timings.map(({ elapsed }) => elapsed)),
    ...(used.length === 0 ? {} : { processorTime: spreadOf(used) }),
  };
}

async function timeOne({ prepare, run, finish, processorTime }: Contestant): Promise<Timing> {
  await prepare?.();
  const used = processorTime?.();
  const started = performance.now();
  try {
    await run();
    const elapsed = performance.now() - started;
    return { elapsed, processorTime: used === undefined ? undefined : processorTime!() - used };
  } finally {
    // Also after a failure: a daemon that stays would be in the way of all that come after it.
    await finish?.();
  }
}
