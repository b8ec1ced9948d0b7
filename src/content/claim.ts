import { setTimeout as sleep } from "node:timers/promises";
import { CortenError, isCortenError } from "../spec/index.ts";
import type { Database } from "./database.ts";
import { ownerState, thisProcess } from "./owner.ts";

/** A claim of a process that cannot be looked at (another PID namespace) ends when it is this old. */
const SILENCE_MS = 60_000;
const RENEWAL_MS = 5_000;
const LONGEST_WAIT_MS = 200;

/** Partial blobs that this process writes, by database and name; resolved when it stops. */
const active = new Map<string, Promise<void>>();
/** Tokens of these claims. A worker thread has its own set, and its own prefix. */
const tokens = new Set<string>();
const TOKEN_PREFIX = `${Date.now().toString(36)}${Math.random().toString(36).slice(2)}-`;
let made = 0;

/**
 * The right to write one partial blob. It is a row rather than a lock file because taking over from
 * a dead process has to be one step: of two processes that find a stale lock file, the second would
 * remove the lock that the first has just made.
 */
export class Claim {
  readonly partial: string;
  readonly #database: Database;
  readonly #key: string;
  readonly #token: string;
  readonly #end: () => void;
  #renewed = Date.now();

  private constructor(database: Database, partial: string, key: string, end: () => void) {
    this.#database = database;
    this.partial = partial;
    this.#key = key;
    this.#end = end;
    this.#token = `${TOKEN_PREFIX}${++made}`;
    tokens.add(this.#token);
  }

  /**
   * Takes the claim, waiting while another task or process holds it. Gives up, with undefined, as
   * soon as `settled` says that there is nothing left to write.
   */
  static async take(
    database: Database,
    partial: string,
    settled: () => boolean,
    signal?: AbortSignal,
  ): Promise<Claim | undefined> {
    const key = `${database.path}\0${partial}`;
    for (let wait = 10; ; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
      signal?.throwIfAborted();
      if (settled()) return undefined;
      const before = active.get(key);
      if (before !== undefined) {
        await orAborted(before, signal);
        continue;
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      active.set(key, promise);
      const claim = new Claim(database, partial, key, resolve);
      let taken = false;
      try {
        taken = claim.#insert();
        // Between the question and the claim its last holder may have finished the blob.
        if (taken && !settled()) return claim;
      } finally {
        if (!taken) claim.#leave();
      }
      if (taken) {
        claim.release();
        return undefined;
      }
      await sleep(wait, undefined, signal === undefined ? {} : { signal }).catch(() =>
        signal?.throwIfAborted(),
      );
    }
  }

  /**
   * Shows other processes that the work goes on. Writes every five seconds at most.
   *
   * @throws unavailable when another process has taken over, because this one was silent for too long
   */
  renew(): void {
    const now = Date.now();
    if (now - this.#renewed < RENEWAL_MS) return;
    this.#renewed = now;
    const kept = this.#database.transaction(() =>
      this.#database.run(
        "UPDATE claims SET renewed = ? WHERE partial = ? AND token = ?",
        now,
        this.partial,
        this.#token,
      ),
    );
    if (kept === 0)
      throw new CortenError("unavailable", `another process has taken over writing ${this.partial}`);
  }

  release(): void {
    try {
      this.#database.transaction(() =>
        this.#database.run("DELETE FROM claims WHERE partial = ? AND token = ?", this.partial, this.#token),
      );
    } catch (error) {
      // The row stays when the disk is full; isClaimed knows that nobody stands behind it.
      if (!isCortenError(error)) throw error;
    } finally {
      this.#leave();
    }
  }

  #insert(): boolean {
    return this.#database.transaction(() => {
      if (isClaimed(this.#database, this.partial)) return false;
      this.#database.run(
        "INSERT OR REPLACE INTO claims VALUES (?, ?, ?, ?)",
        this.partial,
        thisProcess(),
        this.#token,
        this.#renewed,
      );
      return true;
    });
  }

  #leave(): void {
    active.delete(this.#key);
    tokens.delete(this.#token);
    this.#end();
  }
}

/** True while a process writes `partial`. Inside a transaction the answer stays true until its end. */
export function isClaimed(database: Database, partial: string): boolean {
  const row = database.get<{ owner: string; token: string; renewed: number }>(
    "SELECT owner, token, renewed FROM claims WHERE partial = ?",
    partial,
  );
  if (row === undefined) return false;
  if (row.token.startsWith(TOKEN_PREFIX)) return tokens.has(row.token);
  const state = ownerState(row.owner);
  return state === "alive" || (state === "unknown" && Date.now() - row.renewed < SILENCE_MS);
}

/** Forgets what dead processes were writing. The partial blobs are the collector's to judge. */
export function dropEndedClaims(database: Database): void {
  for (const { partial } of database.all<{ partial: string }>("SELECT partial FROM claims")) {
    if (!isClaimed(database, partial)) database.run("DELETE FROM claims WHERE partial = ?", partial);
  }
}

async function orAborted(promise: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return promise;
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
