import { openHash } from "../content/index.ts";
import type { Digest, DigestAlgorithm } from "../spec/index.ts";
import { CortenError, verifiableAlgorithm } from "../spec/index.ts";

/**
 * Passes `content` through and fails at its end unless it had exactly `size` bytes and `digest`;
 * fails at once where it gets longer.
 *
 * @throws data-loss naming `what`; unimplemented for a digest that cannot be computed
 */
export async function* verified(
  content: AsyncIterable<Uint8Array>,
  { digest, size }: { readonly digest: Digest; readonly size: number },
  what: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  const algorithm = verifiableAlgorithm(digest);
  const hash = await openHash(algorithm);
  let seen = 0;
  for await (const chunk of content) {
    seen += chunk.length;
    if (seen > size)
      throw new CortenError("data-loss", `${what} is longer than the ${size} bytes of its descriptor`);
    hash.update(chunk);
    yield chunk;
  }
  if (seen !== size)
    throw new CortenError("data-loss", `${what} has ${seen} bytes, not the ${size} of its descriptor`);
  const found = `${algorithm}:${hash.digest("hex")}`;
  if (found !== digest) throw new CortenError("data-loss", `${what} has the digest ${found}, not ${digest}`);
}

/**
 * Checks bytes in memory against size (where known) and digest.
 *
 * @throws data-loss naming `what`; unimplemented for a digest that cannot be computed
 */
export async function verifyBytes(
  bytes: Uint8Array,
  { digest, size = bytes.length }: { readonly digest: Digest; readonly size?: number },
  what: string,
): Promise<void> {
  if (bytes.length !== size) {
    throw new CortenError(
      "data-loss",
      `${what} has ${bytes.length} bytes, not the ${size} of its descriptor`,
    );
  }
  const found = await digestOf(bytes, verifiableAlgorithm(digest));
  if (found !== digest) throw new CortenError("data-loss", `${what} has the digest ${found}, not ${digest}`);
}

/** The digest of bytes in memory. */
export async function digestOf(bytes: Uint8Array, algorithm: DigestAlgorithm = "sha256"): Promise<Digest> {
  const hash = await openHash(algorithm);
  hash.update(bytes);
  return `${algorithm}:${hash.digest("hex")}`;
}

/** `content`, ended with the signal's reason once that is aborted. */
export async function* abortable(
  content: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of content) {
    signal?.throwIfAborted();
    yield chunk;
  }
}

/** Bytes in memory as a stream. */
export async function* streamOf(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}
