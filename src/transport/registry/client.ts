import type { Reference } from "../../spec/index.ts";
import { CortenError, canonicalReference, DEFAULT_REGISTRY } from "../../spec/index.ts";
import { Authorizer } from "./authorizer.ts";
import { CERTIFICATE_DIRECTORIES } from "./certificates.ts";
import { findCredentials } from "./credentials.ts";
import { failureOf, RegistryError } from "./failure.ts";
import type { HttpReply, HttpRequest } from "./http.ts";
import { Connections } from "./http.ts";
import { isStream, readStart } from "./http-body.ts";
import { hostOf, isLoopback } from "./network.ts";
import type { RegistryOptions } from "./options.ts";
import { RangePolicy } from "./ranges.ts";
import { checkRedirect } from "./realm.ts";
import type { RetryPolicy } from "./retry.ts";
import { retrying } from "./retry.ts";
import { Secrets } from "./secrets.ts";
import { Warnings } from "./warnings.ts";

/** The host that serves the API of docker.io. */
const DOCKER_HUB_API = "registry-1.docker.io";
const MAX_REDIRECTS = 5;
const MAX_ERROR_BODY = 16 * 1024;

/** A request to the registry's API. */
export interface ApiRequest {
  readonly method: HttpRequest["method"];
  /** Path below the base URL (`/v2/…`), or a URL that the registry handed out. */
  readonly path: string | URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: HttpRequest["body"];
  /** The rights that the request needs. */
  readonly actions: "pull" | "pull,push" | "pull,delete";
  /** Another repository that the request reads from. */
  readonly alsoPull?: string;
  /** Status codes that are answers; everything else is thrown. */
  readonly expect: readonly number[];
  /** What the request does and to what, for messages. */
  readonly what: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * One repository's registry: finds the endpoint, authorises, follows redirects by hand, turns every
 * unexpected answer into an error. Shared by source and sink; let go of it with `await using`.
 */
export class RegistryClient implements AsyncDisposable {
  readonly reference: Reference;
  readonly retry: RetryPolicy;
  readonly ranges: RangePolicy;
  readonly #options: RegistryOptions;
  readonly #connections: Connections;
  readonly #secrets = new Secrets();
  readonly #authorizer: Authorizer;
  readonly #warnings: Warnings;
  #base: Promise<URL> | undefined;

  constructor(reference: Reference, options: RegistryOptions = {}) {
    const environment = options.environment ?? process.env;
    this.reference = reference;
    this.#options = options;
    this.retry = { attempts: options.attempts ?? 5, backoff: options.backoff ?? 250 };
    this.ranges = new RangePolicy(options.ranges);
    this.#warnings = new Warnings(options.onWarning);
    this.#connections = new Connections({
      insecure: options.insecure ?? false,
      idleTimeout: options.idleTimeout ?? 60_000,
      certificateDirectories: options.certificateDirectories ?? CERTIFICATE_DIRECTORIES,
      ownCertificates:
        options.certificateDirectory === undefined
          ? undefined
          : { host: apiHost(reference.registry), directory: options.certificateDirectory },
      environment,
    });
    const { credentials, authFile } = options;
    const { registry, repository } = reference;
    this.#authorizer = new Authorizer(
      this.#connections,
      this.#secrets,
      async (signal) => {
        if (credentials === "anonymous") return undefined;
        return credentials ?? findCredentials({ registry, repository, authFile, environment, signal });
      },
      options.trustedTokenHosts ?? [],
    );
  }

  /** The reference in full, as it is shown. */
  get name(): string {
    return canonicalReference(this.reference);
  }

  /**
   * Sends a request, again where that may help and its body allows it.
   *
   * @throws CortenError by the status (see failureOf), or `unavailable` when no answer comes
   */
  async request(request: ApiRequest): Promise<HttpReply> {
    const policy = isStream(request.body) ? { ...this.retry, attempts: 1 } : this.retry;
    return retrying(policy, request.signal, () => this.requestOnce(request));
  }

  /** {@link request} without retries. */
  async requestOnce(request: ApiRequest): Promise<HttpReply> {
    const reply = await this.#authorized(request);
    // A place that the registry redirects to does not speak for it.
    if (reply.url.origin === (await this.#endpoint(request.signal)).origin) {
      this.#warnings.see(this.reference.registry, headerText(reply, "warning"));
    }
    if (request.expect.includes(reply.status)) return reply;
    const body =
      request.method === "HEAD" ? "" : this.#secrets.redact(await readStart(reply, MAX_ERROR_BODY));
    throw failureOf(request.what, { status: reply.status, retryAfter: reply.headers["retry-after"], body });
  }

  /**
   * Fetches from a URL that is no part of the registry, as a descriptor's `urls` are: never with
   * credentials, whatever the server there asks for (CVE-2020-15157).
   */
  async requestForeign(url: URL, request: Omit<ApiRequest, "path" | "actions">): Promise<HttpReply> {
    const base = await this.#endpoint(request.signal);
    // Checked like a redirect, which it is in effect.
    const target = checkRedirect(url.href, base, this.#referrer(base), true);
    return retrying(this.retry, request.signal, async () => {
      const reply = await this.#follow({ ...toHttp(request, target.url), addresses: target.addresses }, base);
      if (request.expect.includes(reply.status)) return reply;
      const body = this.#secrets.redact(await readStart(reply, MAX_ERROR_BODY));
      throw failureOf(request.what, { status: reply.status, retryAfter: reply.headers["retry-after"], body });
    });
  }

  async #authorized(request: ApiRequest): Promise<HttpReply> {
    const base = await this.#endpoint(request.signal);
    const url = new URL(request.path, base);
    const http = toHttp(request, url);
    if (url.origin !== base.origin) {
      // An upload location on another host: followed like a redirect, without credentials.
      const { addresses } = checkRedirect(
        url.href,
        base,
        this.#referrer(base),
        this.#options.insecure ?? false,
      );
      return this.#follow({ ...http, addresses }, base);
    }
    const own = `repository:${this.reference.repository}:${request.actions}`;
    const scope = request.alsoPull === undefined ? own : `${own} repository:${request.alsoPull}:pull`;
    const first = await this.#authorizer.current(scope, request.signal);
    const reply = await this.#follow(withAuthorization(http, first), base);
    if (reply.status !== 401 || reply.url.origin !== base.origin || isStream(request.body)) return reply;
    const answer = await this.#authorizer.answer(reply, base, scope, first, request.signal);
    if (answer === undefined) return reply;
    reply.drop();
    return this.#follow(withAuthorization(http, answer), base);
  }

  /** Sends and follows redirects; Authorization stays with the origin it was meant for (distribution-spec). */
  async #follow(request: HttpRequest, base: URL): Promise<HttpReply> {
    let current = request;
    let reply = await this.#connections.send(current);
    for (let hops = 0; isRedirect(reply.status); hops++) {
      const { location } = reply.headers;
      if (location === undefined) return reply;
      reply.drop();
      if (hops === MAX_REDIRECTS) {
        throw new RegistryError(
          "failed-precondition",
          `${request.url.host}: more than ${MAX_REDIRECTS} redirects`,
          {
            status: reply.status,
          },
        );
      }
      const safe = current.method === "GET" || current.method === "HEAD";
      const again = safe || ((reply.status === 307 || reply.status === 308) && !isStream(current.body));
      if (!again) {
        throw new RegistryError(
          "failed-precondition",
          `${request.url.host} redirects a ${current.method} (${reply.status})`,
          {
            status: reply.status,
          },
        );
      }
      const { url, addresses } = checkRedirect(
        location,
        current.url,
        this.#referrer(base),
        this.#options.insecure ?? false,
      );
      const { authorization, ...headers } = current.headers ?? {};
      const stays = authorization !== undefined && url.origin === current.url.origin;
      current = { ...current, url, addresses, headers: stays ? { ...headers, authorization } : headers };
      reply = await this.#connections.send(current);
    }
    return reply;
  }

  #referrer(base: URL) {
    return { url: base, peer: undefined, trusted: this.#options.trustedTokenHosts ?? [] };
  }

  #endpoint(signal: AbortSignal | undefined): Promise<URL> {
    this.#base ??= this.#findEndpoint(signal).catch((error) => {
      this.#base = undefined;
      throw error;
    });
    return this.#base;
  }

  /**
   * https, or http where the registry is on this machine or the caller says insecure, and only when the
   * other side does not speak TLS at all: a certificate that does not verify is never a reason.
   */
  async #findEndpoint(signal: AbortSignal | undefined): Promise<URL> {
    const { registry } = this.reference;
    const secure = new URL(`https://${apiHost(registry)}`);
    if (!this.#options.insecure && !isLoopback(hostOf(secure))) return secure;
    try {
      const reply = await this.#connections.send({ method: "GET", url: new URL("/v2/", secure), signal });
      reply.drop();
      return secure;
    } catch (error) {
      if (!(error instanceof CortenError) || error.code !== "unavailable") throw error;
      return new URL(`http://${registry}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connections[Symbol.asyncDispose]();
  }
}

function apiHost(registry: string): string {
  return registry === DEFAULT_REGISTRY ? DOCKER_HUB_API : registry;
}

function toHttp(request: Omit<ApiRequest, "path" | "actions">, url: URL): HttpRequest {
  const { method, headers = {}, body, signal } = request;
  return { method, url, headers, signal, ...(body === undefined ? {} : { body }) };
}

function withAuthorization(request: HttpRequest, authorization: string | undefined): HttpRequest {
  return authorization === undefined
    ? request
    : { ...request, headers: { ...request.headers, authorization } };
}

function headerText({ headers }: HttpReply, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(", ") : value;
}

function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308;
}
