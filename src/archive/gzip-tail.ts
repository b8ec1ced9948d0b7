import { CortenError } from "../spec/index.ts";

/** A decoder that tells how many bytes it has made something of. */
interface Consumer {
  readonly bytesWritten: number;
}

/**
 * Looks at what follows the last member of a gzip stream. The decoder stops at a zero there and does not say
 * what comes after it: zeros are padding, as for gzip itself, anything else would be seen by one reader and
 * not by another, and depend on how the stream was cut into chunks.
 */
export class GzipTail {
  readonly #decoder: Consumer;
  /** Chunks that the decoder may not be through with. */
  #recent: { readonly bytes: Uint8Array; readonly start: number }[] = [];
  #offset = 0;

  constructor(decoder: Consumer) {
    this.#decoder = decoder;
  }

  /** Passes the stream on to the decoder. */
  async *watch(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const bytes of source) {
      const done = this.#decoder.bytesWritten;
      this.#recent = this.#recent.filter(({ bytes: { length }, start }) => start + length > done);
      this.#recent.push({ bytes, start: this.#offset });
      this.#offset += bytes.length;
      yield bytes;
    }
  }

  /** After the decoder's end. @throws data-loss when something other than zeros follows */
  check(): void {
    const end = this.#decoder.bytesWritten;
    for (const { bytes, start } of this.#recent) {
      const at = bytes.subarray(Math.max(0, end - start)).findIndex((byte) => byte !== 0);
      if (at < 0) continue;
      throw new CortenError("data-loss", `gzip stream goes on with other bytes behind byte ${end}`);
    }
  }
}
