import type { Descriptor } from "../spec/index.ts";
import { CortenError, isCortenError } from "../spec/index.ts";
import type { Database } from "./database.ts";
import { ownerState, thisProcess } from "./owner.ts";

/** How long what a killed process left behind stays, so that its pull can go on where it was. */
const DEFAULT_TTL_MS = 24 * 60 * 60 * 1000;

/** Options of a new lease. */
export interface LeaseOptions {
  /** Its name. Default: one made up. Taking an id again adopts that lease and what it holds. */
  readonly id?: string;
  /**
   * True for a lease that outlives this process and ends only by `release`, such as a container's on
   * its image. Default false: the lease is this process's, and expires `ttl` after its death.
   */
  readonly lasting?: boolean;
  /** Milliseconds that a lease outlives its process. Default: a day. */
  readonly ttl?: number;
}

/**
 * Keeps content from being collected while no name leads to it yet. What a leased index or manifest
 * refers to is kept too.
 *
 * Let go of it with `using`, after a name leads to the content. A process that becomes another
 * program (execve) must release its leases first: it would count as alive.
 */
export class Lease implements Disposable {
  readonly id: string;
  readonly #database: Database;
  readonly #ttl: number | undefined;
  #renewed = Date.now();

  constructor(database: Database, options: LeaseOptions = {}) {
    this.#database = database;
    this.id = options.id ?? madeUpId();
    this.#ttl = options.lasting === true ? undefined : (options.ttl ?? DEFAULT_TTL_MS);
    database.transaction(() => {
      database.run(
        `INSERT INTO leases VALUES (?, ?, ?)
           ON CONFLICT (id) DO UPDATE SET owner = excluded.owner, expires = excluded.expires`,
        this.id,
        options.lasting === true ? null : thisProcess(),
        this.#ttl === undefined ? null : this.#renewed + this.#ttl,
      );
    });
  }

  /**
   * Keeps these blobs from now on. Ask whether the store has a blob only after its lease is here:
   * before, a collection may be about to remove it.
   *
   * @throws failed-precondition when the lease has been released or has expired
   */
  add(...descriptors: readonly Descriptor[]): void {
    this.#database.transaction(() => {
      if (this.#database.get("SELECT 1 FROM leases WHERE id = ?", this.id) === undefined) {
        throw new CortenError("failed-precondition", `lease ${this.id} has ended`);
      }
      for (const { mediaType, digest } of descriptors) {
        this.#database.run(
          "INSERT OR IGNORE INTO lease_content VALUES (?, ?, ?)",
          this.id,
          mediaType,
          digest,
        );
      }
    });
    this.renew();
  }

  /** Moves the end of the lease away; worth calling during long work. Writes once a minute at most. */
  renew(): void {
    const now = Date.now();
    if (this.#ttl === undefined || now - this.#renewed < 60_000) return;
    this.#renewed = now;
    const expires = now + this.#ttl;
    this.#database.transaction(() =>
      this.#database.run("UPDATE leases SET expires = ? WHERE id = ?", expires, this.id),
    );
  }

  /** Ends the lease. More than once is no error. */
  release(): void {
    releaseLease(this.#database, this.id);
  }

  /** As {@link release}, but a database that cannot be written (a full disk) is no error: see `ttl`. */
  [Symbol.dispose](): void {
    try {
      this.release();
    } catch (error) {
      // The error that matters is on its way already, and the lease ends after this process.
      if (!isCortenError(error)) throw error;
    }
  }
}

/** Ends a lease by its id, e.g. that of a container which another process created. */
export function releaseLease(database: Database, id: string): void {
  database.transaction(() => {
    database.run("DELETE FROM lease_content WHERE lease = ?", id);
    database.run("DELETE FROM leases WHERE id = ?", id);
  });
}

/**
 * Ends the leases whose time is over; with `interrupted` also those of dead processes whose time is
 * not. Runs inside the collector's transaction.
 */
export function dropEndedLeases(database: Database, interrupted: boolean): void {
  const now = Date.now();
  const owned = database.all<{ id: string; owner: string; expires: number }>(
    "SELECT id, owner, expires FROM leases WHERE owner IS NOT NULL",
  );
  for (const { id, owner, expires } of owned) {
    const state = ownerState(owner);
    if (state !== "alive" && (now > expires || (interrupted && state === "dead"))) releaseLease(database, id);
  }
}

let made = 0;

function madeUpId(): string {
  made++;
  const random = Math.floor(Math.random() * 2 ** 32).toString(36);
  return `process-${process.pid}-${Date.now().toString(36)}-${random}-${made}`;
}
