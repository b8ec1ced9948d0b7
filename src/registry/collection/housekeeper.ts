import type { OutgoingEvent } from "../metadata/event-queue.ts";
import type { DroppedBlob, Metadata } from "../metadata/metadata.ts";
import type { Limits } from "../options.ts";
import type { BlobStorage } from "../storage/blob-storage.ts";
import { applyRetention, type Expired } from "./retention.ts";
import type { RetentionRule } from "./retention-rules.ts";
import { type Damage, type ScrubReport, scrub } from "./scrubber.ts";
import type { Sweeper } from "./sweeper.ts";
import { removeUnknownFiles } from "./unknown-files.ts";

const MINUTE = 60_000;
/** How often expired uploads and unreferenced blobs are looked for. */
const COLLECT_EVERY = 5 * MINUTE;
const RETENTION_EVERY = 60 * MINUTE;
/** All of the storage is listed for this. */
const UNKNOWN_EVERY = 24 * 60 * MINUTE;
/** Rows changed in one transaction, for which pushes wait. */
const BATCH = 200;

/** How often all blobs are verified, and how fast. */
export interface ScrubSettings {
  /** Milliseconds from one verification of a blob to the next. */
  readonly every: number;
  readonly bytesPerSecond?: number;
}

/** Options of {@link Housekeeper}. */
export interface HousekeeperOptions {
  readonly metadata: Metadata;
  readonly blobs: BlobStorage;
  readonly limits: Limits;
  readonly sweeper: Sweeper;
  readonly retention: readonly RetentionRule[];
  readonly scrub: ScrubSettings | undefined;
  readonly onExpired: ((expired: Expired) => void) | undefined;
  readonly onDropped: (blob: DroppedBlob) => void;
  /** Makes the events that tell of what goes, to be written down with it. */
  readonly announce:
    | {
        readonly expired: (expired: Expired) => readonly OutgoingEvent[];
        readonly dropped: (blob: DroppedBlob) => readonly OutgoingEvent[];
      }
    | undefined;
  readonly onDamage: ((damage: Damage) => void) | undefined;
  readonly onFailure: (error: unknown) => void;
}

/** What one collection did. */
export interface CollectionReport {
  /** What retention removed: at most the first 10,000. */
  readonly expired: readonly Expired[];
  readonly uploads: number;
  /** Blobs taken out of repositories, and their bytes; those that other repositories have are still there. */
  readonly blobs: number;
  readonly bytes: number;
  /** Files that no row knew of. */
  readonly unknownFiles: number;
}

/**
 * The work beside requests: uploads that nobody goes on with end, tags and manifests that no rule keeps go, blobs that
 * no manifest references leave their repositories, their bytes leave the storage, and what stays is verified. All of it
 * is small transactions beside pushes, any number of servers may do it at once, and any of them may be killed.
 */
export class Housekeeper implements AsyncDisposable {
  readonly #options: HousekeeperOptions;
  readonly #ended = new AbortController();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #running = new Set<Promise<unknown>>();

  constructor(options: HousekeeperOptions) {
    this.#options = options;
    const { signal } = this.#ended;
    this.#repeat(COLLECT_EVERY, () => this.#collectUnreferenced(signal));
    if (options.retention.length > 0) this.#repeat(RETENTION_EVERY, () => this.#applyRetention(signal));
    this.#repeat(UNKNOWN_EVERY, () => this.#removeUnknown(signal));
    if (options.scrub !== undefined) {
      const { every } = options.scrub;
      this.#repeat(Math.max(MINUTE, every / 10), () => this.scrub(Date.now() - every));
    }
  }

  /** Does all of it but scrubbing once, now. A dry run tells what retention would remove and changes nothing. */
  async collect(request: {
    readonly dryRun?: boolean;
    readonly signal?: AbortSignal;
  }): Promise<CollectionReport> {
    const { dryRun = false } = request;
    const signal = this.#signal(request.signal);
    const expired = await this.#applyRetention(signal, dryRun);
    if (dryRun) return { expired, uploads: 0, blobs: 0, bytes: 0, unknownFiles: 0 };
    const collected = await this.#collectUnreferenced(signal);
    const unknownFiles = await this.#removeUnknown(signal);
    this.#options.sweeper.start();
    await this.#options.sweeper.idle();
    return { expired, ...collected, unknownFiles };
  }

  /** Verifies blobs that were not since `before`, in milliseconds since 1970. */
  scrub(before?: number, signal?: AbortSignal): Promise<ScrubReport> {
    const { metadata, blobs, scrub: settings, onDamage } = this.#options;
    return scrub(metadata, blobs, {
      signal: this.#signal(signal),
      ...(before === undefined ? {} : { before }),
      ...(settings?.bytesPerSecond === undefined ? {} : { bytesPerSecond: settings.bytesPerSecond }),
      ...(onDamage === undefined ? {} : { onDamage }),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    for (const timer of this.#timers) clearTimeout(timer);
    await Promise.allSettled(this.#running);
  }

  /** Ends with this object, or when the caller says so. */
  #signal(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.#ended.signal : AbortSignal.any([signal, this.#ended.signal]);
  }

  #applyRetention(signal: AbortSignal, dryRun = false): Promise<readonly Expired[]> {
    const { metadata, retention, announce, onExpired } = this.#options;
    return applyRetention(metadata, {
      rules: retention,
      dryRun,
      signal,
      announce: announce?.expired,
      ...(onExpired === undefined || dryRun ? {} : { onExpired }),
    });
  }

  async #collectUnreferenced(
    signal: AbortSignal,
  ): Promise<{ uploads: number; blobs: number; bytes: number }> {
    const { metadata, limits, sweeper, announce, onDropped } = this.#options;
    const now = Date.now();
    const report = { uploads: 0, blobs: 0, bytes: 0 };
    for (let count = BATCH; count === BATCH; report.uploads += count) {
      signal.throwIfAborted();
      count = (await metadata.expireUploads(now - limits.uploadAge, BATCH)).length;
    }
    for (let count = BATCH; count === BATCH; report.blobs += count) {
      signal.throwIfAborted();
      const dropped = await metadata.dropUnreferenced(
        now - limits.grace,
        BATCH,
        announce && ((gone) => gone.flatMap(announce.dropped)),
      );
      for (const blob of dropped) {
        report.bytes += blob.size;
        onDropped(blob);
      }
      count = dropped.length;
    }
    if (report.uploads + report.blobs > 0) sweeper.start();
    return report;
  }

  #removeUnknown(signal: AbortSignal): Promise<number> {
    const { metadata, blobs, limits } = this.#options;
    return removeUnknownFiles(metadata, blobs, Date.now() - limits.grace, signal);
  }

  /** Several servers that were started together do not work in step. */
  #repeat(every: number, work: () => Promise<unknown>): void {
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        const running = work()
          .catch((error: unknown) => {
            if (!this.#ended.signal.aborted) this.#options.onFailure(error);
          })
          .finally(() => {
            this.#running.delete(running);
            if (!this.#ended.signal.aborted) this.#repeat(every, work);
          });
        this.#running.add(running);
      },
      // A timer cannot be set for more than 24 days.
      Math.min(2 ** 31 - 1, every * (0.75 + Math.random() / 2)),
    );
    timer.unref();
    this.#timers.add(timer);
  }
}
