import type { Database } from "../../../content/index.ts";
import type { Digest } from "../../../spec/index.ts";

/** A repository whose layout does not show its latest state. */
export interface StaleRepository {
  readonly id: number;
  readonly name: string;
  readonly revision: number;
}

/** What a layout shows of a repository. */
export interface LayoutContent {
  readonly blobs: readonly { readonly digest: Digest; readonly key: string }[];
  readonly manifests: readonly {
    readonly id: number;
    readonly digest: Digest;
    readonly mediaType: string;
    readonly size: number;
  }[];
  /** Tags with the row of their manifest. */
  readonly tags: readonly { readonly name: string; readonly manifest: number }[];
}

/** How long the claim of a writer that died holds. */
const CLAIM_MS = 30_000;

/** Becomes or stays the one process that writes layouts: of two, the one with the older list could come last. */
export function claimLayouts(database: Database, holder: string): boolean {
  return database.transaction(
    () =>
      database.run(
        `INSERT INTO layout_claim VALUES (1, ?1, ?2) ON CONFLICT (one) DO UPDATE
         SET holder = excluded.holder, until = excluded.until WHERE holder = excluded.holder OR until < ?3`,
        holder,
        Date.now() + CLAIM_MS,
        Date.now(),
      ) > 0,
  );
}

export function releaseLayouts(database: Database, holder: string): void {
  database.transaction(() => database.run("DELETE FROM layout_claim WHERE holder = ?", holder));
}

/** Stale repositories in the order of their rows, from the one after `after` on. */
export function staleRepositories(
  database: Database,
  after: number,
  limit: number,
): readonly StaleRepository[] {
  return database.all(
    "SELECT id, name, revision FROM repositories WHERE revision <> exported AND id > ? ORDER BY id LIMIT ?",
    after,
    limit,
  );
}

/**
 * Makes all layouts stale when they were last written in another boot of the host: files are not synced, so
 * that a power cut may have left them empty.
 */
export function beginBoot(database: Database, boot: string): void {
  if (boot !== "" && database.get("SELECT 1 FROM layout_boot WHERE boot = ?", boot) !== undefined) return;
  database.transaction(() => {
    database.run("UPDATE repositories SET exported = -1");
    database.run("INSERT OR REPLACE INTO layout_boot VALUES (1, ?)", boot);
  });
}

/** One state of a repository: the three lists are read without anything happening in between. */
export function layoutContent(database: Database, id: number): LayoutContent {
  return database.transaction(() => ({
    blobs: database.all(
      "SELECT b.digest, b.key FROM members m JOIN blobs b ON b.id = m.blob WHERE m.repository = ?",
      id,
    ),
    manifests: database.all(
      'SELECT id, digest, media_type AS "mediaType", size FROM manifests WHERE repository = ? ORDER BY id',
      id,
    ),
    tags: database.all("SELECT name, manifest FROM tags WHERE repository = ? ORDER BY name", id),
  }));
}

export function manifestBytes(database: Database, digest: Digest): Uint8Array | undefined {
  return database.get<{ bytes: Uint8Array }>("SELECT bytes FROM documents WHERE digest = ?", digest)?.bytes;
}

/** Notes which state a layout shows; a repository that changed meanwhile stays stale. */
export function markExported(database: Database, { id, revision }: StaleRepository): void {
  database.transaction(() => database.run("UPDATE repositories SET exported = ? WHERE id = ?", revision, id));
}

/** Repositories that are gone and whose layouts are not. */
export function removedRepositories(database: Database): readonly string[] {
  return database.all<{ name: string }>("SELECT name FROM removed_repositories").map(({ name }) => name);
}

export function forgetRemoved(database: Database, name: string): void {
  database.transaction(() => database.run("DELETE FROM removed_repositories WHERE name = ?", name));
}

export function exists(database: Database, name: string): boolean {
  return database.get("SELECT 1 FROM repositories WHERE name = ?", name) !== undefined;
}
