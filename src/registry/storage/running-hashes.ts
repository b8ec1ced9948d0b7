import type { ContentHash } from "../../content/index.ts";
import type { DigestAlgorithm } from "../../spec/index.ts";

/** A hash of the first `size` bytes of an upload. */
export interface RunningHash {
  readonly hash: ContentHash;
  readonly algorithm: DigestAlgorithm;
  readonly size: number;
}

/** Uploads remembered: of others the bytes are read again. */
const MAX_HASHES = 1000;

/**
 * Hashes of uploads between two requests. It saves time and proves nothing: where the upload has other bytes
 * than these, because another server went on with it, or this one was restarted, they are hashed anew.
 */
export class RunningHashes {
  readonly #hashes = new Map<string, RunningHash>();

  /** Hands out the hash of exactly the upload's first `size` bytes, if it is here; it is not kept any longer. */
  take(key: string, size: number): RunningHash | undefined {
    const running = this.#hashes.get(key);
    this.#hashes.delete(key);
    return running?.size === size ? running : undefined;
  }

  keep(key: string, running: RunningHash): void {
    this.#hashes.set(key, running);
    if (this.#hashes.size <= MAX_HASHES) return;
    for (const oldest of this.#hashes.keys()) {
      this.#hashes.delete(oldest);
      return;
    }
  }

  forget(key: string): void {
    this.#hashes.delete(key);
  }

  clear(): void {
    this.#hashes.clear();
  }
}
