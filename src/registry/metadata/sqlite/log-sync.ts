import { closeSync, existsSync, fdatasync, openSync } from "node:fs";
import { CortenError } from "../../../spec/index.ts";
import { SharedSync } from "../../storage/shared-sync.ts";

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

  /** @param databasePath the database's file */
  constructor(databasePath: string) {
    this.#path = `${databasePath}-wal`;
  }

  /** Resolves when everything that is committed now is on the disk. */
  settled(): Promise<void> {
    return this.#shared.settled();
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
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
