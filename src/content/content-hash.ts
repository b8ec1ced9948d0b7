import type { DigestAlgorithm } from "../spec/index.ts";

/** A digest in the making: what of node:crypto's Hash is needed. */
export interface ContentHash {
  update(bytes: Uint8Array): unknown;
  /** May be called once, at the end. */
  digest(encoding: "hex"): string;
  /** Another one that has seen the same. */
  copy(): ContentHash;
}

/**
 * A hash of an algorithm. What computes it is loaded here: node:crypto costs milliseconds, and has no BLAKE3, which
 * image-spec registers (descriptor.md, "BLAKE3").
 */
export async function openHash(algorithm: DigestAlgorithm): Promise<ContentHash> {
  if (algorithm === "blake3") return new (await import("./blake3-hash.ts")).Blake3Hash();
  const { createHash } = await import("node:crypto");
  return createHash(algorithm);
}

/** Computes digests of bytes in memory, by any algorithm, at once. */
export type DigestFunction = (algorithm: DigestAlgorithm, bytes: Uint8Array) => string;

/** Loads what computes digests. */
export async function loadDigestFunction(): Promise<DigestFunction> {
  const { createHash } = await import("node:crypto");
  const { Blake3Hash } = await import("./blake3-hash.ts");
  return (algorithm, bytes) => {
    const hash: ContentHash = algorithm === "blake3" ? new Blake3Hash() : createHash(algorithm);
    hash.update(bytes);
    return hash.digest("hex");
  };
}
