import type { Digest } from "../../spec/index.ts";

/**
 * Bytes of manifests that were read lately, by digest. It answers only what a row of the repository has
 * just been found to name, so a deleted manifest cannot be read out of it (CVE-2026-35172).
 */
export class DocumentCache {
  readonly #maxBytes: number;
  readonly #documents = new Map<Digest, Uint8Array>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get(digest: Digest): Uint8Array | undefined {
    return this.#documents.get(digest);
  }

  /** Keeps a document; the oldest make room. One that would fill a quarter of the cache is not kept. */
  set(digest: Digest, bytes: Uint8Array): void {
    if (bytes.length > this.#maxBytes / 4 || this.#documents.has(digest)) return;
    this.#documents.set(digest, bytes);
    this.#bytes += bytes.length;
    for (const [oldest, { length }] of this.#documents) {
      if (this.#bytes <= this.#maxBytes) return;
      this.#documents.delete(oldest);
      this.#bytes -= length;
    }
  }
}
