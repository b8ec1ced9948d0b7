import type { ErrorCode, ErrorDetails } from "../../spec/index.ts";
import { CortenError } from "../../spec/index.ts";

/** Longest part of a server's message that is quoted. */
const MAX_QUOTE = 400;

/** An answer of a registry or token service that was not the one asked for. */
export class RegistryError extends CortenError {
  /** The HTTP status; 0 when no answer came. */
  readonly status: number;
  /** Milliseconds after which the server wants to be asked again. */
  readonly retryAfter: number | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    details: ErrorDetails & { status?: number; retryAfter?: number },
  ) {
    super(code, message, details);
    this.status = details.status ?? 0;
    this.retryAfter = details.retryAfter;
  }
}

/** What is known of an answer when it becomes an error. */
export interface FailedReply {
  readonly status: number;
  readonly retryAfter: string | undefined;
  /** The start of the body. */
  readonly body: string;
}

/**
 * The error for an unexpected answer.
 *
 * @param what what was tried and on what, e.g. `pull manifest of docker.io/library/alpine:3`
 */
export function failureOf(what: string, reply: FailedReply): RegistryError {
  const { status } = reply;
  const quote = quoteBody(reply.body);
  const message = `${what}: ${meaning(status)}${quote === "" ? "" : `: ${quote}`}`;
  const retryAfter = parseRetryAfter(reply.retryAfter);
  const hint = hintFor(status);
  return new RegistryError(codeFor(status), message, {
    status,
    retryable: status === 429 || status === 408 || status >= 500,
    ...(retryAfter === undefined ? {} : { retryAfter }),
    ...(hint === undefined ? {} : { hint }),
  });
}

function codeFor(status: number): ErrorCode {
  if (status === 401) return "unauthenticated";
  if (status === 403) return "permission-denied";
  if (status === 404) return "not-found";
  if (status === 429) return "resource-exhausted";
  if (status === 408 || status >= 500) return "unavailable";
  if (status === 400 || status === 413 || status === 416) return "invalid-argument";
  return "failed-precondition";
}

function meaning(status: number): string {
  switch (status) {
    case 401:
      return "the registry asks for credentials (401)";
    case 403:
      return "the registry denies access (403)";
    case 404:
      return "not found in the registry (404)";
    case 429:
      return "too many requests (429)";
    default:
      return `the registry answered ${status}`;
  }
}

function hintFor(status: number): string | undefined {
  if (status === 401) return "log in to the registry; a private or misspelt repository answers the same way";
  if (status === 403) return "the account that is logged in may not do this";
  if (status === 429) return "wait, or log in: most registries allow more to known accounts";
  return undefined;
}

/**
 * What a server says of its failure: the errors of distribution-spec ("Error codes"), or the start of
 * the text. Control characters are removed, for the quote goes to a terminal.
 */
export function quoteBody(body: string): string {
  const text = (distributionErrors(body) ?? body).replace(/[^\x20-\x7e\u00a0-\u{10ffff}]+/gu, " ").trim();
  return text.length > MAX_QUOTE ? `${text.slice(0, MAX_QUOTE)}…` : text;
}

function distributionErrors(body: string): string | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return undefined; // many proxies answer in HTML or plain text
  }
  const errors = (parsed as { errors?: unknown } | null)?.errors;
  if (!Array.isArray(errors)) return undefined;
  return errors
    .slice(0, 5)
    .map(
      (error: { code?: unknown; message?: unknown } | null) =>
        `${error?.code ?? "UNKNOWN"}: ${error?.message ?? ""}`,
    )
    .join("; ");
}

/** Milliseconds of a Retry-After header: seconds or a date (RFC 9110, section 10.2.3). */
export function parseRetryAfter(header: string | undefined, now: number = Date.now()): number | undefined {
  if (header === undefined) return undefined;
  if (/^[0-9]{1,9}$/.test(header)) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** The URL as it may be shown: signed query strings are credentials. */
export function shownUrl(url: URL): string {
  return `${url.origin}${url.pathname}${url.search === "" ? "" : "?…"}`;
}
