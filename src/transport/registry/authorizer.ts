import { CortenError } from "../../spec/index.ts";
import type { Challenge } from "./challenge.ts";
import { parseChallenges } from "./challenge.ts";
import type { Connections, HttpReply } from "./http.ts";
import type { Credentials } from "./options.ts";
import type { Referrer } from "./realm.ts";
import { checkRealm } from "./realm.ts";
import type { Secrets } from "./secrets.ts";
import type { Token } from "./token.ts";
import { basic, fetchToken } from "./token.ts";

/** Where the registry's credentials come from; asked once, and only when the registry wants some. */
export type CredentialSource = (signal: AbortSignal | undefined) => Promise<Credentials | undefined>;

/**
 * Answers the challenges of one registry. What it returns goes to that registry's own origin only.
 */
export class Authorizer {
  readonly #connections: Connections;
  readonly #secrets: Secrets;
  readonly #source: CredentialSource;
  readonly #trusted: readonly string[];
  readonly #tokens = new Map<string, Promise<Token>>();
  #credentials: Promise<Credentials | undefined> | undefined;
  #basic: string | undefined;
  /** The last bearer challenge: with it the next token is got before a request, not after its refusal. */
  #challenge: { readonly challenge: Challenge; readonly referrer: Referrer } | undefined;

  constructor(
    connections: Connections,
    secrets: Secrets,
    source: CredentialSource,
    trusted: readonly string[],
  ) {
    this.#connections = connections;
    this.#secrets = secrets;
    this.#source = source;
    this.#trusted = trusted;
  }

  /**
   * The Authorization header to send at once: what worked before, or a new token of the service that is
   * known already. A request whose body is a stream cannot be sent again after a refusal.
   *
   * @param scope one or more of Docker's scopes, separated by spaces
   */
  async current(scope: string, signal: AbortSignal | undefined): Promise<string | undefined> {
    const pending = this.#tokens.get(scope);
    if (pending !== undefined) {
      const token = await pending;
      if (token.expires > Date.now()) return `Bearer ${token.value}`;
      if (this.#tokens.get(scope) === pending) this.#tokens.delete(scope);
      else return this.current(scope, signal);
    }
    if (this.#challenge === undefined) return this.#basic;
    const { challenge, referrer } = this.#challenge;
    return this.#newToken(challenge, referrer, scope, signal);
  }

  /**
   * The Authorization header that answers a 401. Requests that are challenged at the same time share
   * one token.
   *
   * @param rejected the header that the registry has just refused, if there was one
   * @returns undefined when there is nothing (more) to offer
   * @throws unauthenticated for a challenge that is malformed or must not be answered
   */
  async answer(
    reply: HttpReply,
    base: URL,
    scope: string,
    rejected: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<string | undefined> {
    const challenges = parseChallenges(reply.headers["www-authenticate"] ?? "");
    const bearer = challenges.find(({ scheme }) => scheme === "bearer");
    if (bearer !== undefined) {
      const known = this.#tokens.get(scope);
      const fresh = known === undefined ? undefined : `Bearer ${(await known).value}`;
      if (fresh !== undefined && fresh !== rejected) return fresh;
      const referrer = { url: base, peer: reply.peer, trusted: this.#trusted };
      const header = await this.#newToken(bearer, referrer, scope, signal);
      this.#challenge = { challenge: bearer, referrer };
      return header;
    }
    if (!challenges.some(({ scheme }) => scheme === "basic")) return undefined;
    const credentials = await this.#lookUp(signal);
    if (credentials === undefined) return undefined;
    if ("identityToken" in credentials) {
      throw new CortenError(
        "unauthenticated",
        `${base.host} wants a password, but only an identity token is stored`,
        {
          hint: "log in to the registry again",
        },
      );
    }
    const header = basic(credentials);
    if (header === rejected) return undefined;
    this.#basic = header;
    return header;
  }

  async #newToken(
    challenge: Challenge,
    referrer: Referrer,
    scope: string,
    signal: AbortSignal | undefined,
  ): Promise<string> {
    const target = checkRealm(challenge.parameters.get("realm"), referrer);
    const wanted = challenge.parameters.get("scope");
    const pending = this.#lookUp(signal).then((credentials) =>
      fetchToken(this.#connections, this.#secrets, {
        target,
        service: challenge.parameters.get("service"),
        // Some registries know one fixed scope only, and name it.
        scopes: [...new Set([...scope.split(" "), wanted ?? ""])].filter((one) => one !== ""),
        credentials,
        signal,
      }),
    );
    this.#tokens.set(scope, pending);
    try {
      return `Bearer ${(await pending).value}`;
    } catch (error) {
      if (this.#tokens.get(scope) === pending) this.#tokens.delete(scope);
      throw error;
    }
  }

  #lookUp(signal: AbortSignal | undefined): Promise<Credentials | undefined> {
    this.#credentials ??= this.#source(signal).then(
      (credentials) => {
        if (credentials !== undefined) this.#remember(credentials);
        return credentials;
      },
      (error) => {
        this.#credentials = undefined; // an abort of one request is no answer for the next
        throw error;
      },
    );
    return this.#credentials;
  }

  #remember(credentials: Credentials): void {
    if ("identityToken" in credentials) this.#secrets.add(credentials.identityToken);
    else this.#secrets.add(credentials.password, basic(credentials).slice("Basic ".length));
  }
}
