import type { BlockFile } from "./block-file.ts";
import { ARCHIVE_BLOCK, BLOCK_BITS, BLOCK_SIZE, NO_BLOCK, TAR_BLOCK_BITS } from "./erofs-format.ts";
import type { SparseSegment } from "./tar-entry.ts";

/** Where an image holds the content of a file. Opaque to everyone but the writer that made it. */
export interface StoredContent {
  readonly size: number;
  /** First block of the content that stands in blocks of its own. */
  readonly block: number;
  /** What follows the last whole block and goes behind the inode; empty when the blocks hold all. */
  readonly tail: Uint8Array;
  /** For a file with holes: the block of each chunk, and the chunk's size. */
  readonly chunks: { readonly bits: number; readonly blocks: Uint32Array } | undefined;
}

const NO_TAIL = new Uint8Array(0);

/** The content of every empty file. */
export const NO_CONTENT: StoredContent = { size: 0, block: 0, tail: NO_TAIL, chunks: undefined };

/** Content of `size` bytes that stands in the archive of an indexed image, from byte `at` on, which begins a block. */
export function indexContent(size: number, at: number): StoredContent {
  if (size === 0) return NO_CONTENT;
  return { size, block: ARCHIVE_BLOCK + at / 2 ** TAR_BLOCK_BITS, tail: NO_TAIL, chunks: undefined };
}

/** Longer tails save less than half a block and fill the memory in which they wait. */
const TAIL_LIMIT = 2048;

/** Takes in the content of one file, in ascending order, and says where it went. */
export interface ContentSink {
  /** Takes `bytes`, which belong at `position` of the file. */
  write(bytes: Uint8Array, position: number): void;
  end(): StoredContent;
}

/**
 * Waiting room for tails until the inodes are written: copies, in few large pieces, so that a tail
 * does not keep the whole chunk it came in alive. Full after 64 MiB; tails then get blocks.
 */
export class TailStore {
  #slab = Buffer.alloc(0);
  #used = 0;
  #left = 2 ** 26;

  accepts(length: number): boolean {
    return length <= TAIL_LIMIT && length <= this.#left;
  }

  /** Room for a tail of `length` bytes. */
  reserve(length: number): Buffer {
    if (this.#used + length > this.#slab.length) {
      this.#slab = Buffer.allocUnsafeSlow(2 ** 18);
      this.#used = 0;
    }
    const room = this.#slab.subarray(this.#used, this.#used + length);
    this.#used += length;
    this.#left -= length;
    return room;
  }
}

/**
 * Content without holes: whole blocks to the file, the rest to the tail store when it is short and
 * fits behind the inode.
 */
export class FlatSink implements ContentSink {
  readonly #file: BlockFile;
  readonly #size: number;
  readonly #block: number;
  readonly #tail: Uint8Array;
  /** Bytes that go to blocks. */
  readonly #whole: number;

  /** @param room bytes that are free behind the inode */
  constructor(file: BlockFile, tails: TailStore, size: number, room: number) {
    this.#file = file;
    this.#size = size;
    const tail = size % BLOCK_SIZE;
    const inline = tail > 0 && tail <= room && tails.accepts(tail);
    this.#tail = inline ? tails.reserve(tail) : NO_TAIL;
    this.#whole = size - this.#tail.length;
    file.align(BLOCK_SIZE);
    this.#block = this.#whole === 0 ? 0 : file.position / BLOCK_SIZE;
  }

  write(bytes: Uint8Array, position: number): void {
    const toBlocks = Math.min(Math.max(this.#whole - position, 0), bytes.length);
    if (toBlocks > 0) this.#file.append(toBlocks === bytes.length ? bytes : bytes.subarray(0, toBlocks));
    if (toBlocks < bytes.length) {
      const rest = toBlocks === 0 ? bytes : bytes.subarray(toBlocks);
      this.#tail.set(rest, position + toBlocks - this.#whole);
    }
  }

  end(): StoredContent {
    return { size: this.#size, block: this.#block, tail: this.#tail, chunks: undefined };
  }
}

/**
 * Content with holes, in EROFS's chunk-based form: a chunk that holds data is stored whole, one
 * that does not is only marked. Chunks grow with the file, so that a map has at most four entries
 * for each segment of data, or 256.
 */
export class SparseSink implements ContentSink {
  readonly #file: BlockFile;
  readonly #size: number;
  readonly #bits: number;
  readonly #blocks: Uint32Array;
  /** The chunk that is being written, and how much of it has been. */
  #chunk = -1;
  #filled = 0;

  constructor(file: BlockFile, size: number, segments: readonly SparseSegment[]) {
    this.#file = file;
    this.#size = size;
    const most = Math.min(65_536, Math.max(256, 4 * segments.length));
    let bits = BLOCK_BITS;
    while (size > most * 2 ** bits) bits++;
    this.#bits = bits;
    this.#blocks = new Uint32Array(Math.ceil(size / 2 ** bits)).fill(NO_BLOCK);
  }

  write(bytes: Uint8Array, position: number): void {
    const chunkSize = 2 ** this.#bits;
    for (let from = 0; from < bytes.length; ) {
      const at = position + from;
      const chunk = Math.floor(at / chunkSize);
      if (chunk !== this.#chunk) this.#begin(chunk);
      const within = at - chunk * chunkSize;
      this.#file.appendZeros(within - this.#filled);
      const length = Math.min(bytes.length - from, chunkSize - within);
      this.#file.append(bytes.subarray(from, from + length));
      this.#filled = within + length;
      from += length;
    }
  }

  end(): StoredContent {
    this.#complete();
    const chunks = { bits: this.#bits, blocks: this.#blocks };
    return { size: this.#size, block: 0, tail: NO_TAIL, chunks };
  }

  #begin(chunk: number): void {
    this.#complete();
    this.#file.align(BLOCK_SIZE);
    this.#chunk = chunk;
    this.#filled = 0;
    this.#blocks[chunk] = this.#file.position / BLOCK_SIZE;
  }

  /** Fills the current chunk up; the last one only as far as the file goes. */
  #complete(): void {
    if (this.#chunk < 0) return;
    const length = Math.min(2 ** this.#bits, this.#size - this.#chunk * 2 ** this.#bits);
    this.#file.appendZeros(length - this.#filled);
    this.#chunk = -1;
  }
}
