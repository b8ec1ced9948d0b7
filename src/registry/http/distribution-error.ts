import type { ErrorCode } from "../../spec/index.ts";
import { CortenError } from "../../spec/index.ts";
import { RetryLater } from "../access/retry-later.ts";
import { QuotaExceeded } from "../metadata/quota-exceeded.ts";

/** The error codes of distribution-spec ("Error codes"), and two that other registries use where it has none. */
export type DistributionCode =
  | "BLOB_UNKNOWN"
  | "BLOB_UPLOAD_INVALID"
  | "BLOB_UPLOAD_UNKNOWN"
  | "DIGEST_INVALID"
  | "MANIFEST_BLOB_UNKNOWN"
  | "MANIFEST_INVALID"
  | "MANIFEST_UNKNOWN"
  | "NAME_INVALID"
  | "NAME_UNKNOWN"
  | "SIZE_INVALID"
  | "UNAUTHORIZED"
  | "DENIED"
  | "UNSUPPORTED"
  | "TOOMANYREQUESTS"
  | "UNAVAILABLE"
  | "UNKNOWN";

const STATUS: Readonly<Record<DistributionCode, readonly [status: number, code: ErrorCode]>> = {
  BLOB_UNKNOWN: [404, "not-found"],
  BLOB_UPLOAD_INVALID: [400, "failed-precondition"],
  BLOB_UPLOAD_UNKNOWN: [404, "not-found"],
  DIGEST_INVALID: [400, "invalid-argument"],
  MANIFEST_BLOB_UNKNOWN: [400, "failed-precondition"],
  MANIFEST_INVALID: [400, "invalid-argument"],
  MANIFEST_UNKNOWN: [404, "not-found"],
  NAME_INVALID: [400, "invalid-argument"],
  NAME_UNKNOWN: [404, "not-found"],
  SIZE_INVALID: [400, "invalid-argument"],
  UNAUTHORIZED: [401, "unauthenticated"],
  DENIED: [403, "permission-denied"],
  UNSUPPORTED: [405, "unimplemented"],
  TOOMANYREQUESTS: [429, "resource-exhausted"],
  UNAVAILABLE: [503, "unavailable"],
  UNKNOWN: [500, "internal"],
};

/** What a refusal carries beside its code and message. */
export interface RefusalDetails {
  /** Where the code's usual status is not the one. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** For programs: the digests that are missing, for instance. */
  readonly detail?: unknown;
  readonly cause?: unknown;
}

/** A request refused, with everything that the response says. */
export class DistributionError extends CortenError {
  readonly distributionCode: DistributionCode;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly detail: unknown;

  constructor(code: DistributionCode, message: string, details: RefusalDetails = {}) {
    super(STATUS[code][1], message, details.cause === undefined ? {} : { cause: details.cause });
    this.distributionCode = code;
    this.status = details.status ?? STATUS[code][0];
    this.headers = details.headers ?? {};
    this.detail = details.detail;
  }
}

/** How errors that no handler has turned into a refusal are answered: those of storage and of access. */
const OTHERS: Partial<Readonly<Record<ErrorCode, readonly [code: DistributionCode, status: number]>>> = {
  "not-found": ["UNKNOWN", 404],
  "already-exists": ["DENIED", 409],
  "invalid-argument": ["UNSUPPORTED", 400],
  "permission-denied": ["UNAVAILABLE", 503],
  unauthenticated: ["UNAUTHORIZED", 401],
  unavailable: ["UNAVAILABLE", 503],
  "deadline-exceeded": ["UNAVAILABLE", 504],
  "resource-exhausted": ["UNAVAILABLE", 507],
  unimplemented: ["UNSUPPORTED", 400],
};

/**
 * The refusal that an error is answered with. What went wrong inside the server is not told: paths and
 * addresses are nobody else's business.
 */
export function refusalOf(error: unknown): DistributionError {
  if (error instanceof DistributionError) return error;
  // What failed first is the reason; that letting go failed as well is told in the log. Node 22 knows no such class.
  if (error instanceof Error && error.name === "SuppressedError" && "suppressed" in error)
    return refusalOf(error.suppressed);
  if (error instanceof RetryLater) {
    const headers = { "Retry-After": String(error.retryAfter) };
    return new DistributionError("TOOMANYREQUESTS", error.message, { headers, cause: error });
  }
  if (error instanceof QuotaExceeded) {
    return new DistributionError("DENIED", `${error.message}: ${error.hint}`, { status: 413, cause: error });
  }
  const known = error instanceof CortenError ? OTHERS[error.code] : undefined;
  if (known === undefined) {
    return new DistributionError("UNKNOWN", "the registry failed: its log says why", { cause: error });
  }
  const [code, status] = known;
  const told = code !== "UNAVAILABLE" && error instanceof CortenError;
  const message = told ? error.message : "the registry cannot do this now: its log says why";
  const headers: Record<string, string> = status === 503 ? { "Retry-After": "5" } : {};
  return new DistributionError(code, message, { status, headers, cause: error });
}
