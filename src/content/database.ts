import { closeSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { CortenError } from "../spec/index.ts";
import type { Schema } from "./schema.ts";
import { migrate } from "./schema.ts";
import { explainSqlite, sqliteCode } from "./sqlite-error.ts";

/** SQLite is loaded with the first database: Node warns of it, and who only hashes and transports content has none. */
function sqlite(): typeof import("node:sqlite") {
  return process.getBuiltinModule("node:sqlite");
}

/** How long a writer waits for another process's transaction: they are short, so this is generous. */
const BUSY_TIMEOUT_MS = 10_000;
const SQLITE_BUSY = 5;

/** A row's values; columns are read by their names. */
export type SqlValue = SQLInputValue;

/** Options of {@link Database.transaction}. */
export interface TransactionOptions {
  /**
   * True when the change must outlive a power cut once the call returns. Default false: the change
   * outlives the process, and the file stays consistent, but a power cut may undo the last moments.
   */
  readonly durable?: boolean;
}

/**
 * `corten.db`: names, leases, containers. SQLite in WAL mode, so readers never wait for a writer;
 * several processes use it at once. All calls are synchronous: each takes microseconds.
 *
 * Power cuts: `synchronous=NORMAL` keeps the file consistent but may undo the last commits, which
 * would be wrong for a few: a name that was removed must not come back once its blobs are deleted.
 * Those ask for `durable`, which is `synchronous=FULL`; as the log is one file, its sync also makes
 * every earlier commit durable, those of other processes included.
 */
export class Database implements Disposable {
  /** The data root that the database belongs to. */
  readonly root: string;
  readonly path: string;
  readonly #sqlite: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #afterCommit = new Set<() => void>();
  #synchronous: "FULL" | "NORMAL" | undefined;
  #depth = 0;
  #hasVersions = false;

  /** @param root undefined for a database in memory, which goes when it is closed */
  constructor(root: string | undefined) {
    this.root = root ?? "";
    this.path = root === undefined ? ":memory:" : join(root, "corten.db");
    this.#sqlite = this.#explained(() =>
      root === undefined ? new (sqlite().DatabaseSync)(":memory:") : openFile(root, this.path),
    );
  }

  /** Runs statements without parameters. */
  exec(sql: string): void {
    this.#explained(() => this.#sqlite.exec(sql));
  }

  /** Runs one statement; returns the number of rows it changed. Writes belong in {@link transaction}. */
  run(sql: string, ...values: SqlValue[]): number {
    return this.#explained(() => Number(this.#prepare(sql).run(...values).changes));
  }

  /** The first row of a query. */
  get<Row>(sql: string, ...values: SqlValue[]): Row | undefined {
    return this.#explained(() => (this.#prepare(sql).get(...values) as Row | undefined | null) ?? undefined);
  }

  /** All rows of a query. */
  all<Row>(sql: string, ...values: SqlValue[]): Row[] {
    return this.#explained(() => this.#prepare(sql).all(...values) as Row[]);
  }

  /**
   * Runs `action` in a write transaction: it sees no change of others, and all of its changes happen
   * or none. `action` is synchronous. A call inside another joins the outer transaction.
   *
   * @throws unavailable when another process holds the database for ten seconds
   */
  transaction<T>(action: () => T, options: TransactionOptions = {}): T {
    if (this.#depth > 0) {
      if (options.durable === true && this.#synchronous !== "FULL") {
        throw new CortenError("internal", "a durable change inside a transaction that is not durable");
      }
      return action();
    }
    const synchronous = options.durable === true ? "FULL" : "NORMAL";
    if (this.#synchronous !== synchronous) {
      this.exec(`PRAGMA synchronous = ${synchronous}`);
      this.#synchronous = synchronous;
    }
    this.exec("BEGIN IMMEDIATE");
    this.#depth++;
    let result: T;
    try {
      result = action();
      this.exec("COMMIT");
    } catch (error) {
      this.#afterCommit.clear();
      this.#rollBack();
      throw error;
    } finally {
      this.#depth--;
    }
    const callbacks = [...this.#afterCommit];
    this.#afterCommit.clear();
    for (const callback of callbacks) callback();
    return result;
  }

  /** Calls `action` once after the running transaction has committed; not at all if it fails. */
  afterCommit(action: () => void): void {
    if (this.#depth === 0) action();
    else this.#afterCommit.add(action);
  }

  /** Brings a room's tables up to date; costs one query when they are. */
  migrate(schema: Schema): void {
    migrate(this, schema);
  }

  /** True once the database knows which schemas it has. */
  hasVersions(): boolean {
    this.#hasVersions ||=
      this.get("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_version'") !== undefined;
    return this.#hasVersions;
  }

  /**
   * Turns WAL on; the file remembers it. SQLite reports a busy database here without waiting, so
   * that several first processes at once need a loop.
   */
  enterWriteAheadMode(): void {
    const deadline = Date.now() + BUSY_TIMEOUT_MS;
    for (;;) {
      try {
        this.#sqlite.exec("PRAGMA journal_mode = WAL");
        return;
      } catch (error) {
        if (sqliteCode(error) !== SQLITE_BUSY || Date.now() > deadline) throw explainSqlite(error, this.path);
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
      }
    }
  }

  /** Closes the file; the object is of no use afterwards. */
  close(): void {
    this.#statements.clear();
    this.#sqlite.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#sqlite.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #rollBack(): void {
    try {
      this.#sqlite.exec("ROLLBACK");
    } catch {
      // SQLite has already rolled back by itself (full disk, I/O error): the first error says why.
      this.#synchronous = undefined;
    }
  }

  #explained<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      throw explainSqlite(error, this.path);
    }
  }
}

/**
 * Opens `<root>/corten.db`, creating root (0700) and file (0600) where missing, and brings `schemas`
 * up to date. Takes well under a millisecond when the file exists.
 *
 * @throws data-loss when the file is damaged; permission-denied; failed-precondition when a newer
 *   Corten wrote it
 */
export function openDatabase(root: string, schemas: readonly Schema[] = []): Database {
  return opened(new Database(root), schemas);
}

/** A database in memory, for one process, with the tables of `schemas`. */
export function openMemoryDatabase(schemas: readonly Schema[]): Database {
  return opened(new Database(undefined), schemas);
}

function opened(database: Database, schemas: readonly Schema[]): Database {
  try {
    for (const schema of schemas) database.migrate(schema);
  } catch (error) {
    database.close();
    throw error;
  }
  return database;
}

function openFile(root: string, path: string): DatabaseSync {
  createPrivately(root, path);
  return new (sqlite().DatabaseSync)(path, { timeout: BUSY_TIMEOUT_MS });
}

/**
 * Creates the file as 0600: SQLite would take the umask, and gives its log and index the same mode.
 * An existing file is not opened: closing it would drop the locks that SQLite holds on it (POSIX
 * locks belong to the process, not to the descriptor).
 */
function createPrivately(root: string, path: string): void {
  try {
    closeSync(openSync(path, "wx", 0o600));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "EEXIST") return;
    if (code === "ENOENT") {
      try {
        mkdirSync(root, { recursive: true, mode: 0o700 });
      } catch (cause) {
        throw cannotCreate(root, cause);
      }
      createPrivately(root, path);
      return;
    }
    throw cannotCreate(path, error);
  }
}

function cannotCreate(path: string, cause: unknown): CortenError {
  const errno = (cause as NodeJS.ErrnoException).code ?? "unknown";
  const denied = errno === "EACCES" || errno === "EPERM" || errno === "EROFS";
  return new CortenError(
    denied ? "permission-denied" : "failed-precondition",
    `cannot create ${path}: ${errno}`,
    { cause, errno, hint: "choose a data directory that this user may write to" },
  );
}
