import { randomUUID } from "node:crypto";
import { type JWK, jwtVerify, SignJWT } from "jose";
import type { Grant } from "./access.ts";
import { type AccessEntry, readGrants } from "./scope.ts";
import type { SigningKeys } from "./signing-keys.ts";
import { MAX_TOKEN_LENGTH, wrongToken } from "./token-fault.ts";
import { VerifiedTokens } from "./verified-tokens.ts";

/** How whoever got a token had proved who they are. */
export type Proof = "anonymous" | "certificate" | "issuer" | "password";
const PROOFS: readonly Proof[] = ["anonymous", "certificate", "issuer", "password"];

/** Who a token is for. */
export interface Bearer {
  /** Absent for anonymous. */
  readonly name?: string;
  readonly proof: Proof;
  /** Groups that only the login could tell, from an external issuer. */
  readonly groups: readonly string[];
  /** The fingerprint of the account's password at the login; where `proof` is "password". */
  readonly account?: string;
  /** Seconds since the epoch at which the proof itself ends. */
  readonly expires?: number;
  /** What the proof was limited to: an own token gives no more. */
  readonly grants?: readonly Grant[];
}

/** Options of {@link OwnTokens}. */
export interface OwnTokensOptions {
  readonly keys: SigningKeys;
  /** Names this registry in tokens, so that a token of one is nothing to another. */
  readonly service: string;
  /** Seconds. */
  readonly lifetime: number;
  /** Seconds. */
  readonly refreshLifetime: number;
}

/** A token as it is handed out. */
export interface IssuedToken {
  readonly token: string;
  /** Seconds. */
  readonly expiresIn: number;
  readonly issuedAt: Date;
}

/** The header's type, so that a refresh token is not taken for an access token or the other way round. */
const ACCESS = "JWT";
const REFRESH = "refresh+jwt";

/** Tokens of the registry's own token endpoint: JSON Web Tokens as in the Docker token specification. */
export class OwnTokens {
  readonly service: string;
  readonly #options: OwnTokensOptions;
  readonly #verified = new VerifiedTokens();

  constructor(options: OwnTokensOptions) {
    this.service = options.service;
    this.#options = options;
  }

  issueAccess(bearer: Bearer, access: readonly AccessEntry[]): Promise<IssuedToken> {
    return this.#sign(ACCESS, bearer, this.#options.lifetime, { access });
  }

  issueRefresh(bearer: Bearer): Promise<IssuedToken> {
    return this.#sign(REFRESH, bearer, this.#options.refreshLifetime, {});
  }

  /** The keys that its tokens are verified with, for others to do so. */
  publicKeys(): Promise<readonly JWK[]> {
    return this.#options.keys.publicKeys();
  }

  /** @throws unauthenticated */
  async verifyAccess(token: string): Promise<{ readonly bearer: Bearer; readonly grants: readonly Grant[] }> {
    const claims = await this.#verified.claims(token, () => this.#verify(token, ACCESS));
    return { bearer: readBearer(claims), grants: readGrants(claims["access"]) ?? [] };
  }

  /** @throws unauthenticated */
  async verifyRefresh(token: string): Promise<Bearer> {
    return readBearer(await this.#verify(token, REFRESH));
  }

  async #sign(typ: string, bearer: Bearer, lifetime: number, claims: object): Promise<IssuedToken> {
    const { service, keys } = this.#options;
    const { kid, algorithm, privateKey } = await keys.signing();
    const now = Math.floor(Date.now() / 1000);
    const expires = Math.min(now + lifetime, bearer.expires ?? Number.POSITIVE_INFINITY);
    if (expires <= now) throw wrongToken();
    const token = await new SignJWT({
      ...claims,
      proof: bearer.proof,
      groups: bearer.groups,
      ...(bearer.account === undefined ? {} : { account: bearer.account }),
    })
      .setProtectedHeader({ alg: algorithm, kid, typ })
      .setIssuer(service)
      .setAudience(audience(service, typ))
      .setSubject(bearer.name ?? "")
      .setIssuedAt(now)
      .setNotBefore(now)
      .setExpirationTime(expires)
      .setJti(randomUUID())
      .sign(privateKey);
    return { token, expiresIn: expires - now, issuedAt: new Date(now * 1000) };
  }

  async #verify(token: string, typ: string): Promise<Record<string, unknown>> {
    if (token.length > MAX_TOKEN_LENGTH) throw wrongToken();
    const { service, keys } = this.#options;
    try {
      const { payload } = await jwtVerify(
        token,
        // Keys come from the file alone: a key that the token brings along proves nothing (CVE-2025-24976).
        async ({ kid, alg }) => {
          const key = await keys.named(kid);
          if (key === undefined || key.algorithm !== alg) throw wrongToken();
          return key.publicKey;
        },
        {
          algorithms: ["ES256", "EdDSA"],
          issuer: service,
          audience: audience(service, typ),
          typ,
          // Servers that share the key file may differ by a little.
          clockTolerance: 5,
          requiredClaims: ["exp", "nbf", "sub", "proof"],
        },
      );
      return payload;
    } catch (error) {
      throw wrongToken(error);
    }
  }
}

function audience(service: string, typ: string): string {
  return typ === REFRESH ? `${service} refresh` : service;
}

/** The claims were signed by this registry, perhaps of another version. */
function readBearer(claims: Readonly<Record<string, unknown>>): Bearer {
  const { sub, groups, account, exp } = claims;
  const proof = PROOFS.find((word) => word === claims["proof"]);
  if (proof === undefined || typeof sub !== "string" || (sub === "") !== (proof === "anonymous"))
    throw wrongToken();
  return {
    ...(sub === "" ? {} : { name: sub }),
    proof,
    groups: Array.isArray(groups) ? groups.filter((group) => typeof group === "string") : [],
    ...(typeof account === "string" ? { account } : {}),
    ...(typeof exp === "number" ? { expires: exp } : {}),
  };
}
