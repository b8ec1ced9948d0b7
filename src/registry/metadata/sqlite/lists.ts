import type { Database } from "../../../content/index.ts";
import type { Annotations, Digest } from "../../../spec/index.ts";
import type { Page, Referrer } from "../metadata.ts";
import { repositoryId } from "./repositories.ts";

/** The work of `Metadata.tags`. SQLite compares text by its bytes. */
export function listTags(database: Database, repository: string, page: Page): readonly string[] | undefined {
  const id = repositoryId(database, repository);
  if (id === undefined) return undefined;
  return database
    .all<{ name: string }>(
      "SELECT name FROM tags WHERE repository = ? AND name > ? ORDER BY name LIMIT ?",
      id,
      page.after ?? "",
      page.limit,
    )
    .map(({ name }) => name);
}

/** The work of `Metadata.repositories`. */
export function listRepositories(database: Database, page: Page): readonly string[] {
  return database
    .all<{ name: string }>(
      "SELECT name FROM repositories WHERE name > ? ORDER BY name LIMIT ?",
      page.after ?? "",
      page.limit,
    )
    .map(({ name }) => name);
}

interface ReferrerRow {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly size: number;
  readonly artifactType: string | null;
  readonly annotations: string | null;
}

/** The work of `Metadata.referrers`. */
export function listReferrers(
  database: Database,
  repository: string,
  subject: Digest,
  page: Page & { readonly artifactType?: string },
): readonly Referrer[] {
  return database
    .all<ReferrerRow>(
      `SELECT m.digest, m.media_type AS "mediaType", m.size, m.artifact_type AS "artifactType", m.annotations
       FROM repositories r JOIN manifests m ON m.repository = r.id
       WHERE r.name = ?1 AND m.subject = ?2 AND m.digest > ?3 AND (?4 IS NULL OR m.artifact_type = ?4)
       ORDER BY m.digest LIMIT ?5`,
      repository,
      subject,
      page.after ?? "",
      page.artifactType ?? null,
      page.limit,
    )
    .map(({ artifactType, annotations, ...record }) => ({
      ...record,
      ...(artifactType === null ? {} : { artifactType }),
      ...(annotations === null ? {} : { annotations: JSON.parse(annotations) as Annotations }),
    }));
}
