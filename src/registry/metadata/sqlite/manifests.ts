import type { Database } from "../../../content/index.ts";
import type { Digest } from "../../../spec/index.ts";
import type {
  ManifestRecord,
  NewManifest,
  PutManifestOptions,
  PutManifestResult,
  TagRefusal,
} from "../metadata.ts";
import { changeRepository, repositoryId, shrinkRepository } from "./repositories.ts";
import { askTagsAbove } from "./tags-above.ts";
import { assertQuota } from "./usage.ts";

interface ManifestRow {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly size: number;
}

const COLUMNS = 'm.digest, m.media_type AS "mediaType", m.size';
const BY_DIGEST = `SELECT ${COLUMNS} FROM repositories r
  JOIN manifests m ON m.repository = r.id AND m.digest = ? WHERE r.name = ?`;
const BY_TAG = `SELECT ${COLUMNS} FROM repositories r
  JOIN tags t ON t.repository = r.id AND t.name = ? JOIN manifests m ON m.id = t.manifest WHERE r.name = ?`;

/** The work of `Metadata.manifest`: a tag has no colon, a digest has one. */
export function findManifest(
  database: Database,
  repository: string,
  reference: string,
): ManifestRecord | undefined {
  return database.get<ManifestRow>(reference.includes(":") ? BY_DIGEST : BY_TAG, reference, repository);
}

/** The bytes of a manifest that {@link findManifest} has found in the same moment. */
export function documentBytes(database: Database, digest: Digest): Uint8Array | undefined {
  return database.get<{ bytes: Uint8Array }>("SELECT bytes FROM documents WHERE digest = ?", digest)?.bytes;
}

/** The work of `Metadata.putManifest`, inside a transaction. */
export function putManifest(
  database: Database,
  repository: string,
  manifest: NewManifest,
  options: PutManifestOptions,
): PutManifestResult {
  const known = repositoryId(database, repository);
  const digests = missing(database, known, options.required ?? []);
  if (digests.length > 0) return { outcome: "missing", digests };
  const refused = options.tags.find((tag) => isRefused(database, known, tag, manifest.digest, options));
  if (refused !== undefined) return { outcome: "refused", tag: refused };

  const id = changeRepository(database, repository);
  const existing = database.get<{ id: number }>(
    "SELECT id FROM manifests WHERE repository = ? AND digest = ?",
    id,
    manifest.digest,
  )?.id;
  const row = existing ?? insertManifest(database, id, manifest);
  if (existing !== undefined) {
    database.run(
      "UPDATE manifests SET media_type = ?, pushed = ? WHERE id = ?",
      manifest.mediaType,
      Date.now(),
      row,
    );
  }
  for (const tag of options.tags) {
    database.run(
      `INSERT INTO tags (repository, name, manifest, moved) VALUES (?, ?, ?, ?)
       ON CONFLICT (repository, name) DO UPDATE SET manifest = excluded.manifest, moved = excluded.moved`,
      id,
      tag,
      row,
      Date.now(),
    );
  }
  assertQuota(database, repository, options.quota);
  return { outcome: "stored", created: existing === undefined };
}

function insertManifest(database: Database, repository: number, manifest: NewManifest): number {
  const { digest, mediaType, size, subject, artifactType, annotations } = manifest;
  const { id } = database.get<{ id: number }>(
    `INSERT INTO manifests (repository, digest, media_type, size, pushed, subject, artifact_type, annotations)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
    repository,
    digest,
    mediaType,
    size,
    Date.now(),
    subject ?? null,
    artifactType ?? null,
    subject === undefined || annotations === undefined ? null : JSON.stringify(annotations),
  )!;
  database.run("INSERT OR IGNORE INTO documents VALUES (?, ?)", digest, manifest.bytes);
  for (const link of [...manifest.blobs, ...manifest.manifests]) {
    database.run("INSERT OR IGNORE INTO links VALUES (?, ?, ?)", repository, link, id);
  }
  return id;
}

function missing(
  database: Database,
  repository: number | undefined,
  required: readonly Digest[],
): readonly Digest[] {
  if (repository === undefined) return required;
  return required.filter(
    (digest) =>
      database.get(
        `SELECT 1 FROM blobs b JOIN members m ON m.repository = ?1 AND m.blob = b.id
         WHERE b.digest = ?2 AND b.damaged = 0
         UNION ALL SELECT 1 FROM manifests WHERE repository = ?1 AND digest = ?2`,
        repository,
        digest,
      ) === undefined,
  );
}

function isRefused(
  database: Database,
  repository: number | undefined,
  tag: string,
  digest: Digest,
  { mayTag }: PutManifestOptions,
): boolean {
  if (mayTag === undefined) return false;
  const row = database.get<{ digest: string }>(
    "SELECT m.digest FROM tags t JOIN manifests m ON m.id = t.manifest WHERE t.repository = ? AND t.name = ?",
    repository ?? null,
    tag,
  );
  return row?.digest !== digest && !mayTag(tag, row === undefined ? "create" : "update");
}

/** The work of `Metadata.removeManifest`, inside a transaction. */
export function removeManifest(
  database: Database,
  repository: string,
  digest: Digest,
  mayLose?: (tag: string) => boolean,
): readonly string[] | TagRefusal | undefined {
  const row = database.get<{ id: number; repository: number }>(
    `SELECT m.id, m.repository FROM manifests m JOIN repositories r ON r.id = m.repository
     WHERE r.name = ? AND m.digest = ?`,
    repository,
    digest,
  );
  if (row === undefined) return undefined;
  const refusal = askTagsAbove(database, row.repository, digest, mayLose);
  if (refusal !== undefined) return refusal;
  const tags = database.all<{ name: string }>("DELETE FROM tags WHERE manifest = ? RETURNING name", row.id);
  database.run("DELETE FROM links WHERE manifest = ?", row.id);
  database.run("DELETE FROM manifests WHERE id = ?", row.id);
  database.run(
    "DELETE FROM documents WHERE digest = ?1 AND NOT EXISTS (SELECT 1 FROM manifests WHERE digest = ?1)",
    digest,
  );
  shrinkRepository(database, row.repository);
  return tags.map(({ name }) => name);
}

/** The work of `Metadata.removeTag`, inside a transaction. */
export function removeTag(database: Database, repository: string, tag: string): Digest | undefined {
  const row = database.get<{ repository: number; digest: Digest }>(
    `SELECT r.id AS repository, m.digest FROM repositories r
     JOIN tags t ON t.repository = r.id AND t.name = ? JOIN manifests m ON m.id = t.manifest WHERE r.name = ?`,
    tag,
    repository,
  );
  if (row === undefined) return undefined;
  database.run("DELETE FROM tags WHERE repository = ? AND name = ?", row.repository, tag);
  shrinkRepository(database, row.repository);
  return row.digest;
}
