import type { Annotations, Digest } from "../../../spec/index.ts";
import type { Page, Referrer } from "../metadata.ts";
import type { Sql } from "./connection.ts";
import { repositoryId } from "./repositories.ts";

/** The work of `Metadata.tags`. */
export async function listTags(
  sql: Sql,
  repository: string,
  page: Page,
): Promise<readonly string[] | undefined> {
  const id = await repositoryId(sql, repository);
  if (id === undefined) return undefined;
  const rows = await sql<{ name: string }[]>`
    SELECT name FROM tags WHERE repository = ${id} AND name > ${page.after ?? ""} ORDER BY name LIMIT ${page.limit}`;
  return rows.map(({ name }) => name);
}

/** The work of `Metadata.repositories`. */
export async function listRepositories(sql: Sql, page: Page): Promise<readonly string[]> {
  const rows = await sql<{ name: string }[]>`
    SELECT name FROM repositories WHERE name > ${page.after ?? ""} ORDER BY name LIMIT ${page.limit}`;
  return rows.map(({ name }) => name);
}

interface ReferrerRow {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly size: number;
  readonly artifactType: string | null;
  readonly annotations: string | null;
}

/** The work of `Metadata.referrers`. */
export async function listReferrers(
  sql: Sql,
  repository: string,
  subject: Digest,
  page: Page & { readonly artifactType?: string },
): Promise<readonly Referrer[]> {
  const { after = "", limit, artifactType } = page;
  const rows = await sql<ReferrerRow[]>`
    SELECT m.digest, m.media_type AS "mediaType", m.size, m.artifact_type AS "artifactType", m.annotations
    FROM repositories r JOIN manifests m ON m.repository = r.id
    WHERE r.name = ${repository} AND m.subject = ${subject} AND m.digest > ${after}
    ${artifactType === undefined ? sql`` : sql`AND m.artifact_type = ${artifactType}`}
    ORDER BY m.digest LIMIT ${limit}`;
  return rows.map(({ artifactType: type, annotations, ...record }) => ({
    ...record,
    ...(type === null ? {} : { artifactType: type }),
    ...(annotations === null ? {} : { annotations: JSON.parse(annotations) as Annotations }),
  }));
}
