import type { Database } from "../../../content/index.ts";
import type { DigestAlgorithm } from "../../../spec/index.ts";
import type { UploadRecord } from "../metadata.ts";

interface UploadRow {
  readonly id: string;
  readonly repository: string;
  readonly owner: string | null;
  readonly algorithm: DigestAlgorithm;
  readonly touched: number;
}

const COLUMNS = "id, repository, owner, algorithm, touched";

/** The work of `Metadata.beginUpload`, inside a transaction. */
export function beginUpload(database: Database, upload: UploadRecord): void {
  database.run(
    "INSERT INTO uploads (id, repository, owner, algorithm, touched) VALUES (?, ?, ?, ?, ?)",
    upload.id,
    upload.repository,
    upload.owner ?? null,
    upload.algorithm,
    upload.touched,
  );
}

/** The work of `Metadata.upload`. */
export function findUpload(database: Database, repository: string, id: string): UploadRecord | undefined {
  const sql = `SELECT ${COLUMNS} FROM uploads WHERE id = ? AND repository = ?`;
  return toRecord(database.get<UploadRow>(sql, id, repository));
}

/** The work of `Metadata.claimUpload`, inside a transaction. */
export function claimUpload(
  database: Database,
  repository: string,
  id: string,
  claim: { readonly holder: string; readonly until: number },
): UploadRecord | "busy" | undefined {
  const now = Date.now();
  const row = database.get<UploadRow>(
    `UPDATE uploads SET holder = ?1, held_until = ?2, touched = ?3
     WHERE id = ?4 AND repository = ?5 AND (holder IS NULL OR holder = ?1 OR held_until < ?3) RETURNING ${COLUMNS}`,
    claim.holder,
    claim.until,
    now,
    id,
    repository,
  );
  return toRecord(row) ?? (findUpload(database, repository, id) === undefined ? undefined : "busy");
}

/** The work of `Metadata.releaseUpload`, inside a transaction. */
export function releaseUpload(database: Database, id: string, holder: string): void {
  database.run("UPDATE uploads SET holder = NULL, held_until = 0 WHERE id = ? AND holder = ?", id, holder);
}

/** The work of `Metadata.endUpload`, inside a transaction. */
export function endUpload(database: Database, id: string): boolean {
  if (database.run("DELETE FROM uploads WHERE id = ?", id) === 0) return false;
  database.run("INSERT INTO orphans VALUES (?, NULL, 0)", id);
  return true;
}

/** The work of `Metadata.expireUploads`, inside a transaction. */
export function expireUploads(database: Database, before: number, limit: number): readonly string[] {
  const ids = database
    .all<{ id: string }>(
      `SELECT id FROM uploads WHERE touched < ? AND (holder IS NULL OR held_until < ?)
       ORDER BY touched LIMIT ?`,
      before,
      Date.now(),
      limit,
    )
    .map(({ id }) => id);
  for (const id of ids) endUpload(database, id);
  return ids;
}

/** The work of `Metadata.countUploads`. */
export function countUploads(database: Database, repository?: string): number {
  const row =
    repository === undefined
      ? database.get<{ count: number }>("SELECT count(*) AS count FROM uploads")
      : database.get<{ count: number }>(
          "SELECT count(*) AS count FROM uploads WHERE repository = ?",
          repository,
        );
  return row!.count;
}

function toRecord(row: UploadRow | undefined): UploadRecord | undefined {
  if (row === undefined) return undefined;
  const { owner, ...rest } = row;
  return owner === null ? rest : { ...rest, owner };
}
