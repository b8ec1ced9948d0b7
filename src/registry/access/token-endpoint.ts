import type { IncomingMessage, ServerResponse } from "node:http";
import { CortenError, isCortenError } from "../../spec/index.ts";
import type { Action } from "./access.ts";
import { parseBasic, splitAuthorization } from "./basic-credentials.ts";
import type { TrustedProxies } from "./client-address.ts";
import type { Logins } from "./logins.ts";
import type { Bearer, IssuedToken, OwnTokens } from "./own-tokens.ts";
import type { Policies } from "./policies.ts";
import { RetryLater } from "./retry-later.ts";
import { cutScope, isGranted, parseScopes } from "./scope.ts";

/** The endpoint's path on the registry's own address. */
export const TOKEN_PATH = "/token";
/** Where the keys are that tokens are verified with (RFC 8615). */
export const KEYS_PATH = "/.well-known/jwks.json";

const MAX_FORM = 64 * 1024;

/** Options of {@link TokenEndpoint}. */
export interface TokenEndpointOptions {
  readonly tokens: OwnTokens;
  readonly logins: Logins;
  readonly policies: Policies;
  readonly proxies: TrustedProxies;
}

interface Wish {
  readonly bearer: Bearer;
  readonly scopes: readonly string[];
  readonly service: string | undefined;
  /** True for a refresh token as well. */
  readonly offline: boolean;
}

/**
 * The token endpoint as Docker's token and OAuth 2 specifications describe it: GET with Basic credentials or none,
 * POST with a form. What a client asks for is cut to what policies allow; a token for nothing is still a token, as
 * clients log in with one.
 */
export class TokenEndpoint {
  readonly #options: TokenEndpointOptions;

  constructor(options: TokenEndpointOptions) {
    this.#options = options;
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const [path, query = ""] = (request.url ?? "").split("?", 2);
    if (path === KEYS_PATH && (request.method === "GET" || request.method === "HEAD")) {
      await this.#sendKeys(request, response);
      return true;
    }
    if (path !== TOKEN_PATH) return false;
    try {
      if (request.method === "GET") {
        reply(response, 200, await this.#issue(await this.#readQuery(request, new URLSearchParams(query))));
      } else if (request.method === "POST") {
        reply(response, 200, await this.#issue(await this.#readForm(request)));
      } else {
        response.setHeader("Allow", "GET, POST");
        reply(response, 405, fault("UNSUPPORTED", "a token is asked for with GET or POST"));
      }
    } catch (error) {
      this.#refuse(request, response, error);
    }
    return true;
  }

  async #sendKeys(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = JSON.stringify({ keys: await this.#options.tokens.publicKeys() });
    response.writeHead(200, {
      "Content-Type": "application/jwk-set+json",
      "Content-Length": Buffer.byteLength(body),
      // A new key signs at once: whoever sees one that it does not know asks again.
      "Cache-Control": "public, max-age=60",
    });
    response.end(request.method === "HEAD" ? undefined : body);
  }

  async #readQuery(request: IncomingMessage, query: URLSearchParams): Promise<Wish> {
    const { logins, proxies } = this.#options;
    const header = request.headers.authorization;
    let bearer: Bearer;
    if (header === undefined) {
      bearer = logins.withoutCredentials(request);
    } else {
      const parts = splitAuthorization(header);
      const credentials = parts?.scheme === "basic" ? parseBasic(parts.value) : undefined;
      if (credentials === undefined)
        throw new CortenError("unauthenticated", "the credentials are not Basic");
      bearer = await logins.withPassword(credentials, proxies.clientAddress(request));
    }
    return {
      bearer,
      scopes: query.getAll("scope"),
      service: query.get("service") ?? undefined,
      offline: query.get("offline_token") === "true",
    };
  }

  async #readForm(request: IncomingMessage): Promise<Wish> {
    const { logins, tokens, proxies } = this.#options;
    const form = await readForm(request);
    const required = (name: string): string => {
      const value = form.get(name);
      if (value === null) throw new CortenError("invalid-argument", `the form has no ${name}`);
      return value;
    };
    const grantType = required("grant_type");
    let bearer: Bearer;
    if (grantType === "password") {
      const credentials = { name: required("username"), password: required("password") };
      bearer = await logins.withPassword(credentials, proxies.clientAddress(request));
    } else if (grantType === "refresh_token") {
      bearer = withoutEnd(await tokens.verifyRefresh(required("refresh_token")));
    } else {
      throw new CortenError("invalid-argument", `grant_type "${grantType.slice(0, 100)}" is not known`, {
        hint: "password or refresh_token",
      });
    }
    return {
      bearer,
      scopes: form.getAll("scope"),
      service: form.get("service") ?? undefined,
      offline: form.get("access_type") === "offline",
    };
  }

  async #issue({ bearer, scopes, service, offline }: Wish): Promise<object> {
    const { tokens, logins, policies } = this.#options;
    if (service !== undefined && service !== tokens.service) {
      throw new CortenError(
        "invalid-argument",
        `this endpoint makes no tokens for "${service.slice(0, 100)}"`,
        {
          hint: `the service here is ${tokens.service}`,
        },
      );
    }
    const subject = await logins.subject(bearer);
    const mayEver = (repository: string, action: Action): boolean =>
      policies.allowSometimes(subject, repository, action) && isGranted(bearer.grants, repository, action);
    const access = cutScope(parseScopes(scopes), mayEver);
    const { token, expiresIn, issuedAt } = await tokens.issueAccess(bearer, access);
    // Only passwords can be looked at again when the token is renewed: an external group lost would be kept.
    const refresh: IssuedToken | undefined =
      offline && bearer.proof === "password" ? await tokens.issueRefresh(withoutEnd(bearer)) : undefined;
    return {
      token,
      access_token: token,
      expires_in: expiresIn,
      issued_at: issuedAt.toISOString(),
      scope: access.map(({ type, name, actions }) => `${type}:${name}:${actions.join(",")}`).join(" "),
      ...(refresh === undefined ? {} : { refresh_token: refresh.token }),
    };
  }

  /** Answers what the client got wrong; the rest is the server's own trouble, for its log. */
  #refuse(request: IncomingMessage, response: ServerResponse, error: unknown): void {
    if (error instanceof RetryLater) {
      response.setHeader("Retry-After", String(error.retryAfter));
      reply(response, 429, fault("TOOMANYREQUESTS", error.message));
    } else if (isCortenError(error, "invalid-argument")) {
      reply(response, 400, { error: "invalid_request", ...fault("UNSUPPORTED", error.message) });
    } else if (isCortenError(error, "unauthenticated") && request.method === "POST") {
      reply(response, 400, { error: "invalid_grant", ...fault("UNAUTHORIZED", error.message) });
    } else if (isCortenError(error, "unauthenticated")) {
      response.setHeader(
        "WWW-Authenticate",
        `Basic realm="${this.#options.tokens.service}", charset="UTF-8"`,
      );
      reply(response, 401, fault("UNAUTHORIZED", error.message));
    } else {
      throw error;
    }
  }
}

function withoutEnd({ expires: _, ...bearer }: Bearer): Bearer {
  return bearer;
}

function fault(code: string, message: string): { readonly errors: ReadonlyArray<object> } {
  return { errors: [{ code, message }] };
}

function reply(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, {
    "Content-Type": "application/json",
    // RFC 6749, section 5.1: a token is nothing for a cache.
    "Cache-Control": "no-store",
    Pragma: "no-cache",
  });
  response.end(JSON.stringify(body));
}

async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  const type = request.headers["content-type"]?.split(";")[0]?.trim().toLowerCase();
  if (type !== "application/x-www-form-urlencoded") {
    throw new CortenError("invalid-argument", "the body is not application/x-www-form-urlencoded");
  }
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_FORM)
      throw new CortenError("invalid-argument", `the form is larger than ${MAX_FORM} bytes`);
    chunks.push(chunk);
  }
  return new URLSearchParams(Buffer.concat(chunks).toString("utf8"));
}
