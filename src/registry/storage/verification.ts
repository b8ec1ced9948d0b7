import type { ContentHash } from "../../content/index.ts";
import type { Digest } from "../../spec/index.ts";
import { CortenError, splitDigest } from "../../spec/index.ts";

/**
 * Finishes `hash` and compares it with what the client has promised.
 *
 * @throws data-loss when the content is another
 */
export function assertDigest(hash: ContentHash, digest: Digest): void {
  const [algorithm, encoded] = splitDigest(digest);
  const found = hash.digest("hex");
  if (found === encoded) return;
  throw new CortenError("data-loss", `the content does not have the digest ${digest}`, {
    hint: `it has ${algorithm}:${found}: what was sent was damaged, or is something else`,
  });
}
