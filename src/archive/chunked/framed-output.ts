/** Uncompressed bytes in one frame at the most. */
const FRAME = 4 * 1024 * 1024;

/**
 * Packs bytes into frames, gzip members or zstd frames, that can be unpacked each by itself: where one
 * begins is where a reader can begin.
 */
export class FramedOutput {
  /** Packed bytes so far: where the next frame begins, after a {@link cut}. */
  offset = 0;
  readonly #pack: (bytes: Uint8Array) => Promise<Uint8Array>;
  #parts: Uint8Array[] = [];
  #size = 0;

  constructor(pack: (bytes: Uint8Array) => Promise<Uint8Array>) {
    this.#pack = pack;
  }

  /** Adds bytes to the frame, copied. @returns what became complete by that */
  async *add(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
    for (let from = 0; from < bytes.length; ) {
      const part = bytes.subarray(from, from + FRAME - this.#size);
      this.#parts.push(Buffer.from(part));
      this.#size += part.length;
      from += part.length;
      if (this.#size === FRAME) yield* this.cut();
    }
  }

  /** Ends the frame; an empty one is left out. */
  async *cut(): AsyncGenerator<Uint8Array, void, undefined> {
    if (this.#size === 0) return;
    const packed = await this.#pack(Buffer.concat(this.#parts));
    this.#parts = [];
    this.#size = 0;
    this.offset += packed.length;
    yield packed;
  }
}
