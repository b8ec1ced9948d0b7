import { DistributionError } from "./distribution-error.ts";
import type { Exchange } from "./exchange.ts";

/** What part of a list was asked for. */
export interface PageRequest {
  readonly after?: string;
  /** Entries wanted, never more than the registry's limit (CVE-2023-2253). */
  readonly limit: number;
}

/** Reads `n` and `last`. @throws UNSUPPORTED when `n` is no number */
export function pageRequest(exchange: Exchange): PageRequest {
  const n = exchange.parameter("n");
  const after = exchange.parameter("last");
  if (n !== undefined && !/^\d{1,15}$/.test(n)) {
    throw new DistributionError("UNSUPPORTED", `n "${n.slice(0, 50)}" is not a number`, { status: 400 });
  }
  const limit = Math.min(
    n === undefined ? Number.POSITIVE_INFINITY : Number(n),
    exchange.service.limits.page,
  );
  return after === undefined ? { limit } : { after, limit };
}

/**
 * The `Link` header to the rest of a list (RFC 8288), relative to this request's path.
 *
 * @param last the last entry of this part
 */
export function nextLink(
  path: string,
  last: string,
  limit: number,
  others: Record<string, string> = {},
): string {
  const query = new URLSearchParams({ ...others, n: String(limit), last });
  return `<${path}?${query}>; rel="next"`;
}
