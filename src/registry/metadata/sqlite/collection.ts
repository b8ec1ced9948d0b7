import type { Database } from "../../../content/index.ts";
import type { Digest } from "../../../spec/index.ts";
import type { DroppedBlob, Orphan } from "../metadata.ts";
import { dropMember } from "./blobs.ts";
import { shrinkRepository } from "./repositories.ts";

/** The work of `Metadata.dropUnreferenced`, inside a transaction. */
export function dropUnreferenced(database: Database, before: number, limit: number): readonly DroppedBlob[] {
  const rows = database.all<{ id: number; blob: number; name: string; digest: Digest; size: number }>(
    `SELECT r.id, b.id AS blob, r.name, b.digest, b.size FROM members m
     JOIN blobs b ON b.id = m.blob JOIN repositories r ON r.id = m.repository
     WHERE m.touched < ? AND NOT EXISTS (SELECT 1 FROM links l WHERE l.repository = m.repository AND l.digest = b.digest)
     ORDER BY m.touched LIMIT ?`,
    before,
    limit,
  );
  for (const { id, blob } of rows) dropMember(database, id, blob);
  for (const id of new Set(rows.map((row) => row.id))) shrinkRepository(database, id);
  return rows.map(({ name, digest, size }) => ({ repository: name, digest, size }));
}

/** The work of `Metadata.orphans`. */
export function listOrphans(database: Database, limit: number): readonly Orphan[] {
  return database
    .all<{ key: string; digest: Digest | null; size: number }>("SELECT * FROM orphans LIMIT ?", limit)
    .map(({ key, digest, size }) => ({ key, size, ...(digest === null ? {} : { digest }) }));
}

/** The work of `Metadata.forgetOrphans`, inside a transaction. */
export function forgetOrphans(database: Database, keys: readonly string[]): void {
  for (const key of keys) database.run("DELETE FROM orphans WHERE key = ?", key);
}

/** The work of `Metadata.isUnknown`. */
export function isUnknown(database: Database, key: string): boolean {
  const sql = `SELECT 1 FROM blobs WHERE key = ?1 UNION ALL SELECT 1 FROM orphans WHERE key = ?1
    UNION ALL SELECT 1 FROM uploads WHERE id = ?1`;
  return database.get(sql, key) === undefined;
}
