import type { Database } from "../../../content/index.ts";
import type { Digest } from "../../../spec/index.ts";
import { CortenError } from "../../../spec/index.ts";
import type { StoredBlob } from "../../storage/blob-storage.ts";
import type { Quota } from "../housekeeping.ts";
import type { BlobRecord, Page, TagRefusal } from "../metadata.ts";
import { changeRepository, repositoryId, shrinkRepository } from "./repositories.ts";
import { askTagsAbove } from "./tags-above.ts";
import { assertQuota } from "./usage.ts";

/** The work of `Metadata.blob`. */
export function findBlob(database: Database, repository: string, digest: Digest): BlobRecord | undefined {
  return database.get<BlobRecord>(
    `SELECT b.key, b.size, m.touched FROM blobs b
     JOIN repositories r ON r.name = ? JOIN members m ON m.repository = r.id AND m.blob = b.id
     WHERE b.digest = ? AND b.damaged = 0`,
    repository,
    digest,
  );
}

/** The work of `Metadata.addBlob`, inside a transaction. */
export function addBlob(
  database: Database,
  repository: string,
  digest: Digest,
  stored: StoredBlob,
  upload?: string,
  quota?: Quota,
): StoredBlob {
  if (upload !== undefined && database.run("DELETE FROM uploads WHERE id = ?", upload) === 0) {
    throw new CortenError("not-found", `upload ${upload} has ended meanwhile`);
  }
  replaceDamaged(database, digest, stored);
  const known = database.get<{ id: number } & StoredBlob>(
    `INSERT INTO blobs (digest, key, size) VALUES (?, ?, ?)
     ON CONFLICT (digest) DO UPDATE SET size = size RETURNING id, key, size`,
    digest,
    stored.key,
    stored.size,
  )!;
  addMember(database, changeRepository(database, repository), known.id);
  if (known.key !== stored.key) {
    database.run("INSERT INTO orphans VALUES (?, ?, ?)", stored.key, digest, stored.size);
  }
  assertQuota(database, repository, quota);
  return { key: known.key, size: known.size };
}

/** Gives a blob whose bytes were found wrong the good ones that have just been pushed. */
function replaceDamaged(database: Database, digest: Digest, stored: StoredBlob): void {
  const damaged = database.get<{ id: number }>(
    "SELECT id FROM blobs WHERE digest = ? AND damaged = 1",
    digest,
  );
  if (damaged === undefined) return;
  database.run("INSERT INTO orphans SELECT key, digest, size FROM blobs WHERE id = ?", damaged.id);
  database.run("UPDATE blobs SET key = ?, damaged = 0, verified = 0 WHERE id = ?", stored.key, damaged.id);
  database.run(
    "UPDATE repositories SET revision = revision + 1 WHERE id IN (SELECT repository FROM members WHERE blob = ?)",
    damaged.id,
  );
}

/** The work of `Metadata.mountBlob`, inside a transaction. */
export function mountBlob(
  database: Database,
  repository: string,
  digest: Digest,
  from: string,
  quota?: Quota,
): boolean {
  const blob = database.get<{ id: number }>(
    `SELECT b.id FROM blobs b JOIN repositories r ON r.name = ?
     JOIN members m ON m.repository = r.id AND m.blob = b.id WHERE b.digest = ? AND b.damaged = 0`,
    from,
    digest,
  );
  if (blob === undefined) return false;
  addMember(database, changeRepository(database, repository), blob.id);
  assertQuota(database, repository, quota);
  return true;
}

function addMember(database: Database, repository: number, blob: number): void {
  database.run(
    `INSERT INTO members VALUES (?, ?, ?)
     ON CONFLICT (repository, blob) DO UPDATE SET touched = excluded.touched`,
    repository,
    blob,
    Date.now(),
  );
}

/** The work of `Metadata.repositoriesOf`. */
export function repositoriesOf(database: Database, digest: Digest, page: Page): readonly string[] {
  return database
    .all<{ name: string }>(
      `SELECT r.name FROM blobs b JOIN members m ON m.blob = b.id JOIN repositories r ON r.id = m.repository
       WHERE b.digest = ? AND b.damaged = 0 AND r.name > ? ORDER BY r.name LIMIT ?`,
      digest,
      page.after ?? "",
      page.limit,
    )
    .map(({ name }) => name);
}

/** The work of `Metadata.touchBlob`, inside a transaction. */
export function touchBlob(database: Database, repository: string, digest: Digest): boolean {
  const touched = database.run(
    `UPDATE members SET touched = ? WHERE repository = (SELECT id FROM repositories WHERE name = ?)
     AND blob = (SELECT id FROM blobs WHERE digest = ? AND damaged = 0)`,
    Date.now(),
    repository,
    digest,
  );
  return touched > 0;
}

/** The work of `Metadata.removeBlob`, inside a transaction. */
export function removeBlob(
  database: Database,
  repository: string,
  digest: Digest,
  mayLose?: (tag: string) => boolean,
): boolean | TagRefusal {
  const id = repositoryId(database, repository);
  const blob = database.get<{ id: number }>("SELECT id FROM blobs WHERE digest = ?", digest)?.id;
  if (id === undefined || blob === undefined) return false;
  const refusal = askTagsAbove(database, id, digest, mayLose);
  if (refusal !== undefined) return refusal;
  if (!dropMember(database, id, blob)) return false;
  shrinkRepository(database, id);
  return true;
}

/** Takes a blob out of a repository. Out of its last one, its bytes become an orphan. */
export function dropMember(database: Database, repository: number, blob: number): boolean {
  if (database.run("DELETE FROM members WHERE repository = ? AND blob = ?", repository, blob) === 0)
    return false;
  if (database.get("SELECT 1 FROM members WHERE blob = ?", blob) === undefined) {
    database.run("INSERT INTO orphans SELECT key, digest, size FROM blobs WHERE id = ?", blob);
    database.run("DELETE FROM blobs WHERE id = ?", blob);
  }
  return true;
}
