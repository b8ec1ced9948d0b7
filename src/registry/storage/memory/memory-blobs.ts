import { type ContentHash, openHash } from "../../../content/index.ts";
import type { Digest, DigestAlgorithm } from "../../../spec/index.ts";
import { verifiableAlgorithm } from "../../../spec/index.ts";
import type { BlobStorage, BlobUpload, ByteRange, StoredBlob, StoredFile } from "../blob-storage.ts";
import { assertDigest } from "../verification.ts";

interface Held {
  readonly chunks: Uint8Array[];
  size: number;
  modified: number;
}

/** Blobs in the memory of this process, as the chunks in which they came. */
export class MemoryBlobs implements BlobStorage {
  readonly #held = new Map<string, Held>();

  async read(key: string, range: ByteRange): Promise<AsyncIterable<Uint8Array> | undefined> {
    const held = this.#held.get(key);
    return held === undefined ? undefined : part(held.chunks, range);
  }

  async size(key: string): Promise<number | undefined> {
    return this.#held.get(key)?.size;
  }

  async remove(key: string): Promise<void> {
    this.#held.delete(key);
  }

  async *list(): AsyncGenerator<StoredFile, void, undefined> {
    for (const [key, { size, modified }] of this.#held) yield { key, size, modified };
  }

  async openUpload(key: string, algorithm: DigestAlgorithm): Promise<BlobUpload> {
    const own = this.#held.get(key) ?? { chunks: [], size: 0, modified: Date.now() };
    const hash = own.size === 0 ? await openHash(algorithm) : undefined;
    return new MemoryUpload({ key, algorithm, own, hash }, this.#held);
  }

  async check(): Promise<void> {
    // Memory is there as long as the process is.
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#held.clear();
  }
}

interface MemoryUploadState {
  readonly key: string;
  readonly algorithm: DigestAlgorithm;
  readonly own: Held;
  readonly hash: ContentHash | undefined;
}

class MemoryUpload implements BlobUpload {
  readonly #key: string;
  readonly #algorithm: DigestAlgorithm;
  readonly #all: Map<string, Held>;
  readonly #own: Held;
  /** Undefined where an earlier request has appended: then the end hashes all of it. */
  readonly #hash: ContentHash | undefined;

  constructor({ key, algorithm, own, hash }: MemoryUploadState, all: Map<string, Held>) {
    this.#key = key;
    this.#algorithm = algorithm;
    this.#all = all;
    this.#own = own;
    this.#hash = hash;
  }

  get size(): number {
    return this.#own.size;
  }

  async append(chunk: Uint8Array): Promise<void> {
    if (this.#own.size === 0) this.#all.set(this.#key, this.#own);
    this.#hash?.update(chunk);
    this.#own.chunks.push(chunk);
    this.#own.size += chunk.length;
    this.#own.modified = Date.now();
  }

  async flush(): Promise<void> {}

  async finish(digest: Digest, verified?: () => void): Promise<StoredBlob> {
    const algorithm = verifiableAlgorithm(digest);
    const known = algorithm === this.#algorithm ? this.#hash : undefined;
    assertDigest(known ?? (await this.#rehash(algorithm)), digest);
    verified?.();
    this.#all.set(this.#key, this.#own);
    return { key: this.#key, size: this.#own.size };
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  async #rehash(algorithm: DigestAlgorithm): Promise<ContentHash> {
    const hash = await openHash(algorithm);
    for (const chunk of this.#own.chunks) hash.update(chunk);
    return hash;
  }
}

async function* part(
  chunks: readonly Uint8Array[],
  { start, end }: ByteRange,
): AsyncGenerator<Uint8Array, void, undefined> {
  let at = 0;
  for (const chunk of chunks) {
    const from = Math.max(0, start - at);
    const to = Math.min(chunk.length, end - at);
    if (from < to) yield from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to);
    at += chunk.length;
    if (at >= end) return;
  }
}
