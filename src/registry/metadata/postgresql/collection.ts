import type { Digest } from "../../../spec/index.ts";
import type { DroppedBlob, Orphan } from "../metadata.ts";
import { orphanUnused } from "./blobs.ts";
import type { Sql, Transaction } from "./connection.ts";
import { shrinkRepository } from "./repositories.ts";

interface Candidate {
  readonly repository: number;
  readonly name: string;
  readonly blob: number;
  readonly digest: Digest;
  readonly size: number;
}

/**
 * The work of `Metadata.dropUnreferenced`. Candidates are found without locks; then their repositories are locked and
 * each is looked at again, for a push may have referenced it meanwhile.
 */
export async function dropUnreferenced(
  transaction: Transaction,
  before: number,
  limit: number,
): Promise<readonly DroppedBlob[]> {
  const candidates = await transaction<Candidate[]>`
    SELECT m.repository, r.name, m.blob, b.digest, b.size FROM members m
    JOIN blobs b ON b.id = m.blob JOIN repositories r ON r.id = m.repository
    WHERE m.touched < ${before}
    AND NOT EXISTS (SELECT 1 FROM links l WHERE l.repository = m.repository AND l.digest = b.digest)
    ORDER BY m.touched LIMIT ${limit}`;
  if (candidates.length === 0) return [];
  const repositories = [...new Set(candidates.map(({ repository }) => repository))];
  const blobs = [...new Set(candidates.map(({ blob }) => blob))];
  await transaction`SELECT 1 FROM repositories WHERE id IN ${transaction(repositories)} ORDER BY id FOR UPDATE`;
  await transaction`SELECT 1 FROM blobs WHERE id IN ${transaction(blobs)} ORDER BY id FOR UPDATE`;
  const dropped = await transaction<{ repository: number; blob: number }[]>`
    DELETE FROM members m USING blobs b WHERE b.id = m.blob AND m.touched < ${before}
    AND m.repository IN ${transaction(repositories)} AND m.blob IN ${transaction(blobs)}
    AND NOT EXISTS (SELECT 1 FROM links l WHERE l.repository = m.repository AND l.digest = b.digest)
    RETURNING m.repository, m.blob`;
  await orphanUnused(transaction, blobs);
  for (const id of repositories) await shrinkRepository(transaction, id);
  const gone = new Set(dropped.map(({ repository, blob }) => `${repository} ${blob}`));
  return candidates
    .filter(({ repository, blob }) => gone.has(`${repository} ${blob}`))
    .map(({ name, digest, size }) => ({ repository: name, digest, size }));
}

/** The work of `Metadata.orphans`. */
export async function listOrphans(sql: Sql, limit: number): Promise<readonly Orphan[]> {
  const rows = await sql<{ key: string; digest: Digest | null; size: number }[]>`
    SELECT key, digest, size FROM orphans LIMIT ${limit}`;
  return rows.map(({ key, digest, size }) => ({ key, size, ...(digest === null ? {} : { digest }) }));
}

/** The work of `Metadata.forgetOrphans`. */
export async function forgetOrphans(sql: Sql, keys: readonly string[]): Promise<void> {
  if (keys.length > 0) await sql`DELETE FROM orphans WHERE key IN ${sql(keys)}`;
}

/** The work of `Metadata.isUnknown`. */
export async function isUnknown(sql: Sql, key: string): Promise<boolean> {
  const rows = await sql`
    SELECT 1 FROM blobs WHERE key = ${key} UNION ALL SELECT 1 FROM orphans WHERE key = ${key}
    UNION ALL SELECT 1 FROM uploads WHERE id = ${key}`;
  return rows.length === 0;
}
