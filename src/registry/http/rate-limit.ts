import { RetryLater } from "../access/retry-later.ts";

/** Clients remembered; those that were not seen for long are forgotten first. */
const MAX_CLIENTS = 10_000;
/** Seconds' worth of requests that may come at once: a pull is a burst. */
const BURST_SECONDS = 10;

/** Token buckets, one a client of this server. */
export class RateLimit {
  readonly #perSecond: number;
  readonly #clients = new Map<string, { tokens: number; at: number }>();

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** Counts a request. @throws resource-exhausted: a 429 with Retry-After */
  count(client: string): void {
    if (this.#perSecond === Number.POSITIVE_INFINITY) return;
    const now = Date.now();
    const full = Math.max(1, this.#perSecond * BURST_SECONDS);
    const known = this.#clients.get(client) ?? { tokens: full, at: now };
    const tokens = Math.min(full, known.tokens + ((now - known.at) / 1000) * this.#perSecond);
    this.#clients.delete(client);
    this.#clients.set(client, { tokens: Math.max(0, tokens - 1), at: now });
    if (this.#clients.size > MAX_CLIENTS) {
      for (const oldest of this.#clients.keys()) {
        this.#clients.delete(oldest);
        break;
      }
    }
    if (tokens >= 1) return;
    throw new RetryLater(`more than ${this.#perSecond} requests a second`, (1 - tokens) / this.#perSecond);
  }
}
