import type { Descriptor, Digest } from "../spec/index.ts";
import { CortenError } from "../spec/index.ts";
import type { Database } from "./database.ts";

/** One name and the index or manifest it means. */
export interface NamedContent {
  readonly name: string;
  readonly descriptor: Descriptor;
  /** When the name last changed, in milliseconds since 1970. */
  readonly updated: number;
}

interface Row {
  readonly name: string;
  readonly media_type: string;
  readonly digest: Digest;
  readonly size: number;
  readonly updated: number;
}

const COLUMNS = "SELECT name, media_type, digest, size, updated FROM names";

/**
 * The names of images. Names are opaque here; by convention they are canonical references
 * (`docker.io/library/alpine:latest`, `docker.io/library/alpine@sha256:…`). What a name leads to is
 * kept by garbage collection. Changes are durable when the call returns.
 */
export class Names {
  readonly #database: Database;
  readonly #has: (descriptor: Descriptor) => boolean;
  readonly #changed: () => void;

  constructor(database: Database, has: (descriptor: Descriptor) => boolean, changed: () => void) {
    this.#database = database;
    this.#has = has;
    this.#changed = changed;
  }

  get(name: string): NamedContent | undefined {
    const row = this.#database.get<Row>(`${COLUMNS} WHERE name = ?`, name);
    return row === undefined ? undefined : fromRow(row);
  }

  /** All names, sorted. */
  list(): NamedContent[] {
    return this.#database.all<Row>(`${COLUMNS} ORDER BY name`).map(fromRow);
  }

  /** The names that mean `digest`, sorted. */
  of(digest: Digest): NamedContent[] {
    return this.#database.all<Row>(`${COLUMNS} WHERE digest = ? ORDER BY name`, digest).map(fromRow);
  }

  /**
   * Makes `name` mean `descriptor`, whatever it meant before. The caller holds a lease on the
   * content, or calls inside a transaction that has seen another name for it: otherwise a collection
   * could remove it before the name is there.
   *
   * @throws not-found when the blob is not in the store
   */
  set(name: string, descriptor: Descriptor): void {
    checkName(name);
    this.#database.transaction(
      () => {
        if (!this.#has(descriptor)) {
          throw new CortenError(
            "not-found",
            `cannot name ${descriptor.digest} "${name}": it is not in the store`,
          );
        }
        const before = this.get(name)?.descriptor;
        const { mediaType, digest, size } = descriptor;
        if (before?.digest === digest && before.mediaType === mediaType && before.size === size) return;
        this.#database.run(
          `INSERT INTO names VALUES (?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET
             media_type = excluded.media_type, digest = excluded.digest, size = excluded.size, updated = excluded.updated`,
          name,
          mediaType,
          digest,
          size,
          Date.now(),
        );
        this.#database.afterCommit(this.#changed);
      },
      { durable: true },
    );
  }

  /** Removes a name; returns false when there was none. The content stays until it is collected. */
  remove(name: string): boolean {
    return this.#database.transaction(
      () => {
        if (this.#database.run("DELETE FROM names WHERE name = ?", name) === 0) return false;
        this.#database.afterCommit(this.#changed);
        return true;
      },
      { durable: true },
    );
  }
}

function fromRow({ name, media_type, digest, size, updated }: Row): NamedContent {
  return { name, descriptor: { mediaType: media_type, digest, size }, updated };
}

/** Names go into a JSON file and onto terminals. */
function checkName(name: string): void {
  if (name === "" || name.length > 1024 || /[\x00-\x20\x7f]/.test(name)) {
    const shown = JSON.stringify(name.slice(0, 100));
    throw new CortenError("invalid-argument", `${shown} cannot be the name of an image`);
  }
}
