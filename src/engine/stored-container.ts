import type { Database, Schema } from "../content/index.ts";
import { defineSchema } from "../content/index.ts";
import { CortenError, type Digest } from "../spec/index.ts";
import type { ContainerOptions } from "./container-options.ts";
import type { ContainerMount } from "./spec/mounts.ts";

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

/** What is decided when a container is made, and never changes. */
export interface ContainerDetails {
  readonly options: ContainerOptions;
  /** As the user named it; the path for a root directory. */
  readonly image: string;
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly workingDirectory: string;
  readonly user: string;
  readonly hostname: string;
  readonly mounts: readonly ContainerMount[];
  readonly labels: Readonly<Record<string, string>>;
  readonly stopSignal: string;
  readonly stopTimeout: number;
}

/** A row of `containers`. */
export interface StoredContainer {
  readonly id: string;
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly created: number;
  readonly owner: string;
  readonly complete: boolean;
  readonly autoRemove: boolean;
  readonly started: number | null;
  readonly imageID: Digest | null;
  readonly details: ContainerDetails;
}

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

  /** All, the newest first. */
  list(): StoredContainer[] {
    return this.#database.all<Row>("SELECT * FROM containers ORDER BY created DESC, id").map(fromRow);
  }

  /** Containers that a killed process may have left: of `--rm`, or half made. */
  fleeting(): StoredContainer[] {
    const sql = "SELECT * FROM containers WHERE auto_remove = 1 OR complete = 0";
    return this.#database.all<Row>(sql).map(fromRow);
  }

  /**
   * The container that `reference` means: a name, an ID, or the beginning of one ID alone.
   *
   * @throws not-found; invalid-argument when it is the beginning of several
   */
  find(reference: string): StoredContainer {
    const exact = this.get(reference) ?? this.byName(reference);
    if (exact !== undefined) return exact;
    const found = /^[0-9a-f]{1,64}$/.test(reference) ? this.#beginning(reference) : [];
    if (found.length === 1) return found[0]!;
    const shown = reference.slice(0, 100);
    if (found.length === 0) throw new CortenError("not-found", `no such container: ${shown}`);
    throw new CortenError("invalid-argument", `"${shown}" is the beginning of several containers' IDs`, {
      hint: "give more digits of the ID, or the name",
    });
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

  #beginning(digits: string): StoredContainer[] {
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
