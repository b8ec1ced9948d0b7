import type { ErrorCode } from "../spec/index.ts";
import { CortenError } from "../spec/index.ts";

interface Explanation {
  readonly code: ErrorCode;
  readonly what: string;
  readonly hint?: string;
}

const DAMAGED: Explanation = {
  code: "data-loss",
  what: "is damaged",
  hint: "move corten.db, corten.db-wal and corten.db-shm away: the names of images are read again from content/index.json; containers must be created again",
};

/** SQLite's primary result codes (sqlite.org/rescode.html) that have something to tell the user. */
const EXPLANATIONS: Readonly<Record<number, Explanation>> = {
  3: { code: "permission-denied", what: "may not be opened" },
  5: { code: "unavailable", what: "is in use by another process" },
  6: { code: "unavailable", what: "is in use by another process" },
  8: { code: "permission-denied", what: "is read-only" },
  10: {
    code: "data-loss",
    what: "cannot be read or written",
    hint: "look for disk errors in the kernel log",
  },
  11: DAMAGED,
  13: { code: "resource-exhausted", what: "cannot grow: the disk is full" },
  14: { code: "permission-denied", what: "cannot be opened" },
  26: DAMAGED,
};

/** The primary SQLite result code of an error, undefined when it is none of SQLite's. */
export function sqliteCode(error: unknown): number | undefined {
  const errcode = (error as { errcode?: unknown } | null)?.errcode;
  return typeof errcode === "number" ? errcode & 0xff : undefined;
}

/** Turns an error of node:sqlite into a {@link CortenError} that names the file; others pass. */
export function explainSqlite(error: unknown, path: string): unknown {
  if (error instanceof CortenError) return error;
  const code = sqliteCode(error);
  if (code === undefined) return error;
  const text = (error as Error).message;
  const explanation = EXPLANATIONS[code];
  if (explanation === undefined) return new CortenError("internal", `${path}: ${text}`, { cause: error });
  return new CortenError(explanation.code, `${path} ${explanation.what}: ${text}`, {
    cause: error,
    ...(explanation.hint === undefined ? {} : { hint: explanation.hint }),
  });
}
