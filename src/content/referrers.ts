import type { Descriptor, Digest } from "../spec/index.ts";
import { CortenError } from "../spec/index.ts";
import type { Database } from "./database.ts";
import type { ReachableBlobs } from "./graph.ts";

/** A manifest that is about another one, and the tag by which some registries find it where it has one. */
export interface StoredReferrer {
  readonly descriptor: Descriptor;
  readonly tag: string | undefined;
}

interface Row {
  readonly media_type: string;
  readonly digest: Digest;
  readonly size: number;
  readonly tag: string | null;
}

/**
 * What is about the content of the store: signatures, lists of parts. Such a manifest names its subject, and nothing names
 * it; here stands the way back. It stays as long as its subject is kept, and goes with it.
 */
export class Referrers {
  readonly #database: Database;
  readonly #has: (descriptor: Descriptor) => boolean;
  readonly #changed: () => void;

  constructor(database: Database, has: (descriptor: Descriptor) => boolean, changed: () => void) {
    this.#database = database;
    this.#has = has;
    this.#changed = changed;
  }

  /** What is about `subject`, in the order of digests. */
  of(subject: Digest): StoredReferrer[] {
    return this.#database
      .all<Row>(
        "SELECT media_type, digest, size, tag FROM referrers WHERE subject = ? ORDER BY digest",
        subject,
      )
      .map(fromRow);
  }

  /** All of them, each once. */
  list(): StoredReferrer[] {
    return this.#database
      .all<Row>("SELECT media_type, digest, size, tag FROM referrers GROUP BY digest ORDER BY digest")
      .map(fromRow);
  }

  /**
   * Notes that a manifest is about `subject`. The caller holds a lease on the manifest. What had the same tag for that subject
   * is about it no more.
   *
   * @throws not-found when the manifest is not in the store
   */
  add(subject: Digest, descriptor: Descriptor, tag?: string): void {
    this.#database.transaction(
      () => {
        const { mediaType, digest, size } = descriptor;
        if (!this.#has(descriptor))
          throw new CortenError("not-found", `${digest}, which is about ${subject}, is not in the store`);
        if (tag !== undefined)
          this.#database.run("DELETE FROM referrers WHERE subject = ? AND tag = ?", subject, tag);
        this.#database.run(
          "INSERT OR REPLACE INTO referrers VALUES (?, ?, ?, ?, ?)",
          subject,
          digest,
          mediaType,
          size,
          tag ?? null,
        );
        this.#database.afterCommit(this.#changed);
      },
      { durable: true },
    );
  }
}

function fromRow({ media_type, digest, size, tag }: Row): StoredReferrer {
  return { descriptor: { mediaType: media_type, digest, size }, tag: tag ?? undefined };
}

interface Edge extends Row {
  readonly subject: Digest;
}

/** Marks what is about marked content, and what is about that. */
export function addReferrers(database: Database, reachable: ReachableBlobs): void {
  let left = database.all<Edge>("SELECT subject, media_type, digest, size, tag FROM referrers");
  for (let before = -1; before !== left.length; ) {
    before = left.length;
    left = left.filter(({ subject, media_type, digest }) => {
      if (!reachable.has(subject)) return true;
      reachable.add({ mediaType: media_type, digest });
      return false;
    });
  }
}

/** Forgets what is about content that is not kept. Inside the transaction that has marked all that is. */
export function dropReferrers(database: Database, reachable: ReachableBlobs): boolean {
  let dropped = false;
  for (const { subject } of database.all<Edge>("SELECT DISTINCT subject FROM referrers")) {
    if (reachable.has(subject)) continue;
    database.run("DELETE FROM referrers WHERE subject = ?", subject);
    dropped = true;
  }
  return dropped;
}
