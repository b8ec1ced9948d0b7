/** The closed list of error codes. Exit codes, HTTP status and gRPC status are derived from it at the edges. */
export type ErrorCode =
  | "not-found"
  | "already-exists"
  | "invalid-argument"
  | "failed-precondition"
  | "permission-denied"
  | "unauthenticated"
  | "unavailable"
  | "deadline-exceeded"
  | "resource-exhausted"
  | "data-loss"
  | "unimplemented"
  | "internal";

/** What a {@link CortenError} carries beside its message. */
export interface ErrorDetails {
  /** What the caller can do next: one sentence. */
  readonly hint?: string;
  /** The error underneath. */
  readonly cause?: unknown;
  /** JSON pointer (RFC 6901) of the setting at fault, e.g. `/mounts/4`. */
  readonly pointer?: string;
  /** True when the same call may succeed later. Default: true for `unavailable` only. */
  readonly retryable?: boolean;
  /** The system call that failed, when one did: its name as in the manual. */
  readonly operation?: string;
  /** The symbolic errno of that call, e.g. `EPERM`. */
  readonly errno?: string;
}

/**
 * The one error class of Corten.
 *
 * The message is lower case, without a full stop, and names the object and the setting at
 * fault. Callers decide on {@link code}, never on the text.
 */
export class CortenError extends Error {
  override readonly name = "CortenError";
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly pointer: string | undefined;
  readonly retryable: boolean;
  readonly operation: string | undefined;
  readonly errno: string | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.hint = details.hint;
    this.pointer = details.pointer;
    this.retryable = details.retryable ?? code === "unavailable";
    this.operation = details.operation;
    this.errno = details.errno;
  }
}

/** True when `error` is a {@link CortenError}, of `code` if one is given. */
export function isCortenError(error: unknown, code?: ErrorCode): error is CortenError {
  return error instanceof CortenError && (code === undefined || error.code === code);
}
