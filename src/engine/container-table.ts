import type { Database, Schema } from "../content/index.ts";
import { defineSchema } from "../content/index.ts";
import type { Digest } from "../spec/index.ts";
import type { ContainerDetails, StoredContainer } from "./stored-container.ts";

/** Tables of this room in `corten.db`. */
export const ENGINE_SCHEMA: Schema = defineSchema("engine", [
  `CREATE TABLE containers (
     id TEXT PRIMARY KEY,
     name TEXT NOT NULL UNIQUE,
     created INTEGER NOT NULL,
     -- the process that makes it, or runs it in the foreground: boot, PID and start time
     owner TEXT NOT NULL,
     -- 1 when its files are all there
     complete INTEGER NOT NULL,
     auto_remove INTEGER NOT NULL,
     -- milliseconds of the latest start, NULL for none
     started INTEGER,
     -- the configuration digest of its image, NULL for a root directory
     image_id TEXT,
     details TEXT NOT NULL
   ) STRICT;
   CREATE INDEX containers_image ON containers (image_id);`,
]);

interface Row {
  readonly id: string;
  readonly name: string;
  readonly created: number;
  readonly owner: string;
  readonly complete: number;
  readonly auto_remove: number;
  readonly started: number | null;
  readonly image_id: Digest | null;
  readonly details: string;
}

/** The table of containers. */
export class ContainerTable {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  get(id: string): StoredContainer | undefined {
    const row = this.#database.get<Row>("SELECT * FROM containers WHERE id = ?", id);
    return row === undefined ? undefined : fromRow(row);
  }

  byName(name: string): StoredContainer | undefined {
    const row = this.#database.get<Row>("SELECT * FROM containers WHERE name = ?", name);
    return row === undefined ? undefined : fromRow(row);
  }

  /** All of them. */
  list(): StoredContainer[] {
    return this.#database.all<Row>("SELECT * FROM containers").map(fromRow);
  }

  /** Containers that a killed process may have left: of `--rm`, or half made. */
  fleeting(): StoredContainer[] {
    const sql = "SELECT * FROM containers WHERE auto_remove = 1 OR complete = 0";
    return this.#database.all<Row>(sql).map(fromRow);
  }

  /** Returns false when the name is taken. */
  insert(container: StoredContainer): boolean {
    return this.#database.transaction(() => {
      const { id, name, created, owner, complete, autoRemove, started, imageID, details } = container;
      const changed = this.#database.run(
        "INSERT INTO containers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO NOTHING",
        id,
        name,
        created,
        owner,
        complete ? 1 : 0,
        autoRemove ? 1 : 0,
        started,
        imageID,
        JSON.stringify(details),
      );
      return changed === 1;
    });
  }

  setComplete(id: string): void {
    this.#change("UPDATE containers SET complete = 1 WHERE id = ?", id);
  }

  setStarted(id: string, time: number): void {
    this.#change("UPDATE containers SET started = ? WHERE id = ?", time, id);
  }

  remove(id: string): void {
    this.#change("DELETE FROM containers WHERE id = ?", id);
  }

  #change(sql: string, ...values: (string | number)[]): void {
    this.#database.transaction(() => this.#database.run(sql, ...values));
  }

  /** Containers whose ID begins with these digits: two at most, which is one too many already. */
  beginning(digits: string): StoredContainer[] {
    const sql = "SELECT * FROM containers WHERE substr(id, 1, ?) = ? LIMIT 2";
    return this.#database.all<Row>(sql, digits.length, digits).map(fromRow);
  }
}

function fromRow(row: Row): StoredContainer {
  return {
    id: row.id,
    name: row.name,
    created: row.created,
    owner: row.owner,
    complete: row.complete === 1,
    autoRemove: row.auto_remove === 1,
    started: row.started,
    imageID: row.image_id,
    // Written by this room alone, in the same database transaction as the rest of the row.
    details: JSON.parse(row.details) as ContainerDetails,
  };
}
