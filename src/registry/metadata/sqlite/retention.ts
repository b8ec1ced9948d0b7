import type { Database } from "../../../content/index.ts";
import type { Digest } from "../../../spec/index.ts";
import type { Pull, TagState, UntaggedKind, UntaggedManifest } from "../housekeeping.ts";
import type { Page } from "../metadata.ts";
import { removeManifest } from "./manifests.ts";
import { repositoryId, shrinkRepository } from "./repositories.ts";

/** The work of `Metadata.notePulls`, inside a transaction. */
export function notePulls(database: Database, pulls: readonly Pull[]): void {
  for (const { repository, digest, tag, at } of pulls) {
    const id = repositoryId(database, repository);
    if (id === undefined) continue;
    database.run(
      "UPDATE manifests SET pulled = max(ifnull(pulled, 0), ?) WHERE repository = ? AND digest = ?",
      at,
      id,
      digest,
    );
    if (tag === undefined) continue;
    database.run(
      "UPDATE tags SET pulled = max(ifnull(pulled, 0), ?) WHERE repository = ? AND name = ?",
      at,
      id,
      tag,
    );
  }
}

interface TagRow {
  readonly name: string;
  readonly digest: Digest;
  readonly pushed: number;
  readonly pulled: number | null;
}

/** The work of `Metadata.tagStates`. */
export function listTagStates(database: Database, repository: string, page: Page): readonly TagState[] {
  return database
    .all<TagRow>(
      `SELECT t.name, m.digest, t.moved AS pushed, t.pulled FROM repositories r
       JOIN tags t ON t.repository = r.id AND t.name > ?2 JOIN manifests m ON m.id = t.manifest
       WHERE r.name = ?1 ORDER BY t.name LIMIT ?3`,
      repository,
      page.after ?? "",
      page.limit,
    )
    .map(({ pulled, ...state }) => (pulled === null ? state : { ...state, pulled }));
}

/** The work of `Metadata.expireTag`, inside a transaction. */
export function expireTag(database: Database, repository: string, state: TagState): boolean {
  const id = repositoryId(database, repository);
  if (id === undefined) return false;
  const gone = database.run(
    `DELETE FROM tags WHERE repository = ?1 AND name = ?2 AND moved = ?3 AND pulled IS ?4
     AND manifest = (SELECT id FROM manifests WHERE repository = ?1 AND digest = ?5)`,
    id,
    state.name,
    state.pushed,
    state.pulled ?? null,
    state.digest,
  );
  if (gone === 0) return false;
  shrinkRepository(database, id);
  return true;
}

const UNTAGGED = `FROM manifests m WHERE m.repository = ?1
  AND m.pushed < ?2 AND ifnull(m.pulled, 0) < ?2 AND m.released < ?2
  AND NOT EXISTS (SELECT 1 FROM tags t WHERE t.manifest = m.id)
  AND NOT EXISTS (SELECT 1 FROM links l WHERE l.repository = m.repository AND l.digest = m.digest)`;

const KINDS: Readonly<Record<UntaggedKind, string>> = {
  "no-subject": "AND m.subject IS NULL",
  "lost-referrer": `AND m.subject IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM manifests s WHERE s.repository = m.repository AND s.digest = m.subject)`,
};

/** The work of `Metadata.untagged`. */
export function listUntagged(
  database: Database,
  repository: string,
  kind: UntaggedKind,
  before: number,
  page: Page,
): readonly UntaggedManifest[] {
  const id = repositoryId(database, repository);
  if (id === undefined) return [];
  return database.all<UntaggedManifest>(
    `SELECT m.digest, m.size ${UNTAGGED} ${KINDS[kind]} AND m.digest > ?3 ORDER BY m.digest LIMIT ?4`,
    id,
    before,
    page.after ?? "",
    page.limit,
  );
}

/** The work of `Metadata.expireUntagged`, inside a transaction. */
export function expireUntagged(
  database: Database,
  repository: string,
  digest: Digest,
  kind: UntaggedKind,
  before: number,
): boolean {
  const id = repositoryId(database, repository);
  if (id === undefined) return false;
  const sql = `SELECT 1 ${UNTAGGED} ${KINDS[kind]} AND m.digest = ?3`;
  if (database.get(sql, id, before, digest) === undefined) return false;
  return removeManifest(database, repository, digest) !== undefined;
}
