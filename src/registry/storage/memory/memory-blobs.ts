import { createHash, type Hash } from "node:crypto";
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
  readonly #blobs = new Map<string, Held>();
  readonly #uploads = new Map<string, Held>();

  async read(key: string, range: ByteRange): Promise<AsyncIterable<Uint8Array> | undefined> {
    const held = this.#blobs.get(key);
    return held === undefined ? undefined : part(held.chunks, range);
  }

  async size(key: string): Promise<number | undefined> {
    return this.#blobs.get(key)?.size;
  }

  async remove(key: string): Promise<void> {
    this.#blobs.delete(key);
  }

  list(): AsyncIterable<StoredFile> {
    return listed(this.#blobs);
  }

  async openUpload(id: string, algorithm: DigestAlgorithm): Promise<BlobUpload> {
    const held = this.#uploads.get(id) ?? { chunks: [], size: 0, modified: Date.now() };
    return new MemoryUpload(id, held, algorithm, this.#uploads, this.#blobs);
  }

  async uploadSize(id: string): Promise<number> {
    return this.#uploads.get(id)?.size ?? 0;
  }

  async removeUpload(id: string): Promise<void> {
    this.#uploads.delete(id);
  }

  listUploads(): AsyncIterable<StoredFile> {
    return listed(this.#uploads);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#blobs.clear();
    this.#uploads.clear();
  }
}

class MemoryUpload implements BlobUpload {
  readonly #id: string;
  readonly #held: Held;
  readonly #algorithm: DigestAlgorithm;
  readonly #uploads: Map<string, Held>;
  readonly #blobs: Map<string, Held>;
  /** Undefined where an earlier request has appended: then the end hashes all of it. */
  readonly #hash: Hash | undefined;

  constructor(
    id: string,
    held: Held,
    algorithm: DigestAlgorithm,
    uploads: Map<string, Held>,
    blobs: Map<string, Held>,
  ) {
    this.#id = id;
    this.#held = held;
    this.#algorithm = algorithm;
    this.#uploads = uploads;
    this.#blobs = blobs;
    this.#hash = held.size === 0 ? createHash(algorithm) : undefined;
  }

  get size(): number {
    return this.#held.size;
  }

  async append(chunk: Uint8Array): Promise<void> {
    if (this.#held.size === 0) this.#uploads.set(this.#id, this.#held);
    this.#hash?.update(chunk);
    this.#held.chunks.push(chunk);
    this.#held.size += chunk.length;
    this.#held.modified = Date.now();
  }

  async flush(): Promise<void> {}

  async finish(digest: Digest): Promise<StoredBlob> {
    const algorithm = verifiableAlgorithm(digest);
    assertDigest(
      this.#hash !== undefined && algorithm === this.#algorithm ? this.#hash : this.#rehash(algorithm),
      digest,
    );
    this.#uploads.delete(this.#id);
    this.#blobs.set(this.#id, this.#held);
    return { key: this.#id, size: this.#held.size };
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #rehash(algorithm: DigestAlgorithm): Hash {
    const hash = createHash(algorithm);
    for (const chunk of this.#held.chunks) hash.update(chunk);
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

async function* listed(held: ReadonlyMap<string, Held>): AsyncGenerator<StoredFile, void, undefined> {
  for (const [key, { size, modified }] of held) yield { key, size, modified };
}
