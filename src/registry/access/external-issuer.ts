import {
  createLocalJWKSet,
  createRemoteJWKSet,
  type JSONWebKeySet,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
} from "jose";
import { CortenError, parseStrictJson } from "../../spec/index.ts";
import type { Identity } from "./access.ts";
import { readGrants } from "./scope.ts";
import { isJudgement, MAX_TOKEN_LENGTH, wrongToken } from "./token-fault.ts";
import { VerifiedTokens } from "./verified-tokens.ts";
import { WatchedFile } from "./watched-file.ts";

/** Signatures that may be allowed. "none" is no signature; HS256 would take a public key for a shared secret. */
export const EXTERNAL_ALGORITHMS = [
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "PS256",
  "PS384",
  "PS512",
  "RS256",
  "RS384",
  "RS512",
] as const;

/** An issuer of tokens that the administrator trusts. */
export interface ExternalIssuerOptions {
  /** Stands before names and groups, so that this issuer's "admin" is not the registry's. */
  readonly label: string;
  /** The exact claim `iss`. */
  readonly issuer: string;
  /** One of these must be in the claim `aud`: a token made for another service is refused. */
  readonly audience: readonly string[];
  /** A URL, or the path of a file. */
  readonly jwks: URL | string;
  readonly algorithms: readonly string[];
  readonly nameClaim: readonly string[];
  readonly groupsClaim: readonly string[];
  /** Seconds. */
  readonly clockLeeway: number;
  /** True when the claim `access` of a token decides alone, as in CNCF Distribution. */
  readonly grantsDecide: boolean;
}

/** Seconds after which the keys of a URL are read again; sooner when a token names a key that is not known. */
const KEYS_LAST = 600;
const MAX_GROUPS = 1000;

/** Verifies the tokens of one external issuer by its published keys. */
export class ExternalIssuer {
  readonly issuer: string;
  readonly #options: ExternalIssuerOptions;
  readonly #key: JWTVerifyGetKey;
  readonly #verified = new VerifiedTokens();

  constructor(options: ExternalIssuerOptions) {
    this.issuer = options.issuer;
    this.#options = options;
    this.#key = typeof options.jwks === "string" ? keysOfFile(options.jwks) : keysOfUrl(options.jwks);
  }

  /**
   * Who the token speaks of. Groups are those of this token: whoever lost one has it no longer from the next login on.
   *
   * @throws unauthenticated when the token is not valid, unavailable when the issuer's keys are not to be had
   */
  async identify(token: string): Promise<{ readonly identity: Identity; readonly expires: number }> {
    const { label, nameClaim, groupsClaim, grantsDecide } = this.#options;
    const claims = await this.#verified.claims(token, () => this.#verify(token));
    const name = claimAt(claims, nameClaim);
    if (typeof name !== "string" || name === "") throw wrongToken(`no name at ${nameClaim.join("/")}`);
    const grants = readGrants(claims["access"]) ?? (grantsDecide ? [] : undefined);
    return {
      identity: {
        name: `${label}:${name}`,
        groups: groupNames(claimAt(claims, groupsClaim)).map((group) => `${label}:${group}`),
        ...(grants === undefined ? {} : { grants }),
        ...(grantsDecide ? { grantsDecide } : {}),
      },
      expires: claims.exp ?? 0,
    };
  }

  async #verify(token: string): Promise<JWTPayload> {
    if (token.length > MAX_TOKEN_LENGTH) throw wrongToken();
    const { issuer, audience, algorithms, clockLeeway } = this.#options;
    try {
      const { payload } = await jwtVerify(token, this.#key, {
        issuer,
        audience: [...audience],
        algorithms: [...algorithms],
        clockTolerance: clockLeeway,
        requiredClaims: ["exp"],
      });
      return payload;
    } catch (error) {
      if (isJudgement(error)) throw wrongToken(error);
      throw new CortenError("unavailable", `cannot get the keys of token issuer ${issuer}`, { cause: error });
    }
  }
}

function keysOfUrl(url: URL): JWTVerifyGetKey {
  return createRemoteJWKSet(url, {
    timeoutDuration: 5_000,
    cacheMaxAge: KEYS_LAST * 1000,
    // A token with a made-up key id makes at most one request in this time.
    cooldownDuration: 30_000,
  });
}

function keysOfFile(path: string): JWTVerifyGetKey {
  const file = new WatchedFile({
    path,
    what: "key set",
    parse: (bytes) => createLocalJWKSet(parseStrictJson(bytes, `key set ${path}`) as JSONWebKeySet),
  });
  return async (header, token) => (await file.current())(header, token);
}

/** A claim by its path: the objects around it, then its name. */
function claimAt(claims: JWTPayload, path: readonly string[]): unknown {
  let value: unknown = claims;
  for (const name of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

function groupNames(claim: unknown): readonly string[] {
  if (claim === undefined || claim === null) return [];
  const groups = typeof claim === "string" ? [claim] : claim;
  if (
    !Array.isArray(groups) ||
    groups.length > MAX_GROUPS ||
    groups.some((group) => typeof group !== "string")
  ) {
    throw wrongToken(`the groups are no list of at most ${MAX_GROUPS} names`);
  }
  return groups as readonly string[];
}
