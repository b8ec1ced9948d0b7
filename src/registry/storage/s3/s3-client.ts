import type { IncomingMessage } from "node:http";
import { Agent as HttpAgent, request as requestHttp } from "node:http";
import { Agent as HttpsAgent, request as requestHttps } from "node:https";
import { setTimeout as pause } from "node:timers/promises";
import { AwsV4Signer } from "aws4fetch";
import { CortenError } from "../../../spec/index.ts";
import { explainStatus } from "./s3-failure.ts";
import type { S3Options } from "./s3-options.ts";
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

  async #retried<T>(request: S3Request, read: (response: IncomingMessage) => Promise<T>): Promise<T> {
    const { attempts = 5, backoff = 200 } = this.#options;
    for (let attempt = 1; ; attempt++) {
      try {
        const response = await this.#once(request);
        const status = response.statusCode ?? 0;
        if (status < 300 || request.expected?.includes(status) === true) return await read(response);
        throw explainStatus(this.#describe(request), status, await readText(response));
      } catch (error) {
        const failure = error instanceof CortenError ? error : unreachable(this.#describe(request), error);
        if (!failure.retryable || attempt >= attempts) throw failure;
        await pause(backoff * 2 ** (attempt - 1) * (0.5 + Math.random()));
      }
    }
  }

  async #once(request: S3Request): Promise<IncomingMessage> {
    const { credentials, region = "us-east-1", idleTimeout = 60_000 } = this.#options;
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
    return new Promise((resolve, reject) => {
      const sent = open(signed.url, { method: request.method, headers, agent: this.#agent }, resolve);
      sent.setTimeout(idleTimeout, () => sent.destroy(new Error(`nothing was heard for ${idleTimeout} ms`)));
      sent.on("error", reject);
      sent.end(request.body);
    });
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
