import type { Reference } from "../../spec/index.ts";
import { CortenError, DEFAULT_REGISTRY } from "../../spec/index.ts";
import type { ApiRequest } from "./api-request.ts";
import { Authorizer } from "./authorizer.ts";
import { CERTIFICATE_DIRECTORIES } from "./certificates.ts";
import type { EndpointSettings } from "./configuration/endpoints.ts";
import { findCredentials } from "./credentials.ts";
import { failureOf, RegistryError } from "./failure.ts";
import type { HttpReply, HttpRequest } from "./http.ts";
import { Connections } from "./http.ts";
import { isStream, readStart } from "./http-body.ts";
import { hostOf, isLoopback } from "./network.ts";
import type { RegistryOptions } from "./options.ts";
import { checkRedirect } from "./realm.ts";
import { Secrets } from "./secrets.ts";

/** The host that serves the API of docker.io. */
const DOCKER_HUB_API = "registry-1.docker.io";
const MAX_REDIRECTS = 5;
const MAX_ERROR_BODY = 16 * 1024;

/**
 * One host that serves a repository: finds out how it speaks, authorises, follows redirects by hand, turns every unexpected
 * answer into an error. Credentials, headers and certificates of one endpoint never reach another.
 */
export class Endpoint implements AsyncDisposable {
  readonly settings: EndpointSettings;
  readonly #options: RegistryOptions;
  readonly #path: string;
  readonly #connections: Connections;
  readonly #secrets = new Secrets();
  readonly #authorizer: Authorizer;
  #base: Promise<URL> | undefined;
  #origin: string | undefined;

  constructor(
    { registry, repository }: Reference,
    settings: EndpointSettings,
    helpers: readonly string[],
    options: RegistryOptions,
  ) {
    const environment = options.environment ?? process.env;
    this.settings = settings;
    this.#options = { ...options, insecure: options.insecure === true || settings.insecure };
    this.#path = `/v2/${repository}/`;
    const { host, primary, ca, client } = settings;
    const own = primary && host === registry ? options.certificateDirectory : undefined;
    this.#connections = new Connections({
      insecure: this.#options.insecure ?? false,
      idleTimeout: options.idleTimeout ?? 60_000,
      certificateDirectories: options.certificateDirectories ?? CERTIFICATE_DIRECTORIES,
      ownCertificates: { host: settings.root?.host ?? apiHost(host), directory: own, ca, client },
      environment,
    });
    const { credentials, authFile } = options;
    this.#authorizer = new Authorizer(
      this.#connections,
      this.#secrets,
      async (signal) => {
        if (credentials === "anonymous") return undefined;
        // Those that the caller gives are for the registry that the caller named, and for no mirror of it.
        if (credentials !== undefined && primary) return credentials;
        const query = { registry: host, repository: settings.repository, helpers };
        return findCredentials({ ...query, authFile, environment, signal });
      },
      options.trustedTokenHosts ?? [],
    );
  }

  /** Sends a request once; an answer that is not expected is thrown. */
  async request(request: ApiRequest): Promise<HttpReply> {
    const reply = await this.#authorized(request);
    if (request.expect.includes(reply.status)) return reply;
    const body =
      request.method === "HEAD" ? "" : this.#secrets.redact(await readStart(reply, MAX_ERROR_BODY));
    throw failureOf(request.what, { status: reply.status, retryAfter: reply.headers["retry-after"], body });
  }

  /** True for a URL on this endpoint, once that has been spoken to. */
  owns(url: URL): boolean {
    return url.origin === this.#origin;
  }

  /**
   * Fetches from a URL that is no part of the registry, as a descriptor's `urls` are: never with
   * credentials, whatever the server there asks for (CVE-2020-15157).
   */
  async requestForeign(url: URL, request: Omit<ApiRequest, "path" | "actions">): Promise<HttpReply> {
    const base = await this.#endpoint(request.signal);
    // Checked like a redirect, which it is in effect.
    const target = checkRedirect(url.href, base, this.#referrer(base), true);
    const reply = await this.#follow({ ...toHttp(request, target.url), addresses: target.addresses }, base);
    if (request.expect.includes(reply.status)) return reply;
    const body = this.#secrets.redact(await readStart(reply, MAX_ERROR_BODY));
    throw failureOf(request.what, { status: reply.status, retryAfter: reply.headers["retry-after"], body });
  }

  /** The URL for a path of the API, which names the repository as the user does. */
  #urlOf(path: string | URL, base: URL): URL {
    if (path instanceof URL || !path.startsWith(this.#path)) return new URL(path, base);
    const { root, repository, namespace } = this.settings;
    const prefix = `${root === undefined ? "/v2" : root.pathname.replace(/\/$/, "")}/${repository}/`;
    const url = new URL(`${prefix}${path.slice(this.#path.length)}`, base);
    if (namespace !== undefined) url.searchParams.set("ns", namespace);
    return url;
  }

  async #authorized(request: ApiRequest): Promise<HttpReply> {
    const base = await this.#endpoint(request.signal);
    const url = this.#urlOf(request.path, base);
    const http = toHttp(request, url, url.origin === base.origin ? this.settings.headers : {});
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
    const { actions } = request;
    const own = actions === "login" ? "" : `repository:${this.settings.repository}:${actions}`;
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
      const stays = url.origin === current.url.origin;
      current = {
        ...current,
        url,
        addresses,
        headers: stays ? (current.headers ?? {}) : this.#publicHeaders(current),
      };
      reply = await this.#connections.send(current);
    }
    return reply;
  }

  /** The headers that another origin may see: not Authorization, nor what a file says to send to this endpoint. */
  #publicHeaders({ headers = {} }: HttpRequest): Readonly<Record<string, string>> {
    const own = new Set([
      "authorization",
      ...Object.keys(this.settings.headers).map((name) => name.toLowerCase()),
    ]);
    return Object.fromEntries(Object.entries(headers).filter(([name]) => !own.has(name.toLowerCase())));
  }

  #referrer(base: URL) {
    return { url: base, peer: undefined, trusted: this.#options.trustedTokenHosts ?? [] };
  }

  #endpoint(signal: AbortSignal | undefined): Promise<URL> {
    this.#base ??= this.#findEndpoint(signal).then(
      (base) => {
        this.#origin = base.origin;
        return base;
      },
      (error) => {
        this.#base = undefined;
        throw error;
      },
    );
    return this.#base;
  }

  /**
   * https, or http where the registry is on this machine or the caller says insecure, and only when the
   * other side does not speak TLS at all: a certificate that does not verify is never a reason.
   */
  async #findEndpoint(signal: AbortSignal | undefined): Promise<URL> {
    const { root, host } = this.settings;
    if (root !== undefined) return new URL(root.origin);
    const secure = new URL(`https://${apiHost(host)}`);
    if (!this.#options.insecure && !isLoopback(hostOf(secure))) return secure;
    try {
      const reply = await this.#connections.send({ method: "GET", url: new URL("/v2/", secure), signal });
      reply.drop();
      return secure;
    } catch (error) {
      if (!(error instanceof CortenError) || error.code !== "unavailable") throw error;
      return new URL(`http://${host}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connections[Symbol.asyncDispose]();
  }
}

function apiHost(registry: string): string {
  return registry === DEFAULT_REGISTRY ? DOCKER_HUB_API : registry;
}

function toHttp(
  request: Omit<ApiRequest, "path" | "actions">,
  url: URL,
  more: Readonly<Record<string, string>> = {},
): HttpRequest {
  const { method, headers = {}, body, signal } = request;
  return { method, url, headers: { ...more, ...headers }, signal, ...(body === undefined ? {} : { body }) };
}

function withAuthorization(request: HttpRequest, authorization: string | undefined): HttpRequest {
  return authorization === undefined
    ? request
    : { ...request, headers: { ...request.headers, authorization } };
}

function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308;
}
