import { type ContentHash, openHash, PartialFile } from "../../../content/index.ts";
import type { Digest, DigestAlgorithm } from "../../../spec/index.ts";
import { verifiableAlgorithm } from "../../../spec/index.ts";
import type { BlobUpload, StoredBlob } from "../blob-storage.ts";
import type { RunningHashes } from "../running-hashes.ts";
import type { SharedSync } from "../shared-sync.ts";
import { assertDigest } from "../verification.ts";

/** What an upload needs to know. */
export interface FileUploadPlace {
  readonly key: string;
  readonly path: string;
  /** Size of the file; undefined when there is none. */
  readonly size: number | undefined;
  readonly algorithm: DigestAlgorithm;
  /** Of no bytes, for an upload that begins. */
  readonly hash: ContentHash | undefined;
  readonly hashes: RunningHashes;
  /** Syncs the directory of the file. */
  readonly sync: SharedSync;
}

/** One request's work on an upload: a file that grows at its end, hashed while it grows. */
export class FileUpload implements BlobUpload {
  readonly #place: FileUploadPlace;
  #file: PartialFile | undefined;
  /** Of all bytes so far; undefined where earlier ones were not hashed here: then the end reads them again. */
  #hash: ContentHash | undefined;

  constructor(place: FileUploadPlace) {
    this.#place = place;
    const { key, size = 0, algorithm, hashes } = place;
    const running = hashes.take(key, size);
    if (size === 0) this.#hash = place.hash;
    else if (running?.algorithm === algorithm) this.#hash = running.hash;
  }

  get size(): number {
    return this.#file?.size ?? this.#place.size ?? 0;
  }

  async append(chunk: Uint8Array): Promise<void> {
    const file = this.#file ?? (await this.#open());
    this.#hash?.update(chunk);
    await file.append(chunk);
  }

  async flush(): Promise<void> {
    await this.#file?.flush();
  }

  async finish(digest: Digest, verified?: () => void): Promise<StoredBlob> {
    const { key, algorithm, sync } = this.#place;
    const wanted = verifiableAlgorithm(digest);
    const file = this.#file ?? (await this.#open());
    const known = wanted === algorithm ? this.#hash : undefined;
    this.#hash = undefined; // digest() ends it
    assertDigest(known ?? (await rehash(file, wanted)), digest);
    verified?.();
    // The name is there since the file is: both syncs can share one commit of the file system's journal.
    const named = sync.settled();
    named.catch(() => undefined); // awaited below; until then it is nobody's unhandled rejection
    await file.sync();
    await named;
    return { key, size: file.size };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { key, algorithm, hashes } = this.#place;
    const file = this.#file;
    if (file !== undefined) {
      try {
        await file.flush();
      } catch {
        // What was lost of the last chunk, the client sends again: the size of the file tells it from where.
        this.#hash = undefined;
      } finally {
        await file.close();
      }
    }
    if (this.#hash !== undefined && this.size > 0) {
      hashes.keep(key, { hash: this.#hash, algorithm, size: this.size });
    }
  }

  async #open(): Promise<PartialFile> {
    this.#file = await PartialFile.open(this.#place.path, Number.MAX_SAFE_INTEGER);
    return this.#file;
  }
}

async function rehash(file: PartialFile, algorithm: DigestAlgorithm): Promise<ContentHash> {
  await file.flush();
  const hash = await openHash(algorithm);
  for await (const chunk of file.read(0, file.size)) hash.update(chunk);
  return hash;
}
