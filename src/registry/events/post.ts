import { createHmac } from "node:crypto";
import { readFile } from "node:fs/promises";
import { CortenError } from "../../spec/index.ts";
import { CLOUD_EVENT_TYPE } from "./cloud-event.ts";
import type { WebhookSettings } from "./webhook-settings.ts";

/** Time for one attempt in milliseconds. */
export const POST_TIMEOUT_MS = 10_000;

/** Why a receiver does not have an event. It may be sent again when this is `unavailable`. */
export class NotDelivered extends CortenError {
  /** Milliseconds that the receiver asked to wait. */
  readonly retryAfter: number | undefined;

  constructor(
    code: "failed-precondition" | "unavailable",
    message: string,
    retryAfter?: number,
    cause?: unknown,
  ) {
    super(code, message, cause === undefined ? {} : { cause });
    this.retryAfter = retryAfter;
  }
}

/**
 * Sends an event once.
 *
 * @param body a CloudEvent in JSON
 * @throws NotDelivered
 */
export async function post(
  { name, url, authorizationFile, secretFile }: WebhookSettings,
  body: string,
  signal: AbortSignal,
): Promise<void> {
  const headers: Record<string, string> = { "content-type": CLOUD_EVENT_TYPE };
  let response: Response;
  try {
    // Read each time: whoever changes a secret need not restart the registry.
    if (authorizationFile !== undefined) headers["authorization"] = await secretIn(authorizationFile);
    if (secretFile !== undefined) {
      const key = await secretIn(secretFile);
      headers["corten-signature"] = `sha256=${createHmac("sha256", key).update(body).digest("hex")}`;
    }
    // A redirect would carry the secrets somewhere else.
    response = await fetch(url, { method: "POST", headers, body, redirect: "error", signal });
    await response.body?.cancel();
  } catch (cause) {
    throw new NotDelivered("unavailable", `webhook ${name}: ${(cause as Error).message}`, undefined, cause);
  }
  const { ok, status } = response;
  if (ok) return;
  const passing = status >= 500 || status === 429 || status === 425 || status === 408;
  throw new NotDelivered(
    passing ? "unavailable" : "failed-precondition",
    `webhook ${name}: the receiver answered ${status}`,
    retryAfterOf(response.headers.get("retry-after"), Date.now()),
  );
}

/** Milliseconds of a `Retry-After` header: seconds, or a date (RFC 9110, 10.2.3). */
export function retryAfterOf(header: string | null, now: number): number | undefined {
  if (header === null) return undefined;
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1000;
  const date = header.endsWith(" GMT") ? Date.parse(header) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

async function secretIn(file: string): Promise<string> {
  return (await readFile(file, "utf8")).trim();
}
