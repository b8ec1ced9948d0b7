import { createHash } from "node:crypto";
import { blake3 } from "@noble/hashes/blake3.js";
import type { Digest, DigestAlgorithm } from "../../src/spec/index.ts";

/** The digest of content, computed apart from the code under test. */
export function digestOf(content: Uint8Array | string, algorithm: DigestAlgorithm = "sha256"): Digest {
  const bytes = Buffer.from(content);
  const encoded =
    algorithm === "blake3"
      ? Buffer.from(blake3(bytes)).toString("hex")
      : createHash(algorithm).update(bytes).digest("hex");
  return `${algorithm}:${encoded}`;
}
