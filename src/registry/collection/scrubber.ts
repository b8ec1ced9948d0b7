import { openHash } from "../../content/index.ts";
import { type Digest, isCortenError, splitDigest, verifiableAlgorithm } from "../../spec/index.ts";
import type { BlobToVerify } from "../metadata/housekeeping.ts";
import type { Metadata } from "../metadata/metadata.ts";
import type { BlobStorage } from "../storage/blob-storage.ts";

const BATCH = 20;

/** A blob whose bytes are not what its digest names. */
export interface Damage {
  readonly digest: Digest;
  /** Where its storage keeps the bytes. */
  readonly key: string;
  readonly kind: "missing" | "wrong";
  /** Repositories that have lost the blob until somebody pushes it again. */
  readonly repositories: readonly string[];
}

/** Options of {@link scrub}. */
export interface ScrubOptions {
  /** Blobs verified since then are left out, in milliseconds since 1970. Default: now, which verifies all. */
  readonly before?: number;
  /** Bytes read a second at most, so that pulls go first. Default: no limit. */
  readonly bytesPerSecond?: number;
  readonly onDamage?: (damage: Damage) => void;
  readonly signal?: AbortSignal;
}

/** What a scrub did. */
export interface ScrubReport {
  readonly blobs: number;
  readonly bytes: number;
  readonly damages: readonly Damage[];
}

/**
 * Reads blobs again and compares them with their digests. What is found wrong is taken out of use and kept, and the
 * next push of the same blob brings it back to every repository that had it. Progress stands in the metadata: a scrub
 * that is stopped goes on where it was, and several servers share the work.
 */
export async function scrub(
  metadata: Metadata,
  blobs: BlobStorage,
  options: ScrubOptions = {},
): Promise<ScrubReport> {
  const { before = Date.now(), bytesPerSecond = Number.POSITIVE_INFINITY, signal } = options;
  const damages: Damage[] = [];
  let count = 0;
  let bytes = 0;
  const started = performance.now();
  for (;;) {
    const batch = await metadata.blobsToVerify(before, BATCH);
    if (batch.length === 0) return { blobs: count, bytes, damages };
    for (const blob of batch) {
      signal?.throwIfAborted();
      const kind = await examine(blobs, blob, signal);
      if (kind === "right") {
        await metadata.markVerified([blob.key], Date.now());
      } else {
        const repositories = await metadata.markDamaged(blob.digest, blob.key);
        // Deleted or pushed anew while it was read: what was read is nobody's any more.
        if (repositories !== undefined) {
          const damage = { digest: blob.digest, key: blob.key, kind, repositories };
          damages.push(damage);
          options.onDamage?.(damage);
        }
      }
      count++;
      bytes += blob.size;
      const ahead = (bytes / bytesPerSecond) * 1000 - (performance.now() - started);
      if (ahead > 0) await pause(ahead, signal);
    }
  }
}

async function examine(
  blobs: BlobStorage,
  { key, digest, size }: BlobToVerify,
  signal: AbortSignal | undefined,
): Promise<"missing" | "right" | "wrong"> {
  const found = await blobs.size(key);
  if (found === undefined) return "missing";
  if (found !== size) return "wrong";
  const content = await blobs.read(key, { start: 0, end: size });
  if (content === undefined) return "missing";
  const hash = await openHash(verifiableAlgorithm(digest));
  try {
    for await (const chunk of content) {
      signal?.throwIfAborted();
      hash.update(chunk);
    }
  } catch (error) {
    // A disk that cannot read its sectors; a network that is down says nothing about the bytes.
    const unreadable = isCortenError(error, "data-loss") || (error as NodeJS.ErrnoException).code === "EIO";
    if (unreadable) return "wrong";
    throw error;
  }
  return hash.digest("hex") === splitDigest(digest)[1] ? "right" : "wrong";
}

function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", stop, { once: true });
  });
}
