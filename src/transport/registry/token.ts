import { parseStrictJson } from "../../spec/index.ts";
import { failureOf, RegistryError, shownUrl } from "./failure.ts";
import type { Connections, HttpReply } from "./http.ts";
import { readAll, readStart } from "./http-body.ts";
import type { Credentials } from "./options.ts";
import type { Target } from "./realm.ts";
import type { Secrets } from "./secrets.ts";

/** A bearer token and the time, in milliseconds of the epoch, after which a new one is due. */
export interface Token {
  readonly value: string;
  readonly expires: number;
}

/** What a token is asked for. */
export interface TokenRequest {
  readonly target: Target;
  readonly service: string | undefined;
  readonly scopes: readonly string[];
  readonly credentials: Credentials | undefined;
  readonly signal: AbortSignal | undefined;
}

const MAX_ANSWER = 1024 * 1024;
/** How long a token lives when the answer does not say (Docker's token authentication, "Token response"). */
const DEFAULT_LIFETIME = 60;
/** A token is renewed this long before its end, so that it does not end on the way. */
const MARGIN = 5_000;

/**
 * Gets a token for the scopes: GET with Basic for a password or for nobody (Docker's token
 * authentication), POST with a refresh token for an identity token (its OAuth2 variant). A redirect
 * is not followed, for credentials are in the request.
 *
 * @throws unauthenticated or permission-denied when the service refuses
 */
export async function fetchToken(
  connections: Connections,
  secrets: Secrets,
  request: TokenRequest,
): Promise<Token> {
  const { target, credentials } = request;
  const reply =
    credentials !== undefined && "identityToken" in credentials
      ? await postRefreshToken(connections, request, credentials.identityToken)
      : await getToken(connections, request);
  const what = `get a token from ${shownUrl(target.url)}`;
  if (reply.status !== 200) {
    const body = secrets.redact(await readStart(reply, 16 * 1024));
    throw failureOf(what, { status: reply.status, retryAfter: reply.headers["retry-after"], body });
  }
  const token = readToken(await readAll(reply, MAX_ANSWER), what);
  secrets.add(token.value);
  return token;
}

function getToken(connections: Connections, request: TokenRequest): Promise<HttpReply> {
  const { target, service, scopes, credentials, signal } = request;
  const url = new URL(target.url);
  if (service !== undefined) url.searchParams.set("service", service);
  for (const scope of scopes) url.searchParams.append("scope", scope);
  const headers: Record<string, string> = { accept: "application/json" };
  if (credentials !== undefined && "username" in credentials) {
    url.searchParams.set("account", credentials.username);
    headers["authorization"] = basic(credentials);
  }
  return connections.send({ method: "GET", url, headers, signal, addresses: target.addresses });
}

function postRefreshToken(
  connections: Connections,
  request: TokenRequest,
  refreshToken: string,
): Promise<HttpReply> {
  const { target, service, scopes, signal } = request;
  const form = new URLSearchParams({
    grant_type: "refresh_token",
    service: service ?? "",
    client_id: "corten",
    scope: scopes.join(" "),
    refresh_token: refreshToken,
  });
  return connections.send({
    method: "POST",
    url: target.url,
    headers: { accept: "application/json", "content-type": "application/x-www-form-urlencoded" },
    body: new TextEncoder().encode(form.toString()),
    signal,
    addresses: target.addresses,
  });
}

function readToken(bytes: Uint8Array, what: string): Token {
  let answer: { token?: unknown; access_token?: unknown; expires_in?: unknown } | null;
  try {
    answer = parseStrictJson(bytes, "the answer") as typeof answer;
  } catch {
    // The cause would quote the answer, and so the token.
    throw new RegistryError("unauthenticated", `${what}: the answer is not JSON`, { status: 200 });
  }
  const value = answer?.token || answer?.access_token;
  if (typeof value !== "string" || !/^[\x21-\x7e]+$/.test(value)) {
    throw new RegistryError("unauthenticated", `${what}: the answer has no token`, { status: 200 });
  }
  const seconds = answer?.expires_in;
  const lifetime = typeof seconds === "number" && seconds > 0 ? Math.min(seconds, 86_400) : DEFAULT_LIFETIME;
  return { value, expires: Date.now() + Math.max(lifetime * 1000 - MARGIN, 0) };
}

/** The value of an Authorization header (RFC 7617). */
export function basic({
  username,
  password,
}: {
  readonly username: string;
  readonly password: string;
}): string {
  return `Basic ${Buffer.from(`${username}:${password}`, "utf8").toString("base64")}`;
}
