import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as pause } from "node:timers/promises";
import type { Digest } from "../spec/index.ts";
import { parseDigest } from "../spec/index.ts";
import type { Blobs } from "./blobs.ts";
import { dropEndedClaims, isClaimed } from "./claim.ts";
import { loadDigestFunction } from "./content-hash.ts";
import type { Database } from "./database.ts";
import { explainFile } from "./file-error.ts";
import type { Root } from "./graph.ts";
import { ReachableBlobs } from "./graph.ts";
import { dropEndedLeases } from "./lease.ts";
import { addReferrers, dropReferrers } from "./referrers.ts";
import { dropReplacements, markReplacements } from "./replaced.ts";

/** Blobs removed in one transaction: other processes wait for it with their leases. */
const BATCH_SIZE = 64;
/** Removing a large file can take long; the transaction ends after so many milliseconds. */
const BATCH_TIME = 50;
const DEFAULT_PARTIAL_AGE_MS = 24 * 60 * 60 * 1000;

/** Options of a collection. */
export interface CollectOptions {
  /** Age in milliseconds from which a partial blob that nobody writes is removed. Default: a day. */
  readonly partialAge?: number;
  /** Also remove at once what interrupted pulls left behind to go on from. Default false. */
  readonly interrupted?: boolean;
  /** Further content that stays, with all that it leads to. */
  readonly keep?: readonly Root[];
  /**
   * Remove nothing; tell what a collection would remove that came after a removal of these names. Default: it is no
   * rehearsal.
   */
  readonly rehearse?: { readonly withoutNames: ReadonlySet<string> };
  readonly signal?: AbortSignal;
}

/** Where to collect. */
export interface Collection {
  readonly database: Database;
  readonly directory: string;
  readonly blobs: Blobs;
  /** Called when what the layout shows has changed. */
  readonly changed: () => void;
}

/** What a collection removed. */
export interface Collected {
  readonly blobs: readonly { readonly digest: Digest; readonly size: number }[];
  readonly partials: number;
  /** Bytes freed: blobs and partial blobs. */
  readonly bytes: number;
}

/**
 * Removes the blobs that neither a name nor a lease leads to, while other processes pull, tag and run.
 *
 * Why nothing is removed that is needed: every removal happens inside a write transaction in which
 * all names and leases were read again. A pull adds a blob to its lease *before* it asks whether the
 * store has it. Both are write transactions of one database, so one comes first. If the lease does,
 * this transaction sees it and keeps the blob. If the removal does, the pull then finds the blob
 * absent and fetches it. A name is only given to content that a lease or another name holds in the
 * same moment, so content never depends on a name that this transaction could not see. A name whose
 * removal allowed a blob to go cannot come back after a power cut: the first transaction here is
 * durable, and with it all that came before. Documents never change, so what was marked outside the
 * transaction stays true in it, and only new roots are walked while others wait.
 */
export async function collect(
  { database, directory, blobs, changed }: Collection,
  options: CollectOptions = {},
): Promise<Collected> {
  const { interrupted = false, keep = [], rehearse } = options;
  const reachable = new ReachableBlobs(blobs, await loadDigestFunction());
  for (const root of keep) reachable.add(root);
  if (rehearse !== undefined) {
    for (const root of readRoots(database, rehearse.withoutNames)) reachable.add(root);
    addReferrers(database, reachable);
    markReplacements(database, blobs, reachable);
    return wouldRemove(directory, blobs, reachable);
  }
  // First, and without writing to the database: on a full disk this makes the room for what follows.
  const partials = removePartials(
    database,
    directory,
    interrupted ? 0 : (options.partialAge ?? DEFAULT_PARTIAL_AGE_MS),
  );
  const roots = database.transaction(
    () => {
      dropEndedLeases(database, interrupted);
      dropEndedClaims(database);
      // A write, so that there is something to make durable even when no lease ended.
      database.run("UPDATE layout SET written = written");
      return readRoots(database);
    },
    { durable: true },
  );
  for (const root of roots) reachable.add(root);
  addReferrers(database, reachable);
  markReplacements(database, blobs, reachable);

  const removed: { digest: Digest; size: number }[] = [];
  let bytes = partials.bytes;
  const candidates = listBlobs(directory).filter((digest) => !reachable.has(digest));
  for (let at = 0; at < candidates.length; ) {
    options.signal?.throwIfAborted();
    at += database.transaction(() => {
      markRoots(database, reachable);
      markReplacements(database, blobs, reachable);
      const end = Date.now() + BATCH_TIME;
      let looked = 0;
      for (const digest of candidates.slice(at, at + BATCH_SIZE)) {
        const gone = reachable.has(digest) ? undefined : removeFile(blobs.path(digest));
        if (gone !== undefined) {
          removed.push({ digest, size: gone.size });
          bytes += gone.freed;
        }
        looked++;
        if (Date.now() > end) break;
      }
      return looked;
    });
    await pause();
  }
  database.transaction(() => {
    markRoots(database, reachable);
    if (dropReferrers(database, reachable)) database.afterCommit(changed);
    dropReplacements(database, blobs, reachable);
  });
  return { blobs: removed, partials: partials.count, bytes };
}

/** Marks what has got a name, a lease or something about it meanwhile. */
function markRoots(database: Database, reachable: ReachableBlobs): void {
  for (const root of readRoots(database)) reachable.add(root);
  addReferrers(database, reachable);
}

interface RootRow {
  readonly media_type: string;
  readonly digest: Digest;
}

function readRoots(database: Database, without?: ReadonlySet<string>): Root[] {
  const root = ({ media_type, digest }: RootRow): Root => ({ mediaType: media_type, digest });
  if (without === undefined || without.size === 0) {
    return database
      .all<RootRow>("SELECT media_type, digest FROM names UNION SELECT media_type, digest FROM lease_content")
      .map(root);
  }
  const named = database.all<RootRow & { name: string }>("SELECT name, media_type, digest FROM names");
  return [...named.filter(({ name }) => !without.has(name)).map(root), ...leasedContent(database)];
}

/** What leases hold. */
export function leasedContent(database: Database): Root[] {
  return database
    .all<RootRow>("SELECT DISTINCT media_type, digest FROM lease_content")
    .map(({ media_type, digest }) => ({ mediaType: media_type, digest }));
}

function wouldRemove(directory: string, blobs: Blobs, reachable: ReachableBlobs): Collected {
  const going = listBlobs(directory).flatMap((digest) => {
    const size = reachable.has(digest) ? undefined : blobs.size(digest);
    return size === undefined ? [] : [{ digest, size }];
  });
  return { blobs: going, partials: 0, bytes: going.reduce((sum, { size }) => sum + size, 0) };
}

/** Files whose names are no digests are none of ours and stay. */
export function listBlobs(directory: string): Digest[] {
  const found: Digest[] = [];
  const top = join(directory, "blobs");
  for (const algorithm of namesIn(top)) {
    for (const encoded of namesIn(join(top, algorithm))) {
      try {
        found.push(parseDigest(`${algorithm}:${encoded}`));
      } catch {
        // not a blob's name
      }
    }
  }
  return found;
}

/** Claims are taken in write transactions too: a partial that is unclaimed here stays so until its removal. */
function removePartials(
  database: Database,
  directory: string,
  age: number,
): { count: number; bytes: number } {
  let count = 0;
  let bytes = 0;
  const ingest = join(directory, "ingest");
  for (const name of namesIn(ingest)) {
    const path = join(ingest, name);
    database.transaction(() => {
      const stat = statSync(path, { throwIfNoEntry: false });
      if (stat === undefined || (age > 0 && Date.now() - stat.mtimeMs < age) || isClaimed(database, name))
        return;
      const gone = removeFile(path);
      if (gone === undefined) return;
      count++;
      bytes += gone.freed;
    });
  }
  return { count, bytes };
}

export function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw error;
  }
}

/**
 * Removes a file; undefined when another collection was faster or it is no file. One with another name, as the archive of
 * an unpacked layer, frees nothing yet.
 */
function removeFile(path: string): { readonly size: number; readonly freed: number } | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined || !stat.isFile()) return undefined;
  try {
    rmSync(path, { force: true });
  } catch (error) {
    throw explainFile(error, `cannot remove ${path}`);
  }
  return { size: stat.size, freed: stat.nlink > 1 ? 0 : stat.size };
}
