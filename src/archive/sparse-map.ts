import type { SparseSegment } from "./tar-entry.ts";
import { malformedTar } from "./tar-limits.ts";

/**
 * Checks a sparse map against the file it describes: segments ascend and do not overlap, end inside
 * the file, and together have exactly the length that is stored. A segment that is not the last one
 * and not a multiple of the block size is refused: GNU tar pads each segment in the archive, other
 * readers do not, and an archive that reads differently in two programs hides content from one.
 *
 * @returns the map without its empty segments
 * @throws invalid-argument
 */
export function checkSparseMap(
  segments: readonly SparseSegment[],
  size: number,
  storedSize: number,
  at: number,
): SparseSegment[] {
  const filled: SparseSegment[] = [];
  let end = 0;
  let stored = 0;
  for (const segment of segments) {
    if (segment.offset < end || segment.length < 0 || segment.offset + segment.length > size) {
      throw malformedTar(
        at,
        `sparse segment ${segment.offset}+${segment.length} overlaps its predecessor or leaves the file of ${size} bytes`,
      );
    }
    end = segment.offset + segment.length;
    if (segment.length === 0) continue;
    if (stored % 512 !== 0) {
      throw malformedTar(
        at,
        `sparse segment before offset ${segment.offset} is not a whole number of blocks`,
      );
    }
    stored += segment.length;
    filled.push(segment);
  }
  if (stored !== storedSize) {
    throw malformedTar(at, `sparse map describes ${stored} bytes, but ${storedSize} are stored`);
  }
  return filled;
}

/** Pairs the flat list `offset, length, offset, length, …` of the PAX formats 0.0 and 0.1. */
export function pairSegments(numbers: readonly number[], at: number): SparseSegment[] {
  if (numbers.length % 2 !== 0) throw malformedTar(at, "sparse map has an offset without a length");
  const segments: SparseSegment[] = [];
  for (let i = 0; i < numbers.length; i += 2) {
    segments.push({ offset: numbers[i]!, length: numbers[i + 1]! });
  }
  return segments;
}
