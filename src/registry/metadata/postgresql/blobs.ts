import type { Digest } from "../../../spec/index.ts";
import { CortenError } from "../../../spec/index.ts";
import type { StoredBlob } from "../../storage/blob-storage.ts";
import type { Quota } from "../housekeeping.ts";
import type { BlobRecord, Page, TagRefusal } from "../metadata.ts";
import type { Sql, Transaction } from "./connection.ts";
import { lockOrMakeRepository, lockRepository, shrinkRepository } from "./repositories.ts";
import { askTagsAbove } from "./tags-above.ts";
import { assertQuota } from "./usage.ts";

/** The work of `Metadata.blob`. */
export async function findBlob(
  sql: Sql,
  repository: string,
  digest: Digest,
): Promise<BlobRecord | undefined> {
  const [row] = await sql<[BlobRecord?]>`
    SELECT b.key, b.size, m.touched FROM blobs b
    JOIN repositories r ON r.name = ${repository} JOIN members m ON m.repository = r.id AND m.blob = b.id
    WHERE b.digest = ${digest} AND NOT b.damaged`;
  return row;
}

/** The work of `Metadata.addBlob`. */
export async function addBlob(
  transaction: Transaction,
  repository: string,
  digest: Digest,
  stored: StoredBlob,
  upload?: string,
  quota?: Quota,
): Promise<StoredBlob> {
  if (upload !== undefined) {
    const ended = await transaction`DELETE FROM uploads WHERE id = ${upload}`;
    if (ended.count === 0) throw new CortenError("not-found", `upload ${upload} has ended meanwhile`);
  }
  const id = await lockOrMakeRepository(transaction, repository);
  await replaceDamaged(transaction, digest, stored);
  // The update locks the row, so a blob that is leaving its last repository is either found here or made anew.
  const [known] = await transaction<[{ id: number; key: string; size: number }]>`
    INSERT INTO blobs (digest, key, size) VALUES (${digest}, ${stored.key}, ${stored.size})
    ON CONFLICT (digest) DO UPDATE SET size = blobs.size RETURNING id, key, size`;
  await addMember(transaction, id, known.id);
  if (known.key !== stored.key)
    await transaction`INSERT INTO orphans VALUES (${stored.key}, ${digest}, ${stored.size}) ON CONFLICT DO NOTHING`;
  await assertQuota(transaction, repository, quota);
  return { key: known.key, size: known.size };
}

/** Gives a blob whose bytes were found wrong the good ones that have just been pushed. */
async function replaceDamaged(transaction: Transaction, digest: Digest, stored: StoredBlob): Promise<void> {
  const [damaged] = await transaction<[{ id: number; key: string; size: number }?]>`
    SELECT id, key, size FROM blobs WHERE digest = ${digest} AND damaged FOR UPDATE`;
  if (damaged === undefined) return;
  await transaction`INSERT INTO orphans VALUES (${damaged.key}, ${digest}, ${damaged.size}) ON CONFLICT DO NOTHING`;
  await transaction`
    UPDATE blobs SET key = ${stored.key}, damaged = false, verified = 0 WHERE id = ${damaged.id}`;
}

/** The work of `Metadata.mountBlob`; the caller rolls back when it is false. */
export async function mountBlob(
  transaction: Transaction,
  repository: string,
  digest: Digest,
  from: string,
  quota?: Quota,
): Promise<boolean> {
  const id = await lockOrMakeRepository(transaction, repository);
  const [blob] = await transaction<[{ id: number }?]>`
    SELECT b.id FROM blobs b JOIN repositories r ON r.name = ${from}
    JOIN members m ON m.repository = r.id AND m.blob = b.id WHERE b.digest = ${digest} AND NOT b.damaged
    FOR NO KEY UPDATE OF b`;
  if (blob === undefined) return false;
  await addMember(transaction, id, blob.id);
  await assertQuota(transaction, repository, quota);
  return true;
}

async function addMember(transaction: Transaction, repository: number, blob: number): Promise<void> {
  await transaction`
    INSERT INTO members VALUES (${repository}, ${blob}, ${Date.now()})
    ON CONFLICT (repository, blob) DO UPDATE SET touched = excluded.touched`;
}

/** The work of `Metadata.repositoriesOf`. */
export async function repositoriesOf(sql: Sql, digest: Digest, page: Page): Promise<readonly string[]> {
  const rows = await sql<{ name: string }[]>`
    SELECT r.name FROM blobs b JOIN members m ON m.blob = b.id JOIN repositories r ON r.id = m.repository
    WHERE b.digest = ${digest} AND NOT b.damaged AND r.name > ${page.after ?? ""} ORDER BY r.name LIMIT ${page.limit}`;
  return rows.map(({ name }) => name);
}

/** The work of `Metadata.touchBlob`. */
export async function touchBlob(sql: Sql, repository: string, digest: Digest): Promise<boolean> {
  const touched = await sql`
    UPDATE members SET touched = ${Date.now()}
    WHERE repository = (SELECT id FROM repositories WHERE name = ${repository})
    AND blob = (SELECT id FROM blobs WHERE digest = ${digest} AND NOT damaged)`;
  return touched.count > 0;
}

/** The work of `Metadata.removeBlob`. */
export async function removeBlob(
  transaction: Transaction,
  repository: string,
  digest: Digest,
  mayLose?: (tag: string) => boolean,
): Promise<boolean | TagRefusal> {
  const id = await lockRepository(transaction, repository);
  if (id === undefined) return false;
  const [blob] = await transaction<
    [{ id: number }?]
  >`SELECT id FROM blobs WHERE digest = ${digest} FOR UPDATE`;
  if (blob === undefined) return false;
  const refusal = await askTagsAbove(transaction, id, digest, mayLose);
  if (refusal !== undefined) return refusal;
  const removed = await transaction`DELETE FROM members WHERE repository = ${id} AND blob = ${blob.id}`;
  if (removed.count === 0) return false;
  await orphanUnused(transaction, [blob.id]);
  await shrinkRepository(transaction, id);
  return true;
}

/** Locked blobs that no repository has any more lose their digest, and their bytes become orphans. */
export async function orphanUnused(transaction: Transaction, blobs: readonly number[]): Promise<void> {
  await transaction`
    WITH gone AS (
      DELETE FROM blobs b WHERE b.id IN ${transaction(blobs)} AND NOT EXISTS (SELECT 1 FROM members m WHERE m.blob = b.id)
      RETURNING key, digest, size)
    INSERT INTO orphans SELECT key, digest, size FROM gone`;
}
