/** Joins those who want the same thing at the same time: the work is done once, and all get its result. */
export class SingleFlight<T> {
  readonly #running = new Map<string, Promise<T>>();

  /** The work that runs under a key. */
  running(key: string): Promise<T> | undefined {
    return this.#running.get(key);
  }

  /** Does the work unless it is being done, and resolves or rejects as it does. */
  do(key: string, work: () => Promise<T>): Promise<T> {
    const running = this.#running.get(key);
    if (running !== undefined) return running;
    const started = work().finally(() => this.#running.delete(key));
    this.#running.set(key, started);
    return started;
  }

  /** Resolves when nothing runs any more, however it ended. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#running.values());
  }
}
