/** Options of {@link everyOf}. */
export interface EveryOfOptions {
  /** How many run at once. */
  readonly parallel: number;
  readonly signal?: AbortSignal;
}

/**
 * Runs `work` for every item, started in order, `parallel` at once. The first failure stops the
 * others through the signal they are given; it is thrown after all of them have come to rest.
 */
export async function everyOf<Item>(
  items: readonly Item[],
  options: EveryOfOptions,
  work: (item: Item, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal]);
  const queue = items[Symbol.iterator]();
  let failure: { readonly error: unknown } | undefined;
  const lane = async (): Promise<void> => {
    for (const item of queue) {
      if (failure !== undefined) return;
      try {
        signal.throwIfAborted();
        await work(item, signal);
      } catch (error) {
        failure ??= { error };
        stop.abort(error);
        return;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, Math.min(options.parallel, items.length)) }, lane));
  if (failure !== undefined) throw (failure as { readonly error: unknown }).error;
}
