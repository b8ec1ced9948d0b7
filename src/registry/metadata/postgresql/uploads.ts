import type { DigestAlgorithm } from "../../../spec/index.ts";
import type { UploadRecord } from "../metadata.ts";
import type { Sql } from "./connection.ts";

interface UploadRow {
  readonly id: string;
  readonly repository: string;
  readonly owner: string | null;
  readonly algorithm: DigestAlgorithm;
  readonly touched: number;
}

/** The work of `Metadata.beginUpload`. */
export async function beginUpload(sql: Sql, upload: UploadRecord): Promise<void> {
  await sql`
    INSERT INTO uploads (id, repository, owner, algorithm, touched)
    VALUES (${upload.id}, ${upload.repository}, ${upload.owner ?? null}, ${upload.algorithm}, ${upload.touched})`;
}

/** The work of `Metadata.upload`. */
export async function findUpload(
  sql: Sql,
  repository: string,
  id: string,
): Promise<UploadRecord | undefined> {
  const [row] = await sql<[UploadRow?]>`
    SELECT id, repository, owner, algorithm, touched FROM uploads WHERE id = ${id} AND repository = ${repository}`;
  return toRecord(row);
}

/** The work of `Metadata.claimUpload`. Clocks of servers should not be minutes apart. */
export async function claimUpload(
  sql: Sql,
  repository: string,
  id: string,
  claim: { readonly holder: string; readonly until: number },
): Promise<UploadRecord | "busy" | undefined> {
  const now = Date.now();
  const [row] = await sql<[UploadRow?]>`
    UPDATE uploads SET holder = ${claim.holder}, held_until = ${claim.until}, touched = ${now}
    WHERE id = ${id} AND repository = ${repository}
    AND (holder IS NULL OR holder = ${claim.holder} OR held_until < ${now})
    RETURNING id, repository, owner, algorithm, touched`;
  return toRecord(row) ?? ((await findUpload(sql, repository, id)) === undefined ? undefined : "busy");
}

/** The work of `Metadata.releaseUpload`. */
export async function releaseUpload(sql: Sql, id: string, holder: string): Promise<void> {
  await sql`UPDATE uploads SET holder = NULL, held_until = 0 WHERE id = ${id} AND holder = ${holder}`;
}

/** The work of `Metadata.endUpload`. */
export async function endUpload(sql: Sql, id: string): Promise<boolean> {
  const ended = await sql`
    WITH ended AS (DELETE FROM uploads WHERE id = ${id} RETURNING id)
    INSERT INTO orphans SELECT id, NULL, 0 FROM ended`;
  return ended.count > 0;
}

/** The work of `Metadata.expireUploads`; servers that expire at the same time share the work. */
export async function expireUploads(sql: Sql, before: number, limit: number): Promise<readonly string[]> {
  const rows = await sql<{ key: string }[]>`
    WITH ended AS (
      DELETE FROM uploads WHERE id IN (
        SELECT id FROM uploads WHERE touched < ${before} AND (holder IS NULL OR held_until < ${Date.now()})
        ORDER BY touched LIMIT ${limit} FOR UPDATE SKIP LOCKED)
      RETURNING id)
    INSERT INTO orphans SELECT id, NULL, 0 FROM ended RETURNING key`;
  return rows.map(({ key }) => key);
}

/** The work of `Metadata.countUploads`. */
export async function countUploads(sql: Sql, repository?: string): Promise<number> {
  const [row] = await sql<[{ count: number }]>`
    SELECT count(*) AS count FROM uploads ${repository === undefined ? sql`` : sql`WHERE repository = ${repository}`}`;
  return row.count;
}

function toRecord(row: UploadRow | undefined): UploadRecord | undefined {
  if (row === undefined) return undefined;
  const { owner, ...rest } = row;
  return owner === null ? rest : { ...rest, owner };
}
