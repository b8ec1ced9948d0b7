import type { Metadata } from "../metadata/metadata.ts";
import type { BlobStorage } from "../storage/blob-storage.ts";

/** Orphans removed before others are asked for. */
const BATCH = 100;

/**
 * Removes bytes that no repository has any more. Several servers may do so at once: removing twice does
 * nothing, and what a killed server did not get to is still listed.
 */
export class Sweeper {
  readonly #metadata: Metadata;
  readonly #blobs: BlobStorage;
  readonly #onFailure: (error: unknown) => void;
  #running: Promise<void> | undefined;
  #again = false;

  constructor(metadata: Metadata, blobs: BlobStorage, onFailure: (error: unknown) => void) {
    this.#metadata = metadata;
    this.#blobs = blobs;
    this.#onFailure = onFailure;
  }

  /** Begins to sweep, or sees to it that a sweep that runs already looks once more. */
  start(): void {
    this.#again = true;
    this.#running ??= this.#run();
  }

  /** Resolves when nothing is being removed. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #run(): Promise<void> {
    try {
      await this.#sweep();
    } catch (error) {
      this.#onFailure(error);
    }
    this.#running = undefined;
  }

  async #sweep(): Promise<void> {
    while (this.#again) {
      this.#again = false;
      const orphans = await this.#metadata.orphans(BATCH);
      for (const { key } of orphans) await this.#blobs.remove(key);
      await this.#metadata.forgetOrphans(orphans.map(({ key }) => key));
      if (orphans.length === BATCH) this.#again = true;
    }
  }
}
