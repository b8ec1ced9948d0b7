/** Bytes that wait for the reader before the writer is held back. */
const HIGH_WATER = 4 * 1024 * 1024;

type Ending = { readonly error: unknown } | "end";

/**
 * A stream of chunks from one task to another. The writer waits while the reader is behind; the reader
 * may stop at any time, and what is written from then on is dropped.
 */
export class LayerPipe implements AsyncIterable<Uint8Array> {
  readonly #chunks: Uint8Array[] = [];
  #size = 0;
  #ending: Ending | undefined;
  #abandoned = false;
  #wakeReader: (() => void) | undefined;
  #wakeWriter: (() => void) | undefined;

  /** Resolves when the reader has room for more. */
  async write(chunk: Uint8Array): Promise<void> {
    if (this.#abandoned) return;
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    this.#wakeReader?.();
    while (this.#size >= HIGH_WATER && !this.#abandoned) {
      await new Promise<void>((resolve) => {
        this.#wakeWriter = resolve;
      });
    }
  }

  /** Ends the stream; the reader gets what is still waiting first. */
  end(): void {
    this.#ending ??= "end";
    this.#wakeReader?.();
  }

  /** Makes the reader's next read throw `error`, whatever is waiting. */
  fail(error: unknown): void {
    this.#ending ??= { error };
    this.#drop();
    this.#wakeReader?.();
  }

  /** Stops the stream from the reader's side. */
  abandon(): void {
    this.#abandoned = true;
    this.#drop();
    this.#wakeWriter?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (;;) {
        const chunk = this.#chunks.shift();
        if (chunk !== undefined) {
          this.#size -= chunk.length;
          if (this.#size < HIGH_WATER) this.#wakeWriter?.();
          yield chunk;
        } else if (this.#ending === undefined) {
          await new Promise<void>((resolve) => {
            this.#wakeReader = resolve;
          });
        } else if (this.#ending === "end") {
          return;
        } else {
          throw this.#ending.error;
        }
      }
    } finally {
      this.abandon();
    }
  }

  #drop(): void {
    this.#chunks.length = 0;
    this.#size = 0;
  }
}
