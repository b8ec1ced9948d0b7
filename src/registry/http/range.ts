import type { ByteRange } from "../storage/blob-storage.ts";
import { DistributionError } from "./distribution-error.ts";

const SINGLE = /^bytes=(\d*)-(\d*)$/;

/**
 * The part that a `Range` header asks for (RFC 9110, 14.2): `bytes=0-99`, `bytes=100-`, `bytes=-100`.
 * Undefined means the whole: no header, another unit, several ranges at once, or no sense in it.
 *
 * @throws 416 when the range lies outside, or ends before it begins
 */
export function parseRange(header: string | undefined, size: number): ByteRange | undefined {
  if (header === undefined) return undefined;
  const match = SINGLE.exec(header);
  if (match === null || header === "bytes=-") return undefined;
  const [first, last] = [match[1]!, match[2]!];
  if (first === "") {
    const length = Number(last);
    if (length === 0 || size === 0) throw unsatisfiable(size);
    return { start: Math.max(0, size - length), end: size };
  }
  const start = Number(first);
  if (start >= size || (last !== "" && Number(last) < start)) throw unsatisfiable(size);
  return { start, end: last === "" ? size : Math.min(size, Number(last) + 1) };
}

function unsatisfiable(size: number): DistributionError {
  return new DistributionError("SIZE_INVALID", `the range is outside of the blob's ${size} bytes`, {
    status: 416,
    headers: { "Content-Range": `bytes */${size}` },
  });
}

const CHUNK = /^(?:bytes[ =])?(\d{1,16})-(\d{1,16})(?:\/(?:\*|\d+))?$/;

/**
 * Where a chunk of an upload belongs: `Content-Range: 0-99` (distribution-spec, "Pushing a blob in chunks");
 * the form of RFC 9110 is taken too. `end` is not included.
 *
 * @throws BLOB_UPLOAD_INVALID when it is neither
 */
export function parseChunkRange(header: string | undefined): ByteRange | undefined {
  if (header === undefined) return undefined;
  const match = CHUNK.exec(header);
  const start = Number(match?.[1]);
  const end = Number(match?.[2]) + 1;
  if (match !== null && end > start) return { start, end };
  throw new DistributionError(
    "BLOB_UPLOAD_INVALID",
    `Content-Range "${header.slice(0, 100)}" is not of the form START-END`,
    { status: 416 },
  );
}
