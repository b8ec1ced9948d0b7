import type { FileHandle } from "node:fs/promises";
import { constants, open } from "node:fs/promises";
import { ALIGNED_SIZE, giveAligned, takeAligned } from "../spec/index.ts";

/**
 * Writes to a file past the page cache. Content that is written once and not read soon is in nobody's way in memory
 * then, and the kernel spends no time on finding and filling pages for it: on virtual machines, whose memory the host
 * hands out page by page, that is more than all the rest of a write. File systems may refuse it, at any write.
 */
export class DirectFile {
  readonly #file: FileHandle;
  readonly #buffer: Buffer;

  private constructor(file: FileHandle, buffer: Buffer) {
    this.#file = file;
    this.#buffer = buffer;
  }

  /** Opens a file that is there; undefined where it cannot be written in this way. */
  static async open(path: string): Promise<DirectFile | undefined> {
    if (constants.O_DIRECT === undefined) return undefined;
    const buffer = takeAligned();
    if (buffer === undefined) return undefined;
    try {
      const flags = constants.O_WRONLY | constants.O_DIRECT | constants.O_NOFOLLOW;
      return new DirectFile(await open(path, flags), buffer);
    } catch {
      // EINVAL of the file system: the ordinary way remains.
      giveAligned(buffer);
      return undefined;
    }
  }

  /**
   * Writes `chunks`, whose lengths sum up to `size`, at `position`; both are multiples of `DIRECT_UNIT`.
   * One at a time.
   *
   * @returns false when the file system does not take such writes after all; what is in the file is then unknown
   */
  async write(chunks: readonly Uint8Array[], size: number, position: number): Promise<boolean> {
    const source = new Gatherer(chunks);
    for (let done = 0; done < size; ) {
      const length = Math.min(ALIGNED_SIZE, size - done);
      source.fill(this.#buffer, length);
      if (!(await this.#writePiece(length, position + done))) return false;
      done += length;
    }
    return true;
  }

  async #writePiece(length: number, position: number): Promise<boolean> {
    try {
      const { bytesWritten } = await this.#file.write(this.#buffer, 0, length, position);
      // A full disk takes a part; the ordinary write that follows says so.
      return bytesWritten === length;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EINVAL") return false;
      throw error;
    }
  }

  /** Once, and after the last write. */
  async close(): Promise<void> {
    giveAligned(this.#buffer);
    await this.#file.close();
  }
}

/** Reads a list of chunks as one. */
class Gatherer {
  readonly #chunks: readonly Uint8Array[];
  #chunk = 0;
  #offset = 0;

  constructor(chunks: readonly Uint8Array[]) {
    this.#chunks = chunks;
  }

  /** Copies the next `length` bytes to the front of `target`. */
  fill(target: Buffer, length: number): void {
    for (let filled = 0; filled < length; ) {
      const chunk = this.#chunks[this.#chunk]!;
      const part = chunk.subarray(this.#offset, this.#offset + length - filled);
      target.set(part, filled);
      filled += part.length;
      this.#offset += part.length;
      if (this.#offset < chunk.length) continue;
      this.#chunk++;
      this.#offset = 0;
    }
  }
}
