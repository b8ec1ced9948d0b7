import { pairSegments } from "./sparse-map.ts";
import type { SparseSegment } from "./tar-entry.ts";
import type { SparseExtension } from "./tar-extensions.ts";
import { BLOCK } from "./tar-header.ts";
import { malformedTar, tarLimitExceeded } from "./tar-limits.ts";
import { readNumber } from "./tar-number.ts";

/**
 * Assembles the map of a sparse file from whichever of GNU tar's four formats holds it: in the
 * header and extension blocks behind it (old), in PAX records (0.0, 0.1), or in decimal lines in
 * front of the data (1.0).
 */
export class SparseMapReader {
  /** Length of the file with holes. */
  readonly size: number;
  /** True when the blocks of the map are counted in the entry's stored size (format 1.0). */
  readonly insideBody: boolean;
  complete: boolean;
  readonly #limit: number;
  #segments: SparseSegment[];
  #numbers: number[] = [];
  #digits = 0;
  #value = 0;

  private constructor(
    size: number,
    segments: SparseSegment[],
    insideBody: boolean,
    complete: boolean,
    limit: number,
  ) {
    this.size = size;
    this.#segments = segments;
    this.insideBody = insideBody;
    this.complete = complete;
    this.#limit = limit;
  }

  /** The map of a PAX sparse file. */
  static pax(sparse: SparseExtension, at: number, limit: number): SparseMapReader {
    const inRecords = sparse.segments !== undefined;
    const segments = [...(sparse.segments ?? [])];
    if (segments.length > limit) throw tooMany(at, limit);
    return new SparseMapReader(sparse.size, segments, !inRecords, inRecords, limit);
  }

  /** The map of a GNU `S` header: four segments in the header block, more in blocks behind it. */
  static old(block: Uint8Array, start: number, at: number, limit: number): SparseMapReader {
    const size = readNumber(block, start + 483, 12, at, "realsize");
    if (size < 0) throw malformedTar(at, "field realsize is negative");
    const map = new SparseMapReader(size, [], false, block[start + 482] === 0, limit);
    map.#readOldSegments(block, start + 386, 4, at);
    return map;
  }

  get segments(): readonly SparseSegment[] {
    return this.#segments;
  }

  /** Takes in the next block of the map. */
  read(block: Uint8Array, start: number, at: number): void {
    if (this.insideBody) {
      this.#readDecimal(block, start, at);
      return;
    }
    this.#readOldSegments(block, start, 21, at);
    this.complete = block[start + 504] === 0;
  }

  #readOldSegments(block: Uint8Array, start: number, count: number, at: number): void {
    for (let i = 0; i < count; i++) {
      const field = start + 24 * i;
      if (block[field] === 0 && block[field + 12] === 0) return;
      const offset = readNumber(block, field, 12, at, "sparse offset");
      const length = readNumber(block, field + 12, 12, at, "sparse length");
      if (offset < 0 || length < 0) throw malformedTar(at, "sparse segment is negative");
      this.#segments.push({ offset, length });
      if (this.#segments.length > this.#limit) throw tooMany(at, this.#limit);
    }
  }

  /** Format 1.0: the number of segments, then offset and length of each, a decimal number a line. */
  #readDecimal(block: Uint8Array, start: number, at: number): void {
    for (let i = start; i < start + BLOCK; i++) {
      const byte = block[i]!;
      if (byte >= 0x30 && byte <= 0x39 && this.#digits < 15) {
        this.#value = this.#value * 10 + byte - 0x30;
        this.#digits++;
        continue;
      }
      if (byte !== 0x0a || this.#digits === 0) throw malformedTar(at, "sparse map is not a list of numbers");
      this.#numbers.push(this.#value);
      this.#value = this.#digits = 0;
      if (this.#numbers[0]! > this.#limit) throw tooMany(at, this.#limit);
      if (this.#numbers.length === 1 + 2 * this.#numbers[0]!) {
        this.#segments = pairSegments(this.#numbers.slice(1), at);
        this.complete = true;
        return;
      }
    }
  }
}

function tooMany(at: number, limit: number): Error {
  return tarLimitExceeded(at, "number of sparse segments", limit, "sparseSegments");
}
