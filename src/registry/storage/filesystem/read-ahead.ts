import { closeSync, read } from "node:fs";
import { CortenError } from "../../../spec/index.ts";
import type { ByteRange } from "../blob-storage.ts";

/**
 * Bytes read at a time. With 1 MiB each chunk would be new memory, whose pages the kernel has to clear: that
 * costs more than all the rest.
 */
const CHUNK_SIZE = 256 * 1024;
/** Buffers kept for the next reader. */
const MAX_SPARE = 64;
const spare: Buffer[] = [];

/**
 * The bytes of a range, one chunk read while the one before is sent. A chunk is overwritten after the next
 * one was asked for, except the last one, which nobody asks beyond. Closes the file at its end.
 */
export async function* readAhead(
  file: number,
  { start, end }: ByteRange,
): AsyncGenerator<Uint8Array, void, undefined> {
  const buffers = [spare.pop() ?? newBuffer(), spare.pop() ?? newBuffer()];
  let pending: Promise<Buffer> | undefined;
  try {
    let turn = 0;
    const readAt = (at: number): Promise<Buffer> => {
      const length = Math.min(CHUNK_SIZE, end - at);
      const isLast = at + length === end;
      turn ^= 1;
      return readChunk(file, isLast ? Buffer.allocUnsafeSlow(length) : buffers[turn]!, at);
    };
    pending = readAt(start);
    for (let at = start; at < end; ) {
      const chunk: Buffer | undefined = await pending;
      if (chunk === undefined || chunk.length === 0)
        throw new CortenError("data-loss", `a blob ends at byte ${at} of ${end}`);
      at += chunk.length;
      pending = at < end ? readAt(at) : undefined;
      yield chunk;
    }
  } finally {
    // A read under way writes into its buffer and needs the file.
    await pending?.catch(() => undefined);
    closeSync(file);
    if (spare.length < MAX_SPARE) spare.push(...buffers);
  }
}

function newBuffer(): Buffer {
  return Buffer.allocUnsafeSlow(CHUNK_SIZE);
}

function readChunk(file: number, buffer: Buffer, position: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    read(file, buffer, 0, buffer.length, position, (error, count) => {
      if (error === null) resolve(buffer.subarray(0, count));
      else reject(error);
    });
  });
}
