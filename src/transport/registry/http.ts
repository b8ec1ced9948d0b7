import type { IncomingHttpHeaders, IncomingMessage, RequestOptions } from "node:http";
import { Agent as HttpAgent, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { CortenError } from "../../spec/index.ts";
import type { OwnCertificates } from "./certificates.ts";
import { tlsContext } from "./certificates.ts";
import { RegistryError, shownUrl } from "./failure.ts";
import { bodyHeaders, ContentFailure, isStream, sendBody } from "./http-body.ts";
import type { Reach } from "./network.ts";
import { guardedLookup, hostOf } from "./network.ts";
import { proxyAuthorization, proxyFor } from "./proxy.ts";
import { Silence } from "./silence.ts";
import { TunnelAgent } from "./tunnel-agent.ts";

/** A request body: bytes that can be sent again, or a stream of known size that cannot. */
export type Body = Uint8Array | { readonly size: number; readonly content: AsyncIterable<Uint8Array> };

/** One HTTP request, sent once: no redirect, no retry, no credential of its own. */
export interface HttpRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Body;
  readonly signal?: AbortSignal | undefined;
  /** The reaches that the host's addresses may have. Default: any. */
  readonly addresses?: readonly Reach[] | undefined;
}

/** The head of an answer; the body is still on the connection and must be read or dropped. */
export interface HttpReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly url: URL;
  /** The address that answered; unknown behind a proxy. */
  readonly peer: string | undefined;
  readonly body: AsyncIterable<Uint8Array>;
  /** Lets go of the body without reading it. */
  drop(): void;
}

/** How long the answer to an upload may take, in milliseconds. */
const PATIENCE = 10 * 60_000;

/** How long a connection may take to come about, in milliseconds: a firewall may swallow the request for it. */
const CONNECTING = 15_000;

/** How connections are made. */
export interface ConnectionOptions {
  readonly insecure: boolean;
  readonly idleTimeout: number;
  readonly certificateDirectories: readonly string[];
  /** Certificates for one host alone. */
  readonly ownCertificates?: (OwnCertificates & { readonly host: string }) | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Connections kept open between requests: one pool for each origin. Let go of it with `await using`. */
export class Connections implements AsyncDisposable {
  readonly #options: ConnectionOptions;
  readonly #agents = new Map<string, Promise<HttpAgent>>();

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /**
   * Sends a request and resolves with the head of the answer.
   *
   * @throws unavailable when no answer comes, failed-precondition when TLS does not verify, the
   *   signal's reason when aborted
   */
  async send(request: HttpRequest): Promise<HttpReply> {
    const { url, signal, addresses } = request;
    signal?.throwIfAborted();
    const proxy = proxyFor(url, this.#options.environment);
    // Behind a proxy it is the proxy that looks names up; of a name it reaches, this machine knows nothing.
    const lookup = addresses === undefined ? undefined : await guardedLookup(hostOf(url), addresses);
    // TLS goes through the proxy in a tunnel; plain HTTP is asked of it (RFC 9112, section 3.2.2).
    const asked = url.protocol === "http:" ? proxy : undefined;
    const contact = asked ?? url;
    const options: RequestOptions = {
      method: request.method,
      host: hostOf(contact),
      port: contact.port === "" ? undefined : Number(contact.port),
      path: `${asked === undefined ? "" : url.origin}${url.pathname}${url.search}`,
      headers: {
        "user-agent": "corten",
        host: url.host,
        ...request.headers,
        ...bodyHeaders(request),
        ...(asked === undefined ? {} : proxyAuthorization(asked)),
      },
      agent: await this.#agent(contact, proxy, addresses),
      ...(lookup === undefined || proxy !== undefined ? {} : { lookup }),
      ...(signal === undefined ? {} : { signal }),
    };
    try {
      return await this.#exchange(request, options, contact.protocol === "https:", proxy !== undefined);
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof ContentFailure) throw error.cause;
      throw connectionError(request, error);
    }
  }

  async #exchange(
    request: HttpRequest,
    options: RequestOptions,
    tls: boolean,
    proxied: boolean,
  ): Promise<HttpReply> {
    const { idleTimeout } = this.#options;
    const message = tls ? httpsRequest(options) : httpRequest(options);
    const silence = new Silence(idleTimeout, (error) => message.destroy(error));
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      message.once("response", resolve);
      message.once("error", reject);
      message.once("close", () => reject(new Error("the connection closed without an answer")));
    });
    message.once("socket", (socket) => {
      if (!socket.connecting) return;
      silence.watch(Math.min(idleTimeout, CONNECTING));
      socket.once("connect", () => silence.watch());
    });
    answered.catch(() => {}); // awaited below; while the body is still being sent nobody listens
    silence.watch();
    try {
      if (request.body !== undefined) await sendBody(message, request.body, answered, silence);
      message.end();
      // A registry over an object store copies a large blob before it answers.
      silence.watch(isStream(request.body) ? Math.max(idleTimeout, PATIENCE) : idleTimeout);
      const response = await answered;
      return {
        status: response.statusCode ?? 0,
        headers: response.headers,
        url: request.url,
        peer: proxied ? undefined : response.socket?.remoteAddress,
        body: readBody(request, response, idleTimeout),
        drop: () => dropBody(response),
      };
    } catch (error) {
      message.destroy();
      throw error;
    } finally {
      silence.end();
    }
  }

  /** The pool for a URL. A guarded request must not run on a connection that was made without its guard. */
  #agent(url: URL, proxy: URL | undefined, addresses: readonly Reach[] = []): Promise<HttpAgent> {
    const key = [url.origin, ...addresses].join(" ");
    const known = this.#agents.get(key);
    if (known !== undefined) return known;
    const agent = this.#newAgent(url, proxy);
    this.#agents.set(key, agent);
    return agent;
  }

  async #newAgent(url: URL, proxy: URL | undefined): Promise<HttpAgent> {
    if (url.protocol === "http:") return new HttpAgent({ keepAlive: true });
    const { certificateDirectories, ownCertificates, environment, insecure } = this.#options;
    const own = ownCertificates?.host === url.host ? ownCertificates : undefined;
    const secureContext = await tlsContext(url.host, certificateDirectories, environment, own);
    const options = { keepAlive: true, rejectUnauthorized: !insecure, secureContext };
    const tunnel = proxy !== undefined && proxy !== url;
    return tunnel ? new TunnelAgent(proxy, options) : new HttpsAgent(options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const agents = await Promise.allSettled(this.#agents.values());
    for (const agent of agents) if (agent.status === "fulfilled") agent.value.destroy();
    this.#agents.clear();
  }
}

async function* readBody(
  request: HttpRequest,
  response: IncomingMessage,
  idleTimeout: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  const silence = new Silence(idleTimeout, (error) => response.destroy(error));
  try {
    silence.watch();
    for await (const chunk of response as AsyncIterable<Uint8Array>) {
      silence.end(); // the reader's own pauses do not count
      yield chunk;
      silence.watch();
    }
  } catch (error) {
    request.signal?.throwIfAborted();
    throw connectionError(request, error);
  } finally {
    silence.end();
    response.destroy();
  }
}

/** A short body is swallowed, so that the connection can serve again; for a long one a new connection is cheaper. */
function dropBody(response: IncomingMessage): void {
  response.on("error", () => {
    // The body is not wanted, and neither is the news that it was cut.
  });
  const length = Number(response.headers["content-length"] ?? Number.POSITIVE_INFINITY);
  if (length <= 64 * 1024) response.resume();
  else response.destroy();
}

function connectionError(request: HttpRequest, error: unknown): CortenError {
  if (error instanceof CortenError) return error;
  const { code = "", message } = error as NodeJS.ErrnoException;
  const where = `${request.method} ${shownUrl(request.url)}`;
  if (/ALERT_(?:\w*CERTIFICATE\w*|UNKNOWN_CA)/.test(`${code} ${message}`)) {
    return new RegistryError(
      "failed-precondition",
      `${where}: the server wants a client certificate that it knows`,
      {
        cause: error,
        hint: `put it into /etc/containers/certs.d/${request.url.host}/ as client.cert and client.key`,
      },
    );
  }
  if (isCertificateError(code)) {
    return new RegistryError(
      "failed-precondition",
      `${where}: the server's certificate does not verify: ${message}`,
      {
        cause: error,
        hint: `put the authority's certificate into /etc/containers/certs.d/${request.url.host}/ca.crt`,
      },
    );
  }
  const nowhere = code === "ENOTFOUND";
  return new RegistryError(
    "unavailable",
    `${where}: ${nowhere ? "there is no host of that name" : message.trim()}`,
    {
      cause: error,
      retryable: !nowhere,
      ...(nowhere ? { hint: "check the name and the network; behind a proxy, set HTTPS_PROXY" } : {}),
      ...(/^E[A-Z0-9]+$/.test(code) ? { errno: code } : {}),
    },
  );
}

function isCertificateError(code: string): boolean {
  return /CERT|^UNABLE_TO_|^SELF_SIGNED|^HOSTNAME_MISMATCH|_SIGNATURE_FAILURE$/.test(code);
}
