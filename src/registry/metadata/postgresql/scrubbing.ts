import type { Digest } from "../../../spec/index.ts";
import type { BlobToVerify } from "../housekeeping.ts";
import type { Sql, Transaction } from "./connection.ts";

/** The work of `Metadata.blobsToVerify`. */
export async function blobsToVerify(
  sql: Sql,
  before: number,
  limit: number,
): Promise<readonly BlobToVerify[]> {
  const rows = await sql<BlobToVerify[]>`
    SELECT digest, key, size FROM blobs WHERE NOT damaged AND verified < ${before} ORDER BY verified LIMIT ${limit}`;
  return rows.map(({ digest, key, size }) => ({ digest, key, size }));
}

/** The work of `Metadata.markVerified`. */
export async function markVerified(sql: Sql, keys: readonly string[], at: number): Promise<void> {
  if (keys.length > 0) await sql`UPDATE blobs SET verified = ${at} WHERE key IN ${sql(keys)}`;
}

/** The work of `Metadata.markDamaged`. */
export async function markDamaged(
  transaction: Transaction,
  digest: Digest,
  key: string,
): Promise<readonly string[] | undefined> {
  const [blob] = await transaction<[{ id: number }?]>`
    UPDATE blobs SET damaged = true WHERE digest = ${digest} AND key = ${key} AND NOT damaged RETURNING id`;
  if (blob === undefined) return undefined;
  const rows = await transaction<{ name: string }[]>`
    SELECT r.name FROM members m JOIN repositories r ON r.id = m.repository WHERE m.blob = ${blob.id} ORDER BY r.name`;
  return rows.map(({ name }) => name);
}
