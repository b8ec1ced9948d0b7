/** Lets tasks that run at the same time do their last part one after the other, in the order of their numbers. */
export class Turns {
  #next = 0;
  readonly #waiting = new Map<number, () => void>();

  /** Resolves when all tasks of lower numbers are done. @throws the signal's reason */
  async wait(number: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (number === this.#next) return;
    await new Promise<void>((resolve, reject) => {
      this.#waiting.set(number, resolve);
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
  }

  /** Says that a task, whose turn it was, is done. */
  done(number: number): void {
    this.#next = number + 1;
    this.#waiting.get(this.#next)?.();
    this.#waiting.delete(this.#next);
  }
}
