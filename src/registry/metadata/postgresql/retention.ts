import type { Digest } from "../../../spec/index.ts";
import type { Pull, TagState, UntaggedKind, UntaggedManifest } from "../housekeeping.ts";
import type { Page } from "../metadata.ts";
import type { Sql, Transaction } from "./connection.ts";
import { removeManifest } from "./manifests.ts";
import { lockRepository, repositoryId, shrinkRepository } from "./repositories.ts";

/** The work of `Metadata.notePulls`. Rows are changed in one order, so that servers do not wait for each other in a circle. */
export async function notePulls(transaction: Transaction, pulls: readonly Pull[]): Promise<void> {
  const names = [...new Set(pulls.map(({ repository }) => repository))].sort();
  for (const name of names) {
    const id = await lockRepository(transaction, name);
    if (id === undefined) continue;
    for (const { digest, tag, at } of pulls.filter(({ repository }) => repository === name)) {
      await transaction`
        UPDATE manifests SET pulled = greatest(pulled, ${at}) WHERE repository = ${id} AND digest = ${digest}`;
      if (tag === undefined) continue;
      await transaction`
        UPDATE tags SET pulled = greatest(pulled, ${at}) WHERE repository = ${id} AND name = ${tag}`;
    }
  }
}

interface TagRow {
  readonly name: string;
  readonly digest: Digest;
  readonly pushed: number;
  readonly pulled: number | null;
}

/** The work of `Metadata.tagStates`. */
export async function listTagStates(sql: Sql, repository: string, page: Page): Promise<readonly TagState[]> {
  const rows = await sql<TagRow[]>`
    SELECT t.name, m.digest, t.moved AS pushed, t.pulled FROM repositories r
    JOIN tags t ON t.repository = r.id AND t.name > ${page.after ?? ""} JOIN manifests m ON m.id = t.manifest
    WHERE r.name = ${repository} ORDER BY t.name LIMIT ${page.limit}`;
  return rows.map(({ name, digest, pushed, pulled }) => ({
    name,
    digest,
    pushed,
    ...(pulled === null ? {} : { pulled }),
  }));
}

/** The work of `Metadata.expireTag`. */
export async function expireTag(
  transaction: Transaction,
  repository: string,
  { name, digest, pushed, pulled }: TagState,
): Promise<boolean> {
  const id = await lockRepository(transaction, repository);
  if (id === undefined) return false;
  const gone = await transaction`
    DELETE FROM tags t USING manifests m WHERE t.repository = ${id} AND t.name = ${name} AND t.moved = ${pushed}
    AND t.pulled IS NOT DISTINCT FROM ${pulled ?? null}::bigint AND m.id = t.manifest AND m.digest = ${digest}`;
  if (gone.count === 0) return false;
  await shrinkRepository(transaction, id);
  return true;
}

/** The condition of an untagged manifest `m`. */
function untaggedWhere(sql: Sql | Transaction, kind: UntaggedKind, repository: number, before: number) {
  const ofKind =
    kind === "no-subject"
      ? sql`m.subject IS NULL`
      : sql`m.subject IS NOT NULL
          AND NOT EXISTS (SELECT 1 FROM manifests s WHERE s.repository = m.repository AND s.digest = m.subject)`;
  return sql`
    m.repository = ${repository} AND m.pushed < ${before} AND coalesce(m.pulled, 0) < ${before} AND m.released < ${before}
    AND NOT EXISTS (SELECT 1 FROM tags t WHERE t.manifest = m.id)
    AND NOT EXISTS (SELECT 1 FROM links l WHERE l.repository = m.repository AND l.digest = m.digest) AND ${ofKind}`;
}

/** The work of `Metadata.untagged`. */
export async function listUntagged(
  sql: Sql,
  repository: string,
  kind: UntaggedKind,
  before: number,
  page: Page,
): Promise<readonly UntaggedManifest[]> {
  const id = await repositoryId(sql, repository);
  if (id === undefined) return [];
  const rows = await sql<UntaggedManifest[]>`
    SELECT m.digest, m.size FROM manifests m WHERE ${untaggedWhere(sql, kind, id, before)}
    AND m.digest > ${page.after ?? ""} ORDER BY m.digest LIMIT ${page.limit}`;
  return rows.map(({ digest, size }) => ({ digest, size }));
}

/** The work of `Metadata.expireUntagged`. */
export async function expireUntagged(
  transaction: Transaction,
  repository: string,
  digest: Digest,
  kind: UntaggedKind,
  before: number,
): Promise<boolean> {
  const id = await lockRepository(transaction, repository);
  if (id === undefined) return false;
  const found = await transaction`
    SELECT 1 FROM manifests m WHERE ${untaggedWhere(transaction, kind, id, before)} AND m.digest = ${digest}`;
  if (found.length === 0) return false;
  return (await removeManifest(transaction, repository, digest)) !== undefined;
}
