import type { IncomingMessage, ServerResponse } from "node:http";
import { CortenError } from "../../spec/index.ts";
import { type Access, type Action, ANONYMOUS, type Identity } from "./access.ts";
import type { AccessSettings } from "./access-settings.ts";
import { AttemptLimiter } from "./attempt-limiter.ts";
import { parseBasic, splitAuthorization } from "./basic-credentials.ts";
import { ExternalIssuer } from "./external-issuer.ts";
import { Logins } from "./logins.ts";
import { type Bearer, OwnTokens } from "./own-tokens.ts";
import { PasswordFile } from "./password-file.ts";
import type { Policies } from "./policies.ts";
import { formatScope, isGranted } from "./scope.ts";
import { SigningKeys } from "./signing-keys.ts";
import { TOKEN_PATH, TokenEndpoint } from "./token-endpoint.ts";
import { claimedIssuer } from "./token-fault.ts";

/**
 * Access as a configuration file describes it. Files are read and keys made before it returns, so that a server
 * which could let nobody in does not start.
 *
 * @throws failed-precondition when a file of the configuration cannot be used
 */
export async function openAccess(settings: AccessSettings): Promise<Access> {
  const { htpasswd, issuers, tokens, policies, proxies } = settings;
  const passwords =
    htpasswd === undefined ? undefined : new PasswordFile({ path: htpasswd, limiter: new AttemptLimiter() });
  await passwords?.load();
  const logins = new Logins({
    passwords,
    issuers: issuers.map((issuer) => new ExternalIssuer(issuer)),
    certificates: settings.certificates,
    groups: settings.groups,
  });
  if (tokens === undefined) return new ConfiguredAccess(settings, logins, undefined);
  const keys = await SigningKeys.open(tokens.keys, tokens.algorithm);
  const own = new OwnTokens({ ...tokens, keys });
  return new ConfiguredAccess(settings, logins, {
    tokens: own,
    endpoint: new TokenEndpoint({ tokens: own, logins, policies, proxies }),
  });
}

interface OwnTokenService {
  readonly tokens: OwnTokens;
  readonly endpoint: TokenEndpoint;
}

class ConfiguredAccess implements Access {
  readonly #settings: AccessSettings;
  readonly #policies: Policies;
  readonly #logins: Logins;
  readonly #own: OwnTokenService | undefined;
  /** Requests whose token was good: what it lacked then is scope. */
  readonly #identified = new WeakSet<IncomingMessage>();

  constructor(settings: AccessSettings, logins: Logins, own: OwnTokenService | undefined) {
    this.#settings = settings;
    this.#policies = settings.policies;
    this.#logins = logins;
    this.#own = own;
  }

  async identify(request: IncomingMessage): Promise<Identity> {
    const identity = await this.#identify(request);
    this.#identified.add(request);
    return identity;
  }

  allows(identity: Identity, repository: string, action: Action, tag?: string): boolean {
    if (identity.grants !== undefined && !isGranted(identity.grants, repository, action)) return false;
    if (identity.grantsDecide === true) return !this.#policies.isFixed(identity, repository, action, tag);
    return this.#policies.allow(identity, repository, action, tag);
  }

  refusal(
    identity: Identity,
    repository: string,
    action: Action,
    tag?: string,
  ): "unauthenticated" | "permission-denied" {
    if (identity.name === undefined) return "unauthenticated";
    if (identity.grants === undefined || isGranted(identity.grants, repository, action))
      return "permission-denied";
    // A client asks for a token that can do one thing, and for another one when it goes on to the next.
    const couldHave =
      identity.grantsDecide === true || this.#policies.allow(identity, repository, action, tag);
    return couldHave ? "unauthenticated" : "permission-denied";
  }

  welcomes(identity: Identity): boolean {
    if (identity.name !== undefined || identity.grants !== undefined) return true;
    return !this.#logins.takesCredentials && this.#policies.admitsAnonymous;
  }

  challenge(
    request: IncomingMessage,
    wanted?: { readonly repository: string; readonly actions: readonly Action[] },
  ): string {
    const bearer = this.#bearerRealm(request);
    if (bearer === undefined) return `Basic realm="${this.#settings.realm}", charset="UTF-8"`;
    const parts = [`realm="${bearer.url}"`, `service="${bearer.service}"`];
    if (wanted !== undefined) parts.push(`scope="${formatScope(wanted.repository, wanted.actions)}"`);
    if (splitAuthorization(request.headers.authorization ?? "")?.scheme === "bearer") {
      parts.push(`error="${this.#identified.has(request) ? "insufficient_scope" : "invalid_token"}"`);
    }
    return `Bearer ${parts.join(",")}`;
  }

  clientAddress(request: IncomingMessage): string {
    return this.#settings.proxies.clientAddress(request);
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    return (await this.#own?.endpoint.serve(request, response)) ?? false;
  }

  async #identify(request: IncomingMessage): Promise<Identity> {
    const header = request.headers.authorization;
    if (header === undefined) return this.#identityOf(this.#logins.withoutCredentials(request));
    const parts = splitAuthorization(header);
    if (parts?.scheme === "basic") {
      const credentials = parseBasic(parts.value);
      if (credentials === undefined) throw new CortenError("unauthenticated", "malformed Basic credentials");
      const address = this.#settings.proxies.clientAddress(request);
      return this.#identityOf(await this.#logins.withPassword(credentials, address));
    }
    if (parts?.scheme === "bearer") return this.#withToken(parts.value);
    throw new CortenError("unauthenticated", "credentials of a scheme that is not Basic or Bearer");
  }

  async #withToken(token: string): Promise<Identity> {
    const own = this.#own?.tokens;
    const claimed = claimedIssuer(token);
    if (own !== undefined && claimed === own.service) {
      const { bearer, grants } = await own.verifyAccess(token);
      return { ...(await this.#logins.subject(bearer)), grants };
    }
    const { identity } = await this.#logins.issuerNamed(claimed).identify(token);
    const groups = this.#settings.groups.of(identity.name ?? "");
    return { ...identity, groups: [...identity.groups, ...groups] };
  }

  async #identityOf(bearer: Bearer): Promise<Identity> {
    if (bearer.proof === "anonymous") return ANONYMOUS;
    const subject = await this.#logins.subject(bearer);
    return { ...subject, ...(bearer.grants === undefined ? {} : { grants: bearer.grants }) };
  }

  #bearerRealm(request: IncomingMessage): { readonly url: string; readonly service: string } | undefined {
    const { externalRealm, tokens, proxies } = this.#settings;
    if (externalRealm !== undefined) return externalRealm;
    if (tokens === undefined) return undefined;
    if (tokens.url !== undefined) return { url: tokens.url, service: tokens.service };
    const host = request.headers.host ?? "";
    // The client wrote it: nothing else than a host may get into the header.
    const isHost = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/.test(host);
    const origin = `${proxies.isEncrypted(request) ? "https" : "http"}://${isHost ? host : "localhost"}`;
    return { url: `${origin}${TOKEN_PATH}`, service: tokens.service };
  }
}
