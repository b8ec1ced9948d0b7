import type { IncomingMessage } from "node:http";
import { DistributionError } from "./distribution-error.ts";

/** The length that a request announces; undefined for a body of unknown length. @throws SIZE_INVALID */
export function announcedLength(request: IncomingMessage): number | undefined {
  const header = request.headers["content-length"];
  if (header === undefined) return request.headers["transfer-encoding"] === undefined ? 0 : undefined;
  const length = Number(header);
  if (Number.isSafeInteger(length) && length >= 0) return length;
  throw new DistributionError("SIZE_INVALID", `Content-Length "${header.slice(0, 50)}" is not a size`);
}

/**
 * The chunks of a body. Whoever stops in the middle can still answer: an ordinary iteration would destroy
 * the request, and the connection with it.
 */
export function bodyChunks(request: IncomingMessage): AsyncIterable<Uint8Array> {
  return request.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
}

/**
 * A whole body of limited size.
 *
 * @throws SIZE_INVALID with 413 as soon as it is known to be larger
 */
export async function readBody(request: IncomingMessage, maxSize: number, what: string): Promise<Uint8Array> {
  const announced = announcedLength(request);
  if (announced !== undefined && announced > maxSize) throw tooLarge(what, maxSize);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of bodyChunks(request)) {
    size += chunk.length;
    if (size > maxSize) throw tooLarge(what, maxSize);
    chunks.push(chunk);
  }
  if (announced !== undefined && size !== announced) {
    throw new DistributionError("SIZE_INVALID", `${what} ended after ${size} of ${announced} bytes`);
  }
  const [only] = chunks;
  return chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks);
}

/** The refusal of something larger than it may be. */
export function tooLarge(what: string, maxSize: number): DistributionError {
  return new DistributionError("SIZE_INVALID", `${what} is larger than ${maxSize} bytes`, { status: 413 });
}
