import { CortenError } from "../../spec/index.ts";

/** Bytes that a reader may be behind before the writer waits. */
const ROOM = 8 * 1024 * 1024;
/** How long the writer waits for a reader that is so far behind, in milliseconds. */
const PATIENCE_MS = 20_000;

/**
 * Hands what is written to one reader while it is written elsewhere too. A reader that does not keep up is cut off after
 * a while: others wait for the same content, and must not wait for the slowest connection.
 */
export class LiveCopy {
  readonly #chunks: Uint8Array[] = [];
  #behind = 0;
  #ended = false;
  #failure: unknown;
  #gone = false;
  #wakeReader: () => void = () => undefined;
  #wakeWriter: () => void = () => undefined;

  /** Resolves when the reader has room, or is gone. */
  async write(chunk: Uint8Array): Promise<void> {
    if (this.#gone) return;
    this.#push(chunk);
    if (this.#behind <= ROOM) return;
    const late = Promise.withResolvers<void>();
    this.#wakeWriter = late.resolve;
    const timer = setTimeout(() => {
      this.#failure = new CortenError("deadline-exceeded", "the client takes the content too slowly");
      this.#leave();
      late.resolve();
    }, PATIENCE_MS);
    await late.promise;
    clearTimeout(timer);
  }

  /** Hands over the last chunk: nothing follows that would have to wait. */
  writeLast(chunk: Uint8Array): void {
    if (!this.#gone) this.#push(chunk);
    this.end();
  }

  /** The content is whole. */
  end(): void {
    this.#ended = true;
    this.#wakeReader();
  }

  /** The content will not be whole: the reader gets an error instead of an end. Once it is whole, nothing fails it. */
  fail(error: unknown): void {
    if (this.#ended) return;
    this.#failure ??= error;
    this.#wakeReader();
  }

  /** The content, for one reader. Leaving it early frees the writer. */
  async *read(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (;;) {
        const chunk = this.#chunks.shift();
        if (chunk !== undefined) {
          this.#behind -= chunk.length;
          if (this.#behind <= ROOM / 2) this.#wakeWriter();
          yield chunk;
        } else if (this.#failure !== undefined) throw this.#failure;
        else if (this.#ended) return;
        else {
          const woken = Promise.withResolvers<void>();
          this.#wakeReader = woken.resolve;
          await woken.promise;
        }
      }
    } finally {
      this.#leave();
    }
  }

  #push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#behind += chunk.length;
    this.#wakeReader();
  }

  #leave(): void {
    this.#gone = true;
    this.#chunks.length = 0;
    this.#wakeWriter();
    this.#wakeReader();
  }
}
