import type { Database } from "../../../content/index.ts";
import type { Digest } from "../../../spec/index.ts";
import type { BlobToVerify } from "../housekeeping.ts";

/** The work of `Metadata.blobsToVerify`. */
export function blobsToVerify(database: Database, before: number, limit: number): readonly BlobToVerify[] {
  return database.all<BlobToVerify>(
    "SELECT digest, key, size FROM blobs WHERE damaged = 0 AND verified < ? ORDER BY verified LIMIT ?",
    before,
    limit,
  );
}

/** The work of `Metadata.markVerified`, inside a transaction. */
export function markVerified(database: Database, keys: readonly string[], at: number): void {
  for (const key of keys) database.run("UPDATE blobs SET verified = ? WHERE key = ?", at, key);
}

/** The work of `Metadata.markDamaged`, inside a transaction. */
export function markDamaged(database: Database, digest: Digest, key: string): readonly string[] | undefined {
  const blob = database.get<{ id: number }>(
    "UPDATE blobs SET damaged = 1 WHERE digest = ? AND key = ? AND damaged = 0 RETURNING id",
    digest,
    key,
  );
  if (blob === undefined) return undefined;
  database.run(
    "UPDATE repositories SET revision = revision + 1 WHERE id IN (SELECT repository FROM members WHERE blob = ?)",
    blob.id,
  );
  return database
    .all<{ name: string }>(
      "SELECT r.name FROM members m JOIN repositories r ON r.id = m.repository WHERE m.blob = ? ORDER BY r.name",
      blob.id,
    )
    .map(({ name }) => name);
}
