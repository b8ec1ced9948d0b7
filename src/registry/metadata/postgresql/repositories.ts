import type { Sql, Transaction } from "./connection.ts";

/*
 * Locks. Servers change the same rows at once, and a check is worth something only while what it saw cannot change. So
 * each transaction locks in one order: repositories (by id), then blobs (by id), then documents. A check stands in a
 * statement of its own after the lock, for a statement sees what was committed before it began.
 */

/** Locks a repository's row, made where it is missing, against everything else that changes the repository. */
export async function lockOrMakeRepository(transaction: Transaction, name: string): Promise<number> {
  const [row] = await transaction<[{ id: number }]>`
    INSERT INTO repositories (name) VALUES (${name})
    ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id`;
  return row.id;
}

/** The same for one that exists; undefined when there is none. */
export async function lockRepository(transaction: Transaction, name: string): Promise<number | undefined> {
  const [row] = await transaction<
    [{ id: number }?]
  >`SELECT id FROM repositories WHERE name = ${name} FOR UPDATE`;
  return row?.id;
}

/** A repository that exists, without a lock. */
export async function repositoryId(sql: Sql | Transaction, name: string): Promise<number | undefined> {
  const [row] = await sql<[{ id: number }?]>`SELECT id FROM repositories WHERE name = ${name}`;
  return row?.id;
}

/** A locked repository goes with its last manifest and blob. */
export async function shrinkRepository(transaction: Transaction, id: number): Promise<void> {
  await transaction`
    DELETE FROM repositories WHERE id = ${id}
    AND NOT EXISTS (SELECT 1 FROM members WHERE repository = ${id})
    AND NOT EXISTS (SELECT 1 FROM manifests WHERE repository = ${id})`;
}
