import { CortenError } from "../spec/index.ts";
import type { Database } from "./database.ts";

/** One change of a schema: SQL, or a function for what SQL alone cannot do. Runs inside a transaction. */
export type SchemaStep = string | ((database: Database) => void);

/** The tables of one room. Steps are only ever appended: a step that was released never changes. */
export interface Schema {
  readonly name: string;
  readonly steps: readonly SchemaStep[];
}

/**
 * Defines the tables of one room in `corten.db`. Give it to `openDatabase` or `database.migrate`: the
 * steps that a database has not seen yet run in order, once, whichever process comes first.
 *
 * @param name unique among rooms, e.g. `engine`
 */
export function defineSchema(name: string, steps: readonly SchemaStep[]): Schema {
  return { name, steps };
}

/** Brings `schema` up to date. Several processes may do this at once: one works, the others wait for it. */
export function migrate(database: Database, schema: Schema): void {
  if (versionOf(database, schema) === schema.steps.length) return;
  database.enterWriteAheadMode();
  database.transaction(
    () => {
      database.exec(
        "CREATE TABLE IF NOT EXISTS schema_version (name TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT",
      );
      const version = versionOf(database, schema);
      if (version > schema.steps.length) throw fromTheFuture(database, schema, version);
      for (const step of schema.steps.slice(version)) {
        if (typeof step === "string") database.exec(step);
        else step(database);
      }
      database.run(
        "INSERT INTO schema_version VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET version = excluded.version",
        schema.name,
        schema.steps.length,
      );
    },
    { durable: true },
  );
}

function versionOf(database: Database, schema: Schema): number {
  if (!database.hasVersions()) return 0;
  const row = database.get<{ version: number }>(
    "SELECT version FROM schema_version WHERE name = ?",
    schema.name,
  );
  return row?.version ?? 0;
}

function fromTheFuture(database: Database, schema: Schema, version: number): CortenError {
  return new CortenError(
    "failed-precondition",
    `${database.path} has version ${version} of the "${schema.name}" tables, newer than version ${schema.steps.length} that this Corten knows`,
    { hint: "use the newer Corten that wrote it, or another data directory" },
  );
}
