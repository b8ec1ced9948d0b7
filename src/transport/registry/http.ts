import type { IncomingHttpHeaders, IncomingMessage, RequestOptions } from "node:http";
import { Agent as HttpAgent, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { CortenError } from "../../spec/index.ts";
import { tlsContext } from "./certificates.ts";
import { RegistryError, shownUrl } from "./failure.ts";
import type { AddressRule } from "./network.ts";
import { guardedLookup, hostOf } from "./network.ts";

/** A request body: bytes that can be sent again, or a stream of known size that cannot. */
export type Body = Uint8Array | { readonly size: number; readonly content: AsyncIterable<Uint8Array> };

/** One HTTP request, sent once: no redirect, no retry, no credential of its own. */
export interface HttpRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Body;
  readonly signal?: AbortSignal | undefined;
  /** Refuses addresses that this request must not reach. */
  readonly addresses?: AddressRule | undefined;
}

/** The head of an answer; the body is still on the connection and must be read or dropped. */
export interface HttpReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly url: URL;
  /** The address that answered. */
  readonly peer: string | undefined;
  readonly body: AsyncIterable<Uint8Array>;
  /** Lets go of the body without reading it. */
  drop(): void;
}

/** How connections are made. */
export interface ConnectionOptions {
  readonly insecure: boolean;
  readonly idleTimeout: number;
  readonly certificateDirectories: readonly string[];
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
    const options: RequestOptions = {
      method: request.method,
      host: hostOf(url),
      port: url.port === "" ? undefined : Number(url.port),
      path: `${url.pathname}${url.search}`,
      headers: { "user-agent": "corten", ...request.headers, ...bodyHeaders(request) },
      // A guarded request must not run on a connection that was made without the guard.
      agent: await (addresses === undefined ? this.#agent(url) : this.#newAgent(url, false)),
      ...(addresses === undefined ? {} : { lookup: await guardedLookup(hostOf(url), addresses) }),
      ...(signal === undefined ? {} : { signal }),
    };
    try {
      return await this.#exchange(request, options);
    } catch (error) {
      signal?.throwIfAborted();
      throw connectionError(request, error);
    }
  }

  async #exchange(request: HttpRequest, options: RequestOptions): Promise<HttpReply> {
    const { idleTimeout } = this.#options;
    const message = request.url.protocol === "https:" ? httpsRequest(options) : httpRequest(options);
    const silence = new Silence(idleTimeout, (error) => message.destroy(error));
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      message.once("response", resolve);
      message.once("error", reject);
      message.once("close", () => reject(new Error("the connection closed without an answer")));
    });
    answered.catch(() => {}); // awaited below; while the body is still being sent nobody listens
    silence.watch();
    try {
      if (request.body !== undefined) await sendBody(message, request.body, answered, silence);
      message.end();
      const response = await answered;
      return {
        status: response.statusCode ?? 0,
        headers: response.headers,
        url: request.url,
        peer: response.socket?.remoteAddress,
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

  #agent(url: URL): Promise<HttpAgent> {
    const known = this.#agents.get(url.origin);
    if (known !== undefined) return known;
    const agent = this.#newAgent(url, true);
    this.#agents.set(url.origin, agent);
    return agent;
  }

  async #newAgent(url: URL, keepAlive: boolean): Promise<HttpAgent> {
    if (url.protocol === "http:") return new HttpAgent({ keepAlive });
    const { certificateDirectories, environment, insecure } = this.#options;
    return new HttpsAgent({
      keepAlive,
      rejectUnauthorized: !insecure,
      secureContext: await tlsContext(url.host, certificateDirectories, environment),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const agents = await Promise.allSettled(this.#agents.values());
    for (const agent of agents) if (agent.status === "fulfilled") agent.value.destroy();
    this.#agents.clear();
  }
}

/** Ends a connection on which nothing has moved for a while. */
class Silence {
  readonly #limit: number;
  readonly #expire: (error: Error) => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(limit: number, expire: (error: Error) => void) {
    this.#limit = limit;
    this.#expire = expire;
  }

  /** Starts to wait, or starts again. */
  watch(): void {
    this.end();
    const error = new Error(`nothing moved for ${this.#limit} ms`);
    this.#timer = setTimeout(() => this.#expire(error), this.#limit);
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

function bodyHeaders({ method, body }: HttpRequest): Record<string, string> {
  if (body !== undefined)
    return { "content-length": String(body instanceof Uint8Array ? body.length : body.size) };
  return method === "POST" || method === "PUT" || method === "PATCH" ? { "content-length": "0" } : {};
}

/** Writes the body with back-pressure; stops without an error when the server answers before its end. */
async function sendBody(
  message: import("node:http").ClientRequest,
  body: Body,
  answered: Promise<IncomingMessage>,
  silence: Silence,
): Promise<void> {
  if (body instanceof Uint8Array) {
    message.write(body);
    return;
  }
  let early = false;
  const answer = answered.then(() => {
    early = true;
  });
  answer.catch(() => {}); // raced below; a failure after the last write is seen by the caller's await
  let sent = 0;
  for await (const chunk of body.content) {
    if (early) return;
    sent += chunk.length;
    if (sent > body.size) break;
    silence.watch();
    if (!message.write(chunk)) {
      const drained = new Promise<void>((resolve) => message.once("drain", resolve));
      await Promise.race([drained, answer]);
    }
  }
  if (sent !== body.size && !early) {
    const found = sent > body.size ? "more" : `only ${sent}`;
    throw new CortenError(
      "data-loss",
      `the content to send has ${found} bytes where ${body.size} were announced`,
    );
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
  return new RegistryError("unavailable", `${where}: ${message.trim()}`, {
    cause: error,
    ...(/^E[A-Z0-9]+$/.test(code) ? { errno: code } : {}),
  });
}

function isCertificateError(code: string): boolean {
  return /CERT|^UNABLE_TO_|^SELF_SIGNED|^HOSTNAME_MISMATCH|_SIGNATURE_FAILURE$/.test(code);
}

/**
 * Reads a whole body.
 *
 * @throws resource-exhausted beyond `limit` bytes
 */
export async function readAll(reply: HttpReply, limit: number): Promise<Uint8Array> {
  const announced = Number(reply.headers["content-length"] ?? 0);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of reply.body) {
    size += chunk.length;
    if (size > limit || announced > limit) {
      throw new CortenError(
        "resource-exhausted",
        `the answer of ${shownUrl(reply.url)} is larger than ${limit} bytes`,
      );
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Reads at most `limit` bytes of a body as text, for an error message, and drops the rest. */
export async function readStart(reply: HttpReply, limit: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of reply.body) {
      chunks.push(chunk);
      size += chunk.length;
      if (size >= limit) break;
    }
  } catch (error) {
    // The status is what matters; of a body that was cut, the part that came is quoted.
    if (!(error instanceof RegistryError)) throw error;
  }
  return Buffer.concat(chunks).subarray(0, limit).toString("utf8");
}
