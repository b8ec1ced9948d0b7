import type { Digest } from "../../../spec/index.ts";
import type {
  ManifestRecord,
  NewManifest,
  PutManifestOptions,
  PutManifestResult,
  TagRefusal,
} from "../metadata.ts";
import type { Sql, Transaction } from "./connection.ts";
import { lockOrMakeRepository, lockRepository, shrinkRepository } from "./repositories.ts";
import { askTagsAbove } from "./tags-above.ts";
import { assertQuota } from "./usage.ts";

/** The work of `Metadata.manifest`: a tag has no colon, a digest has one. */
export async function findManifest(
  sql: Sql,
  repository: string,
  reference: string,
): Promise<ManifestRecord | undefined> {
  const [row] = reference.includes(":")
    ? await sql<[ManifestRecord?]>`
        SELECT m.digest, m.media_type AS "mediaType", m.size FROM repositories r
        JOIN manifests m ON m.repository = r.id AND m.digest = ${reference} WHERE r.name = ${repository}`
    : await sql<[ManifestRecord?]>`
        SELECT m.digest, m.media_type AS "mediaType", m.size FROM repositories r
        JOIN tags t ON t.repository = r.id AND t.name = ${reference} JOIN manifests m ON m.id = t.manifest
        WHERE r.name = ${repository}`;
  return row;
}

/** The bytes of a manifest that {@link findManifest} has found a moment ago. */
export async function documentBytes(sql: Sql, digest: Digest): Promise<Uint8Array | undefined> {
  const [row] = await sql<[{ bytes: Uint8Array }?]>`SELECT bytes FROM documents WHERE digest = ${digest}`;
  return row?.bytes;
}

/** The work of `Metadata.putManifest`; the caller rolls back unless the outcome is "stored". */
export async function putManifest(
  transaction: Transaction,
  repository: string,
  manifest: NewManifest,
  options: PutManifestOptions,
): Promise<PutManifestResult> {
  const id = await lockOrMakeRepository(transaction, repository);
  const digests = await missing(transaction, id, options.required ?? []);
  if (digests.length > 0) return { outcome: "missing", digests };
  const refused = await refusedTag(transaction, id, manifest.digest, options);
  if (refused !== undefined) return { outcome: "refused", tag: refused };
  const [existing] = await transaction<[{ id: number }?]>`
    UPDATE manifests SET media_type = ${manifest.mediaType}, pushed = ${Date.now()}
    WHERE repository = ${id} AND digest = ${manifest.digest} RETURNING id`;
  const row = existing?.id ?? (await insertManifest(transaction, id, manifest));
  for (const tag of options.tags) {
    await transaction`
      INSERT INTO tags VALUES (${id}, ${tag}, ${row}, ${Date.now()})
      ON CONFLICT (repository, name) DO UPDATE SET manifest = excluded.manifest, moved = excluded.moved`;
  }
  await assertQuota(transaction, repository, options.quota);
  return { outcome: "stored", created: existing === undefined };
}

async function insertManifest(
  transaction: Transaction,
  repository: number,
  manifest: NewManifest,
): Promise<number> {
  const { digest, mediaType, size, subject, artifactType, annotations } = manifest;
  const [{ id }] = await transaction<[{ id: number }]>`
    INSERT INTO manifests (repository, digest, media_type, size, pushed, subject, artifact_type, annotations)
    VALUES (${repository}, ${digest}, ${mediaType}, ${size}, ${Date.now()}, ${subject ?? null}, ${artifactType ?? null},
      ${subject === undefined || annotations === undefined ? null : JSON.stringify(annotations)})
    RETURNING id`;
  // The update locks the row: whoever removes the last other manifest of these bytes waits, and then finds this one.
  await transaction`
    INSERT INTO documents VALUES (${digest}, ${manifest.bytes as Buffer})
    ON CONFLICT (digest) DO UPDATE SET digest = excluded.digest`;
  const links = [...new Set([...manifest.blobs, ...manifest.manifests])];
  if (links.length > 0) {
    await transaction`
      INSERT INTO links SELECT ${repository}, digest, ${id} FROM unnest(${links}::text[]) AS digest`;
  }
  return id;
}

async function missing(
  transaction: Transaction,
  repository: number,
  required: readonly Digest[],
): Promise<readonly Digest[]> {
  if (required.length === 0) return [];
  const rows = await transaction<{ digest: Digest }[]>`
    SELECT b.digest FROM blobs b JOIN members m ON m.repository = ${repository} AND m.blob = b.id
    WHERE b.digest IN ${transaction(required)} AND NOT b.damaged
    UNION ALL SELECT digest FROM manifests WHERE repository = ${repository} AND digest IN ${transaction(required)}`;
  const present = new Set(rows.map(({ digest }) => digest));
  return required.filter((digest) => !present.has(digest));
}

async function refusedTag(
  transaction: Transaction,
  repository: number,
  digest: Digest,
  { tags, mayTag }: PutManifestOptions,
): Promise<string | undefined> {
  if (mayTag === undefined || tags.length === 0) return undefined;
  const rows = await transaction<{ name: string; digest: Digest }[]>`
    SELECT t.name, m.digest FROM tags t JOIN manifests m ON m.id = t.manifest
    WHERE t.repository = ${repository} AND t.name IN ${transaction(tags)}`;
  const present = new Map(rows.map((row) => [row.name, row.digest]));
  return tags.find(
    (tag) => present.get(tag) !== digest && !mayTag(tag, present.has(tag) ? "update" : "create"),
  );
}

/** The work of `Metadata.removeManifest`. */
export async function removeManifest(
  transaction: Transaction,
  repository: string,
  digest: Digest,
  mayLose?: (tag: string) => boolean,
): Promise<readonly string[] | TagRefusal | undefined> {
  const id = await lockRepository(transaction, repository);
  if (id === undefined) return undefined;
  const [row] = await transaction<[{ id: number }?]>`
    SELECT id FROM manifests WHERE repository = ${id} AND digest = ${digest}`;
  if (row === undefined) return undefined;
  const refusal = await askTagsAbove(transaction, id, digest, mayLose);
  if (refusal !== undefined) return refusal;
  const tags = await transaction<
    { name: string }[]
  >`DELETE FROM tags WHERE manifest = ${row.id} RETURNING name`;
  await transaction`DELETE FROM links WHERE manifest = ${row.id}`;
  await transaction`DELETE FROM manifests WHERE id = ${row.id}`;
  await transaction`SELECT 1 FROM documents WHERE digest = ${digest} FOR UPDATE`;
  await transaction`
    DELETE FROM documents WHERE digest = ${digest} AND NOT EXISTS (SELECT 1 FROM manifests WHERE digest = ${digest})`;
  await shrinkRepository(transaction, id);
  return tags.map(({ name }) => name);
}

/** The work of `Metadata.removeTag`. */
export async function removeTag(
  transaction: Transaction,
  repository: string,
  tag: string,
): Promise<Digest | undefined> {
  const id = await lockRepository(transaction, repository);
  if (id === undefined) return undefined;
  const [row] = await transaction<[{ digest: Digest }?]>`
    DELETE FROM tags t USING manifests m WHERE t.repository = ${id} AND t.name = ${tag} AND m.id = t.manifest
    RETURNING m.digest`;
  return row?.digest;
}
