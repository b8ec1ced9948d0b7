import type { Metadata } from "../metadata/metadata.ts";
import type { Limits } from "../options.ts";

/** How often expired uploads and unreferenced blobs are looked for. */
const INTERVAL_MS = 5 * 60 * 1000;
/** Rows changed in one transaction, for which pushes wait. */
const BATCH = 200;

/**
 * Ends uploads that nobody goes on with, and takes blobs out of repositories that no manifest there has
 * referenced for the time of grace, beside pushes. Several servers may do so at once.
 */
export class Maintenance implements Disposable {
  readonly #metadata: Metadata;
  readonly #limits: Limits;
  readonly #sweep: () => void;
  readonly #timer: NodeJS.Timeout;

  constructor(metadata: Metadata, limits: Limits, sweep: () => void, onFailure: (error: unknown) => void) {
    this.#metadata = metadata;
    this.#limits = limits;
    this.#sweep = sweep;
    this.#timer = setInterval(() => void this.run().catch(onFailure), INTERVAL_MS).unref();
  }

  /** Does it once, now. */
  async run(): Promise<void> {
    const { uploadAge, grace } = this.#limits;
    const now = Date.now();
    while ((await this.#metadata.expireUploads(now - uploadAge, BATCH)).length === BATCH);
    while ((await this.#metadata.dropUnreferenced(now - grace, BATCH)).length === BATCH);
    this.#sweep();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
