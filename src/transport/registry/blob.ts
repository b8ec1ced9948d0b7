import type { Descriptor } from "../../spec/index.ts";
import { CortenError, parseDigest } from "../../spec/index.ts";
import type { RegistryClient } from "./client.ts";
import { readRanges } from "./ranges.ts";
import { Transfer } from "./transfer.ts";

/**
 * The bytes of a blob from `offset` to its end, over as many connections as it takes: where one is
 * cut, the next asks for the rest with Range, and where one alone is slow, several read ranges at the
 * same time. The first request is made before this returns, so that a missing blob is an error here.
 *
 * @throws not-found; data-loss when the registry's blob has another length than the descriptor;
 *   unavailable when it cannot be read to the end
 */
export async function readBlob(
  client: RegistryClient,
  descriptor: Descriptor,
  offset: number,
  signal: AbortSignal | undefined,
): Promise<AsyncIterable<Uint8Array>> {
  const { size } = descriptor;
  parseDigest(descriptor.digest);
  if (!Number.isSafeInteger(offset) || offset < 0 || offset > size) {
    throw new CortenError(
      "invalid-argument",
      `offset ${offset} is outside of ${descriptor.digest} with ${size} bytes`,
    );
  }
  if (offset === size) return nothing();
  const transfer = new Transfer(client, descriptor, signal);
  return readRanges(transfer, await transfer.open(offset), offset, client.ranges);
}

async function* nothing(): AsyncGenerator<Uint8Array, void, undefined> {}
