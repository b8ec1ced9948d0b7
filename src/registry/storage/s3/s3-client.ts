import type { ClientRequest, IncomingMessage } from "node:http";
import { Agent as HttpAgent, request as requestHttp } from "node:http";
import { Agent as HttpsAgent, request as requestHttps } from "node:https";
import { setTimeout as pause } from "node:timers/promises";
import { AwsV4Signer } from "aws4fetch";
import { CortenError } from "../../../spec/index.ts";
import { explainStatus } from "./s3-failure.ts";
import type { S3Options } from "./s3-options.ts";
import { Watch } from "./watch.ts";
import { textOf } from "./xml.ts";

/** One request to the bucket. */
export interface S3Request {
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
  /** Below the bucket and the prefix; empty for the bucket itself. */
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** Statuses that are an answer, beside 2xx. */
  readonly expected?: readonly number[];
}

/** Most bytes of a reply that is read whole: a listing of a thousand keys has some 400 KB. */
const MAX_REPLY = 8 * 1024 * 1024;

/** Speaks S3's REST interface with requests signed by version 4, tries again what may pass. */
export class S3Client {
  readonly #options: S3Options;
  readonly #base: URL;
  readonly #agent: HttpAgent;
  /** Signing keys of the day, which take four HMACs to derive. */
  readonly #signingKeys = new Map<string, ArrayBuffer>();
  /** The service said nothing when it was last waited for: until it speaks, it is not waited for as long again. */
  #unheard = false;

  constructor(options: S3Options) {
    this.#options = options;
    const endpoint = new URL(options.endpoint);
    if (options.pathStyle ?? true)
      endpoint.pathname = `${endpoint.pathname.replace(/\/+$/, "")}/${options.bucket}`;
    else endpoint.hostname = `${options.bucket}.${endpoint.hostname}`;
    this.#base = endpoint;
    const common = { keepAlive: true, maxSockets: 64, scheduling: "lifo" } as const;
    this.#agent =
      endpoint.protocol === "https:"
        ? new HttpsAgent({ ...common, ...(options.ca === undefined ? {} : { ca: options.ca }) })
        : new HttpAgent(common);
  }

  /** Sends a request and reads the whole reply. */
  async send(request: S3Request): Promise<{
    readonly status: number;
    readonly headers: IncomingMessage["headers"];
    readonly text: string;
  }> {
    return this.#retried(request, async (response) => ({
      status: response.statusCode ?? 0,
      headers: response.headers,
      text: await readText(response),
    }));
  }

  /**
   * Sends a request for content; the reply's body is the caller's to read or destroy. Undefined when the key is not
   * there; a bucket that is not there is an error.
   */
  async open(request: S3Request): Promise<IncomingMessage | undefined> {
    return this.#retried({ ...request, expected: [404] }, async (response) => {
      if (response.statusCode !== 404) return response;
      const text = await readText(response);
      if (textOf(text, "Code") === "NoSuchBucket") throw explainStatus(this.#describe(request), 404, text);
      return undefined;
    });
  }

  /** A key with the prefix, as listings want and give it. */
  absolute(key: string): string {
    return `${this.#options.prefix ?? ""}${key}`;
  }

  /** A listed key without the prefix; undefined when it is somebody else's. */
  relative(key: string): string | undefined {
    const { prefix = "" } = this.#options;
    return key.startsWith(prefix) ? key.slice(prefix.length) : undefined;
  }

  close(): void {
    this.#agent.destroy();
  }

  /**
   * Tries until there is an answer, or no patience is left: a service that takes connections and says nothing must not
   * hold who waits for as many time-outs as there are tries. What has a body is sent again after an error, not after
   * a silence: it may be at work on it.
   */
  async #retried<T>(request: S3Request, read: (response: IncomingMessage) => Promise<T>): Promise<T> {
    const { attempts = 5, backoff = 200 } = this.#options;
    const watch = new Watch(request, this.#options, this.#unheard);
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#once(request, watch, read);
      } catch (error) {
        const failure = error instanceof CortenError ? error : unreachable(this.#describe(request), error);
        if (watch.silent) this.#unheard = true;
        const wait = backoff * 2 ** (attempt - 1) * (0.5 + Math.random());
        if (!failure.retryable || attempt >= attempts || !watch.allows(wait)) throw failure;
        await pause(wait);
      }
    }
  }

  async #once<T>(
    request: S3Request,
    watch: Watch,
    read: (response: IncomingMessage) => Promise<T>,
  ): Promise<T> {
    const sent = await this.#signed(request);
    watch.begin(sent);
    try {
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        sent.on("response", resolve);
        sent.on("error", reject);
        sent.end(request.body);
      });
      this.#unheard = false;
      const status = response.statusCode ?? 0;
      if (status < 300 || request.expected?.includes(status) === true) return await read(response);
      throw explainStatus(this.#describe(request), status, await readText(response));
    } finally {
      watch.end();
    }
  }

  async #signed(request: S3Request): Promise<ClientRequest> {
    const { credentials, region = "us-east-1" } = this.#options;
    const url = new URL(this.#base);
    if (request.key !== undefined) url.pathname += `/${this.absolute(request.key)}`;
    for (const [name, value] of Object.entries(request.query ?? {})) url.searchParams.set(name, value);
    const signer = new AwsV4Signer({
      ...(typeof credentials === "function" ? await credentials() : credentials),
      method: request.method,
      url: url.href,
      headers: { ...request.headers },
      service: "s3",
      region,
      cache: this.#signingKeys,
    });
    const signed = await signer.sign();
    const headers: Record<string, string | number> = Object.fromEntries(signed.headers);
    if (request.body !== undefined) headers["content-length"] = request.body.length;
    const open = url.protocol === "https:" ? requestHttps : requestHttp;
    return open(signed.url, { method: request.method, headers, agent: this.#agent });
  }

  #describe({ method, key }: S3Request): string {
    return `${method} ${this.#options.bucket}/${this.absolute(key ?? "")}`;
  }
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_REPLY)
      throw new CortenError("resource-exhausted", `the bucket's reply has more than ${MAX_REPLY} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function unreachable(what: string, cause: unknown): CortenError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new CortenError("unavailable", `${what}: ${why}`, {
    cause,
    hint: "the object storage cannot be reached",
  });
}
