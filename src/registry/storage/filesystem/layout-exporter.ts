import { randomUUID } from "node:crypto";
import { bootID, type Database } from "../../../content/index.ts";
import { type LayoutSources, layoutDirectory, removeLayout, writeLayout } from "./layout-files.ts";
import {
  beginBoot,
  claimLayouts,
  exists,
  forgetRemoved,
  layoutContent,
  manifestBytes,
  markExported,
  releaseLayouts,
  removedRepositories,
  staleRepositories,
} from "./layout-rows.ts";

/** Changes gather so long before layouts are written; after long work for longer, so that pushes go first. */
const GATHER_MS = 1000;
const REST_FACTOR = 10;
/** How often changes of other processes are looked for. */
const POLL_MS = 10_000;
const BATCH = 20;

/**
 * Keeps an OCI layout of each repository beside the rows, for other tools to read. It follows the rows a
 * moment later; what a killed process did not get to is seen in the rows, and made good by the next one.
 */
export class LayoutExporter implements AsyncDisposable {
  readonly #root: string;
  readonly #database: Database;
  readonly #sources: LayoutSources;
  readonly #onFailure: (error: unknown) => void;
  readonly #holder = randomUUID();
  readonly #poll: NodeJS.Timeout;
  /** Directories whose files have been looked at. */
  readonly #seen = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #changed = false;
  #rest = GATHER_MS;
  #closed = false;

  constructor(
    root: string,
    database: Database,
    blobPath: (key: string) => string,
    onFailure: (error: unknown) => void,
  ) {
    this.#root = root;
    this.#database = database;
    this.#sources = { blobPath, manifest: (digest) => manifestBytes(database, digest) };
    this.#onFailure = onFailure;
    beginBoot(database, bootID());
    this.#poll = setInterval(() => this.changed(), POLL_MS).unref();
    this.changed();
  }

  /** Something may have changed. */
  changed(): void {
    this.#changed = true;
    if (this.#timer !== undefined || this.#running !== undefined || this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#running = this.#work();
    }, this.#rest).unref();
  }

  /** Resolves when all layouts show what was true at the call. */
  async settle(): Promise<void> {
    await this.#running;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#running ??= this.#work();
    await this.#running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearInterval(this.#poll);
    await this.settle();
    releaseLayouts(this.#database, this.#holder);
  }

  async #work(): Promise<void> {
    this.#changed = false;
    const started = performance.now();
    try {
      await this.#export();
    } catch (error) {
      this.#onFailure(error);
    }
    this.#running = undefined;
    this.#rest = Math.max(GATHER_MS, (performance.now() - started) * REST_FACTOR);
    if (this.#changed) this.changed();
  }

  /** One pass: what changes meanwhile is for the next one, after a rest. */
  async #export(): Promise<void> {
    const removed = removedRepositories(this.#database);
    let stale = staleRepositories(this.#database, 0, BATCH);
    if (stale.length === 0 && removed.length === 0) return;
    if (!claimLayouts(this.#database, this.#holder)) return; // another process writes them
    for (const name of removed) {
      if (!exists(this.#database, name)) await removeLayout(this.#root, name);
      forgetRemoved(this.#database, name);
    }
    for (; stale.length > 0; stale = staleRepositories(this.#database, stale.at(-1)!.id, BATCH)) {
      if (!claimLayouts(this.#database, this.#holder)) return;
      for (const repository of stale) {
        const content = layoutContent(this.#database, repository.id);
        const directory = layoutDirectory(this.#root, repository.name);
        await writeLayout(directory, content, this.#sources, this.#seen.has(directory));
        this.#seen.add(directory);
        markExported(this.#database, repository);
      }
    }
  }
}
