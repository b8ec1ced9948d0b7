import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { createServer } from "node:http";
import { createServer as createTlsServer, type ServerOptions } from "node:https";
import type { AddressInfo } from "node:net";
import { collect, type MemoryImage, sha256 } from "../testing-image.ts";

/** One request that the double has seen. */
export interface SeenRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** Answers a request itself, or returns false to let the registry do it. */
export type Interceptor = (request: IncomingMessage, response: ServerResponse, url: URL) => boolean;

/**
 * A registry in memory with real handlers for pull and push (distribution-spec), on a loopback port. Tests
 * put an interceptor in front of it to make it fail, redirect, or ask for credentials.
 */
export class RegistryDouble implements AsyncDisposable {
  readonly seen: SeenRequest[] = [];
  readonly blobs = new Map<string, Uint8Array>();
  readonly manifests = new Map<string, { bytes: Uint8Array; type: string }>();
  /** What each upload session has, by its number. */
  readonly uploads = new Map<string, Uint8Array>();
  intercept: Interceptor = () => false;
  host = "";
  #sessions = 0;
  #close: () => Promise<void> = async () => {};

  static async start(tls?: ServerOptions): Promise<RegistryDouble> {
    const double = new RegistryDouble();
    const listener: RequestListener = (request, response) => {
      double.#serve(request, response).catch((error) => response.destroy(error));
    };
    const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    double.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    double.#close = () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    return double;
  }

  /** Puts an image into every repository, under a tag. */
  async add(image: MemoryImage, tag: string): Promise<void> {
    for (const [digest, bytes] of image.blobs) this.blobs.set(digest, bytes);
    const { descriptor, bytes } = await image.root();
    for (const name of [tag, descriptor.digest])
      this.manifests.set(name, { bytes, type: descriptor.mediaType });
  }

  /** The requests of a method whose path holds `part`. */
  requests(method: string, part: string): SeenRequest[] {
    return this.seen.filter((request) => request.method === method && request.url.pathname.includes(part));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", `http://${this.host}`);
    const method = request.method ?? "";
    const isUpload = (method === "PUT" || method === "PATCH") && url.pathname.includes("/blobs/uploads/");
    const body =
      method === "GET" || method === "HEAD" || isUpload ? new Uint8Array() : await collect(request);
    const { headers } = request;
    this.seen.push({ method, url, headers, body: Buffer.from(body).toString("latin1") });
    if (this.intercept(request, response, url)) return;
    const [, kind, name] = /^\/v2\/.+\/(manifests|blobs)\/(.+)$/.exec(url.pathname) ?? [];
    if (url.pathname === "/v2/") response.end("{}");
    else if (kind === "manifests" && name !== undefined) this.#manifest(request, response, name, body);
    else if (name?.startsWith("uploads/")) await this.#upload(request, response, url, name.split("/")[1]!);
    else if (kind === "blobs" && name !== undefined) this.#blob(request, response, name);
    else missing(response, "NAME_UNKNOWN");
  }

  #manifest(request: IncomingMessage, response: ServerResponse, name: string, body: Uint8Array): void {
    if (request.method === "PUT") {
      const type = request.headers["content-type"] ?? "";
      for (const key of [name, sha256(body)]) this.manifests.set(key, { bytes: body, type });
      response.writeHead(201, { "docker-content-digest": sha256(body) }).end();
      return;
    }
    const found = this.manifests.get(name) ?? this.#manifestBlob(name);
    if (found === undefined) {
      missing(response, "MANIFEST_UNKNOWN");
      return;
    }
    response.writeHead(200, { "content-type": found.type, "docker-content-digest": sha256(found.bytes) });
    response.end(found.bytes);
  }

  #manifestBlob(name: string): { bytes: Uint8Array; type: string } | undefined {
    const bytes = this.blobs.get(name);
    return bytes === undefined ? undefined : { bytes, type: "application/vnd.oci.image.manifest.v1+json" };
  }

  #blob(request: IncomingMessage, response: ServerResponse, name: string): void {
    const bytes = this.blobs.get(name);
    if (bytes === undefined) {
      missing(response, "BLOB_UNKNOWN");
      return;
    }
    const range = /^bytes=([0-9]+)-([0-9]*)$/.exec(request.headers.range ?? "");
    const start = Number(range?.[1] ?? 0);
    const end = Math.min(range?.[2] ? Number(range[2]) + 1 : bytes.length, bytes.length);
    const length = { "content-length": String(end - start) };
    if (range === null) response.writeHead(200, length);
    else
      response.writeHead(206, {
        ...length,
        "content-range": `bytes ${start}-${end - 1}/${bytes.length}`,
      });
    response.end(request.method === "HEAD" ? undefined : bytes.subarray(start, end));
  }

  async #upload(
    request: IncomingMessage,
    response: ServerResponse,
    url: URL,
    session: string,
  ): Promise<void> {
    const digest = url.searchParams.get("digest");
    if (request.method === "POST") {
      const mount = url.searchParams.get("mount");
      if (mount !== null && this.blobs.has(mount)) response.writeHead(201).end();
      else {
        const number = String(++this.#sessions);
        this.uploads.set(number, new Uint8Array());
        response.writeHead(202, { location: this.#session(number) }).end();
      }
      return;
    }
    const had = this.uploads.get(session);
    if (had === undefined) {
      missing(response, "BLOB_UPLOAD_UNKNOWN");
      return;
    }
    const has = (): Record<string, string> => {
      const { length } = this.uploads.get(session)!;
      return { location: this.#session(session), range: `0-${Math.max(0, length - 1)}` };
    };
    if (request.method === "GET") {
      response.writeHead(204, has()).end();
      return;
    }
    const from = /^([0-9]+)-/.exec(request.headers["content-range"] ?? "")?.[1];
    if (from !== undefined && Number(from) !== had.length) {
      response.writeHead(416, has()).end();
      return;
    }
    // What has come stays, also where the client goes away.
    for await (const chunk of request) {
      this.uploads.set(session, Buffer.concat([this.uploads.get(session)!, chunk as Uint8Array]));
    }
    const bytes = this.uploads.get(session)!;
    if (request.method === "PATCH") {
      response.writeHead(202, has()).end();
      return;
    }
    this.uploads.delete(session);
    if (digest !== sha256(bytes)) {
      response
        .writeHead(400)
        .end(JSON.stringify({ errors: [{ code: "DIGEST_INVALID", message: "not that" }] }));
      return;
    }
    this.blobs.set(digest, bytes);
    response.writeHead(201).end();
  }

  #session(number: string): string {
    return `/v2/x/blobs/uploads/${number}?state=a%2Bb`;
  }
}

function missing(response: ServerResponse, code: string): void {
  response.writeHead(404, { "content-type": "application/json" });
  response.end(JSON.stringify({ errors: [{ code, message: "not here" }] }));
}
