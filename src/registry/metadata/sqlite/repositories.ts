import type { Database } from "../../../content/index.ts";

/** The row of a repository, created where it is missing, with its revision raised: something in it changes. */
export function changeRepository(database: Database, name: string): number {
  return database.get<{ id: number }>(
    `INSERT INTO repositories (name, revision) VALUES (?, 1)
     ON CONFLICT (name) DO UPDATE SET revision = revision + 1 RETURNING id`,
    name,
  )!.id;
}

/** The row of a repository that exists. */
export function repositoryId(database: Database, name: string): number | undefined {
  return database.get<{ id: number }>("SELECT id FROM repositories WHERE name = ?", name)?.id;
}

/** Notes that something left a repository; with its last manifest and blob it goes itself. */
export function shrinkRepository(database: Database, id: number): void {
  const gone = database.run(
    `DELETE FROM repositories WHERE id = ?1
     AND NOT EXISTS (SELECT 1 FROM members WHERE repository = ?1)
     AND NOT EXISTS (SELECT 1 FROM manifests WHERE repository = ?1)`,
    id,
  );
  if (gone === 0) database.run("UPDATE repositories SET revision = revision + 1 WHERE id = ?", id);
}
