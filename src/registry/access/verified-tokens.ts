import { createHmac, randomBytes } from "node:crypto";
import type { JWTPayload } from "jose";
import { RecentMap } from "./recent-map.ts";

/** A signature that was right is not computed again for this many seconds: a key may be withdrawn. */
const LONGEST = 60;
const MAX_REMEMBERED = 10_000;

/**
 * Remembers tokens whose signature and claims were verified, so that each request costs one hash. The token itself
 * is not kept in memory.
 */
export class VerifiedTokens {
  readonly #key = randomBytes(32);
  readonly #verified = new RecentMap<string, { readonly payload: JWTPayload; readonly until: number }>(
    MAX_REMEMBERED,
  );

  /** The claims of `token`, verified by `verify` now or at most a minute ago, and not expired. */
  async claims(token: string, verify: () => Promise<JWTPayload>): Promise<JWTPayload> {
    const key = createHmac("sha256", this.#key).update(token).digest("base64");
    const found = this.#verified.get(key);
    const now = Date.now() / 1000;
    if (found !== undefined && now < found.until) return found.payload;
    const payload = await verify();
    this.#verified.set(key, { payload, until: Math.min(payload.exp ?? 0, now + LONGEST) });
    return payload;
  }
}
