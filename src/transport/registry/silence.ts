/** Ends a connection on which nothing has moved for a while. */
export class Silence {
  readonly #limit: number;
  readonly #expire: (error: Error) => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(limit: number, expire: (error: Error) => void) {
    this.#limit = limit;
    this.#expire = expire;
  }

  /** Starts to wait, or starts again. */
  watch(limit = this.#limit): void {
    this.end();
    const error = new Error(`nothing moved for ${limit} ms`);
    this.#timer = setTimeout(() => this.#expire(error), limit);
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}
