import { rmSync } from "node:fs";
import type { Descriptor, Digest } from "../spec/index.ts";
import { MediaType } from "../spec/index.ts";
import type { Blobs } from "./blobs.ts";
import type { Database } from "./database.ts";
import { explainFile } from "./file-error.ts";
import type { ReachableBlobs } from "./graph.ts";

/** Places that are remembered of one blob. */
const MAX_ORIGINS = 4;

/** A packed layer that is here as the archive that it unpacks to, and in no other form. */
export interface Replacement {
  /** The archive: its digest is the layer's DiffID. */
  readonly plain: Descriptor;
  /** Where the packed layer came from, the latest first: what was given to {@link Replacements.replace}. */
  readonly origins: readonly string[];
}

interface Row {
  readonly digest: Digest;
  readonly size: number;
  readonly plain: Digest;
  readonly plain_size: number;
}

/**
 * Packed blobs that gave way to what they unpack to. A row says so as long as the packed blob is not here: where both are, the
 * replacement was interrupted, or undone by fetching the packed one again, and the next collection forgets the row.
 */
export class Replacements {
  readonly #database: Database;
  readonly #blobs: Blobs;

  constructor(database: Database, blobs: Blobs) {
    this.#database = database;
    this.#blobs = blobs;
  }

  /** What is here instead of a blob; undefined where that is here itself, or neither is. */
  of({ digest, size }: Pick<Descriptor, "digest" | "size">): Replacement | undefined {
    const row = this.#database.get<Row>("SELECT * FROM replaced WHERE digest = ?", digest);
    if (row === undefined || row.size !== size || this.#blobs.size(digest) === size) return undefined;
    const plain = { mediaType: MediaType.layer, digest: row.plain, size: row.plain_size };
    return this.#blobs.has(plain) ? { plain, origins: this.#origins(digest) } : undefined;
  }

  /**
   * Removes a packed blob in favour of its unpacked archive, which a lease of the caller's holds. Killed in between, both are
   * there.
   */
  replace(packed: Descriptor, plain: Descriptor, origin?: string): void {
    this.#database.transaction(
      () => {
        this.#database.run(
          "INSERT OR REPLACE INTO replaced VALUES (?, ?, ?, ?)",
          packed.digest,
          packed.size,
          plain.digest,
          plain.size,
        );
        if (origin !== undefined) this.#addOrigin(packed.digest, origin);
      },
      { durable: true },
    );
    // Not before that is on disk: else a power cut could leave neither. A collection may have thought it undone.
    this.#database.transaction(() => {
      if (this.#database.get("SELECT 1 FROM replaced WHERE digest = ?", packed.digest) === undefined) return;
      if (!this.#blobs.has(plain)) return;
      const path = this.#blobs.path(packed.digest);
      try {
        rmSync(path, { force: true });
      } catch (error) {
        throw explainFile(error, `cannot remove ${path}`);
      }
    });
  }

  /** Remembers one more place where a replaced blob is. */
  addOrigin(digest: Digest, origin: string): void {
    if (this.#origins(digest)[0] === origin) return;
    this.#database.transaction(() => this.#addOrigin(digest, origin));
  }

  #origins(digest: Digest): string[] {
    return this.#database
      .all<{ origin: string }>(
        "SELECT origin FROM replaced_origins WHERE digest = ? ORDER BY noted DESC",
        digest,
      )
      .map(({ origin }) => origin);
  }

  #addOrigin(digest: Digest, origin: string): void {
    this.#database.run(
      "INSERT OR REPLACE INTO replaced_origins VALUES (?, ?, ?)",
      digest,
      origin,
      Date.now(),
    );
    this.#database.run(
      `DELETE FROM replaced_origins WHERE digest = ?1 AND origin NOT IN
         (SELECT origin FROM replaced_origins WHERE digest = ?1 ORDER BY noted DESC LIMIT ${MAX_ORIGINS})`,
      digest,
    );
  }
}

/** Marks the archives of marked layers whose packed form is not here. Inside a transaction the answer stays true in it. */
export function markReplacements(database: Database, blobs: Blobs, reachable: ReachableBlobs): void {
  for (const row of database.all<Row>("SELECT * FROM replaced")) {
    if (reachable.has(row.digest) && blobs.size(row.digest) !== row.size) reachable.mark(row.plain);
  }
}

/** Forgets replacements of which nothing is left, that nothing leads to, or that did not come to their end. */
export function dropReplacements(database: Database, blobs: Blobs, reachable: ReachableBlobs): void {
  for (const row of database.all<Row>("SELECT * FROM replaced")) {
    const plain = { mediaType: MediaType.layer, digest: row.plain, size: row.plain_size };
    const holds = blobs.size(row.digest) !== row.size && blobs.has(plain);
    if (holds && reachable.has(row.digest)) continue;
    database.run("DELETE FROM replaced WHERE digest = ?", row.digest);
    database.run("DELETE FROM replaced_origins WHERE digest = ?", row.digest);
  }
}
