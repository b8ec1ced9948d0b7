import { closeSync, existsSync, fdatasync, fstatSync, fsyncSync, openSync, writeSync } from "node:fs";
import type { Database } from "../../../content/index.ts";
import { CortenError } from "../../../spec/index.ts";
import { SharedSync } from "../../storage/shared-sync.ts";

/** Frames that gather before SQLite moves them into the database file, for which everybody waits. */
const CHECKPOINT_PAGES = 4000;
/** Room for them: a page of 4 KiB and its header each, and the last transaction. */
const LOG_SIZE = CHECKPOINT_PAGES * (4096 + 24) + 1024 * 1024;

/**
 * Makes commits outlive a power cut without stopping the event loop. SQLite would sync its log inside
 * COMMIT (`synchronous=FULL`), milliseconds in which nothing else is served. Here transactions commit
 * with `synchronous=NORMAL`, which only writes the log, and each caller then waits until the disk has the
 * log, synced in another thread. Where the log was moved into the database file meanwhile (a checkpoint),
 * SQLite has synced both itself.
 */
export class LogSync {
  readonly #path: string;
  readonly #shared = new SharedSync(() => this.#sync());
  #file: number | undefined;

  constructor(database: Database) {
    this.#path = `${database.path}-wal`;
    database.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    // Nobody else writes to the log in a write transaction, and this one does so at its end only.
    database.transaction(() => this.#extend());
  }

  /** Resolves when everything that is committed now is on the disk. */
  settled(): Promise<void> {
    return this.#shared.settled();
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  /**
   * Gives the log its full size at once. Syncing a file that grows also waits for the file system's journal:
   * ten times as long at the worst. What stands behind the last frame means nothing to SQLite.
   */
  #extend(): void {
    if (!existsSync(this.#path)) return;
    const file = openSync(this.#path, "r+");
    try {
      const { size } = fstatSync(file);
      const zeros = Buffer.alloc(Math.max(0, LOG_SIZE - size));
      for (let at = 0; at < zeros.length; ) at += writeSync(file, zeros, at, zeros.length - at, size + at);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  }

  #sync(): Promise<void> {
    if (this.#file === undefined) {
      if (!existsSync(this.#path)) return Promise.resolve(); // not one commit so far
      this.#file = openSync(this.#path, "r");
    }
    const file = this.#file;
    return new Promise((resolve, reject) => {
      fdatasync(file, (error) => {
        if (error === null) resolve();
        else reject(new CortenError("data-loss", `cannot sync ${this.#path}`, { cause: error }));
      });
    });
  }
}
