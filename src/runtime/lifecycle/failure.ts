import { readFileSync, rmSync } from "node:fs";
import { CortenError, type ErrorCode, type ErrorDetails } from "../../spec/index.ts";
import { hookFailure } from "../plan/hooks.ts";
import { hintFor } from "./failure-hints.ts";

/** Bytes of a failure's record that are read: the executor writes at most eight KiB. */
export const MAX_RECORD = 64 * 1024;

/** What the executor tells about its failure. */
export interface FailureRecord {
  readonly section: string;
  readonly index: number;
  readonly operation: string;
  /** JSON pointer of the setting. */
  readonly at: string;
  readonly errno: number;
  /** `EPERM`, or "" when there is none. */
  readonly symbol: string;
  readonly kind: "errno" | "safety" | "hook" | "executable" | "signal" | "protocol";
  readonly message: string;
}

const CODES: Readonly<Record<string, ErrorCode>> = {
  EPERM: "permission-denied",
  EACCES: "permission-denied",
  EROFS: "permission-denied",
  ENOENT: "not-found",
  ENOTDIR: "invalid-argument",
  EINVAL: "invalid-argument",
  ELOOP: "invalid-argument",
  ENAMETOOLONG: "invalid-argument",
  ERANGE: "invalid-argument",
  EEXIST: "already-exists",
  ENOMEM: "resource-exhausted",
  ENOSPC: "resource-exhausted",
  EMFILE: "resource-exhausted",
  ENFILE: "resource-exhausted",
  EAGAIN: "resource-exhausted",
  EDQUOT: "resource-exhausted",
  EBUSY: "unavailable",
  ETIMEDOUT: "deadline-exceeded",
  ENOSYS: "failed-precondition",
  EOPNOTSUPP: "failed-precondition",
  ENODEV: "failed-precondition",
  ENOEXEC: "invalid-argument",
};

/** Texts that engines look for in a runtime's output (podman's and conmon's exit codes 126 and 127). */
const TEXTS: Readonly<Record<string, string>> = {
  EPERM: "operation not permitted",
  EACCES: "permission denied",
  ENOENT: "no such file or directory",
  ENOEXEC: "exec format error",
};

/** Reads the record: eight fields, each ended by a NUL. undefined for anything else. */
export function parseFailure(bytes: Uint8Array): FailureRecord | undefined {
  const fields = Buffer.from(bytes).toString("utf8").split("\0");
  if (fields.length !== 9 || fields[8] !== "") return undefined;
  const [section, index, operation, at, errno, symbol, kind, message] = fields as [
    string,
    string,
    string,
    string,
    string,
    string,
    FailureRecord["kind"],
    string,
  ];
  return { section, index: Number(index), operation, at, errno: Number(errno), symbol, kind, message };
}

/** The error that a failure stands for. */
export function failureError(failure: FailureRecord): CortenError {
  const { symbol, at } = failure;
  const hint = hintFor(failure);
  const details: ErrorDetails = {
    ...(at === "" ? {} : { pointer: at }),
    ...(symbol === "" ? {} : { errno: symbol }),
    ...(failure.operation === "" ? {} : { operation: failure.operation }),
    ...(hint === undefined ? {} : { hint }),
  };
  return new CortenError(codeOf(failure), messageOf(failure), details);
}

function messageOf({ kind, at, message, symbol }: FailureRecord): string {
  if (kind === "executable") return message.startsWith("execve(") ? withText(message, symbol) : message;
  return withText(hookFailure(at, message) ?? (at === "" ? message : `${at}: ${message}`), symbol);
}

function withText(message: string, symbol: string): string {
  const text = TEXTS[symbol];
  return text === undefined || message.includes(text) ? message : `${message} (${text})`;
}

function codeOf({ kind, symbol }: FailureRecord): ErrorCode {
  switch (kind) {
    case "safety":
    case "hook":
      return "failed-precondition";
    case "signal":
      return "unavailable";
    case "protocol":
      return "internal";
    default:
      return CODES[symbol] ?? "internal";
  }
}

/**
 * Reads what an executor left about its failure, and removes it. undefined when it left nothing.
 */
export function readFailure(file: string): CortenError | undefined {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  rmSync(file, { force: true });
  const failure = bytes.length > MAX_RECORD ? undefined : parseFailure(bytes);
  return failure === undefined
    ? new CortenError("internal", `the executor left an unreadable account of its failure in ${file}`)
    : failureError(failure);
}
