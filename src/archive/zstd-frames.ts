import { CortenError } from "../spec/index.ts";

const MAGIC = 0xfd2fb528;
const SKIPPABLE = 0x184d2a50;

type Field = "magic" | "descriptor" | "header" | "skip-size" | "block" | "checksum" | "pass";

const MAGIC_BYTES = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);

/**
 * Follows the frames of a zstd stream (RFC 8878, section 3) without decoding them. The decoders of
 * JavaScript runtimes end quietly when a stream is cut off or goes on with something else; this
 * says so. Node's also forgets the rest of a write in which a frame ends: {@link split} cuts there,
 * and leaves skippable frames out.
 */
export class ZstdFrames {
  #want: Field = "magic";
  /** Bytes of the current field that are still missing, and the field's value so far. */
  #missing = 4;
  #value = 0;
  #shift = 0;
  #checksum = false;
  /** What follows the bytes that are passed over. */
  #then: "magic" | "block" | "checksum" = "magic";
  #offset = 0;
  /** True inside a frame that is no skippable one. */
  #inData = false;

  /**
   * The next compressed bytes, in pieces of which none reaches over the end of a frame.
   *
   * @throws data-loss on bytes that belong to no frame
   */
  *split(chunk: Uint8Array): Generator<Uint8Array, void, undefined> {
    let start = 0;
    for (let i = 0; i < chunk.length; ) {
      const inData = this.#inData;
      i = this.#step(chunk, i);
      if (!inData && this.#inData) {
        // The magic number may have come in two chunks, so it is given anew.
        yield MAGIC_BYTES;
        start = i;
      } else if (inData && !this.#inData) yield chunk.subarray(start, i);
    }
    if (this.#inData && start < chunk.length) yield chunk.subarray(start);
    this.#offset += chunk.length;
  }

  /** Follows the byte at `i`, or as many as are of no interest. @returns the index behind them */
  #step(chunk: Uint8Array, i: number): number {
    if (this.#want === "pass") {
      const passed = Math.min(this.#missing, chunk.length - i);
      this.#missing -= passed;
      if (this.#missing === 0) this.#expectNext();
      return i + passed;
    }
    // Fields are little-endian and at most 4 bytes long; of the frame header only the length counts.
    if (this.#shift < 32) this.#value += chunk[i]! * 2 ** this.#shift;
    this.#shift += 8;
    if (--this.#missing === 0) this.#field(this.#value, this.#offset + i + 1);
    return i + 1;
  }

  /** Says that the stream is over. @throws data-loss when that is inside a frame */
  finish(): void {
    if (this.#want === "magic" && this.#missing === 4) return;
    throw new CortenError("data-loss", `zstd stream ends inside a frame at byte ${this.#offset}`);
  }

  #field(value: number, at: number): void {
    switch (this.#want) {
      case "magic":
        if (value === MAGIC) {
          this.#inData = true;
          this.#expect("descriptor", 1);
        } else if (value >= SKIPPABLE && value <= SKIPPABLE + 15) this.#expect("skip-size", 4);
        else throw new CortenError("data-loss", `zstd stream has bytes of no frame at byte ${at - 4}`);
        break;
      case "descriptor": {
        const singleSegment = (value & 0x20) !== 0;
        const sizeFlag = value >> 6;
        const contentSize = sizeFlag === 0 ? (singleSegment ? 1 : 0) : 1 << sizeFlag;
        const dictionary = [0, 1, 2, 4][value & 3]!;
        this.#checksum = (value & 4) !== 0;
        const rest = (singleSegment ? 0 : 1) + dictionary + contentSize;
        if (rest === 0) this.#expect("block", 3);
        else this.#expect("header", rest);
        break;
      }
      case "header":
        this.#expect("block", 3);
        break;
      case "skip-size":
        this.#pass(value, "magic");
        break;
      case "block": {
        // bit 0: last block; bits 1-2: type, where 1 (run length) holds one byte; then the size.
        const last = (value & 1) !== 0;
        const type = (value >> 1) & 3;
        if (type === 3) throw new CortenError("data-loss", `zstd block of reserved type at byte ${at - 3}`);
        this.#pass(type === 1 ? 1 : value >>> 3, last ? (this.#checksum ? "checksum" : "magic") : "block");
        break;
      }
      default:
        this.#expect("magic", 4);
    }
  }

  #expect(field: Field, length: number): void {
    if (field === "magic") this.#inData = false;
    this.#want = field;
    this.#missing = length;
    this.#value = this.#shift = 0;
  }

  #pass(length: number, then: "magic" | "block" | "checksum"): void {
    this.#then = then;
    this.#expect("pass", length);
    if (length === 0) this.#expectNext();
  }

  #expectNext(): void {
    this.#expect(this.#then, this.#then === "block" ? 3 : 4);
  }
}
