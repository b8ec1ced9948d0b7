import { mkdirSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatIdentity, isAlive, parseIdentity, selfIdentity } from "../host/index.ts";
import { readText } from "./container-files.ts";
import type { StoredContainer } from "./stored-container.ts";

const RECORD = "record.json";
const DRAFT = ".new-";

/** A container's directory that was not finished. */
export interface Draft {
  readonly path: string;
  /** What it was to become; undefined when not even that had been written. */
  readonly container: StoredContainer | undefined;
}

/**
 * Containers of `run --rm` in the foreground without a name of the user's choice. They have no row in the database,
 * because writing one would cost more than everything else that such a start does, but a record in their own
 * directory, which is made under another name and renamed: the directory is there with its record, or not at all.
 * When the container ends the executor removes the directory, and nothing is left.
 */
export class FleetingRecords {
  readonly #directory: string;

  constructor(root: string) {
    this.#directory = join(root, "containers");
  }

  get(id: string): StoredContainer | undefined {
    return readRecord(join(this.#directory, id));
  }

  list(): StoredContainer[] {
    return this.ids().flatMap((id) => this.get(id) ?? []);
  }

  /** Every directory of a container, of those with a row too. */
  ids(): string[] {
    return this.#names().filter((name) => /^[0-9a-f]{64}$/.test(name));
  }

  /** Makes the directory that {@link publish} gives its name; returns its path. */
  draft(container: StoredContainer): string {
    const identity = formatIdentity(selfIdentity()).replace(" ", "-");
    const path = join(this.#directory, `${DRAFT}${identity}-${container.id}`);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    writeFileSync(join(path, RECORD), JSON.stringify(container), { mode: 0o600 });
    return path;
  }

  publish(draft: string, id: string): void {
    renameSync(draft, join(this.#directory, id));
  }

  /** What makers left who were killed. */
  abandonedDrafts(): Draft[] {
    return this.drafts().filter(({ path }) => {
      const match = /\.new-(\d+)-(\d+)-/.exec(path);
      const identity = match === null ? undefined : parseIdentity(`${match[1]} ${match[2]}`);
      return identity !== undefined && !isAlive(identity);
    });
  }

  /** What is being made, and what makers left who were killed. */
  drafts(): Draft[] {
    return this.#names().flatMap((name) => {
      if (!name.startsWith(DRAFT)) return [];
      const path = join(this.#directory, name);
      return [{ path, container: readRecord(path) }];
    });
  }

  #names(): string[] {
    try {
      return readdirSync(this.#directory);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw error;
    }
  }
}

function readRecord(directory: string): StoredContainer | undefined {
  const text = readText(join(directory, RECORD));
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as StoredContainer;
  } catch {
    return undefined; // cut short by a power cut: what it stood for is gone
  }
}
