import { closeSync, read } from "node:fs";
import { CortenError } from "../../../spec/index.ts";
import type { ByteRange } from "../blob-storage.ts";

/**
 * Bytes read at a time: each read wakes a thread and the event loop again, which costs as much as copying 256 KiB does.
 * Buffers are used again, as the kernel has to clear the pages of new memory, which costs more than all the rest.
 */
const CHUNK_SIZE = 1024 * 1024;
/** With more readers than this each gets a smaller part: clients that take nothing must not fill the memory. */
const MANY_READERS = 16;
const SMALL_CHUNK_SIZE = 128 * 1024;
/** Buffers of the full size that are kept for the next reader. */
const MAX_SPARE = 2 * MANY_READERS;
const spare: Buffer[] = [];
let readers = 0;

/**
 * The bytes of a range, one chunk read while the one before is sent. A chunk is overwritten after the next
 * one was asked for, except the last one, which nobody asks beyond. Closes the file at its end.
 */
export async function* readAhead(
  file: number,
  { start, end }: ByteRange,
): AsyncGenerator<Uint8Array, void, undefined> {
  const chunkSize = readers++ < MANY_READERS ? CHUNK_SIZE : SMALL_CHUNK_SIZE;
  const buffers: Buffer[] = [];
  let pending: Promise<Buffer> | undefined;
  try {
    let turn = 1;
    const readAt = (at: number): Promise<Buffer> => {
      const length = Math.min(chunkSize, end - at);
      turn ^= 1;
      const isLast = at + length === end;
      if (isLast) return readChunk(file, Buffer.allocUnsafeSlow(length), at);
      const buffer = buffers[turn] ?? newBuffer(chunkSize);
      buffers[turn] = buffer;
      return readChunk(file, buffer, at);
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
    readers--;
    if (chunkSize === CHUNK_SIZE && spare.length < MAX_SPARE) spare.push(...buffers);
  }
}

function newBuffer(size: number): Buffer {
  return (size === CHUNK_SIZE ? spare.pop() : undefined) ?? Buffer.allocUnsafeSlow(size);
}

function readChunk(file: number, buffer: Buffer, position: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    read(file, buffer, 0, buffer.length, position, (error, count) => {
      if (error === null) resolve(buffer.subarray(0, count));
      else reject(error);
    });
  });
}
