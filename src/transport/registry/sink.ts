import type { Descriptor } from "../../spec/index.ts";
import { CortenError, isRepository, parseDigest } from "../../spec/index.ts";
import type { Document, ImageSink, TransportOptions } from "../place.ts";
import type { ApiRequest, RegistryClient } from "./client.ts";
import type { HttpReply } from "./http.ts";

/** A repository to push an image to (distribution-spec, "Push"). */
export class RegistrySink implements ImageSink {
  readonly #client: RegistryClient;
  readonly #mountFrom: readonly string[];

  /** @throws invalid-argument when an entry of `mountFrom` is no repository */
  constructor(client: RegistryClient, mountFrom: readonly string[] = []) {
    for (const repository of mountFrom) {
      if (!isRepository(repository))
        throw new CortenError("invalid-argument", `"${repository}" is not a repository`);
    }
    this.#client = client;
    this.#mountFrom = mountFrom;
  }

  get name(): string {
    return this.#client.name;
  }

  async hasBlob({ digest, size }: Descriptor, { signal }: TransportOptions = {}): Promise<boolean> {
    parseDigest(digest);
    const reply = await this.#send({
      method: "HEAD",
      path: this.#path(`blobs/${digest}`),
      expect: [200, 404],
      what: `look for blob ${digest} in ${this.name}`,
      signal,
    });
    const length = reply.headers["content-length"];
    return reply.status === 200 && (length === undefined || Number(length) === size);
  }

  async writeBlob(
    { digest, size }: Descriptor,
    content: AsyncIterable<Uint8Array>,
    { signal }: TransportOptions = {},
  ): Promise<void> {
    const what = `push blob ${digest} to ${this.name}`;
    const upload = await this.#startUpload(parseDigest(digest), what, signal);
    if (upload === undefined) return;
    upload.searchParams.set("digest", digest);
    await this.#send({
      method: "PUT",
      path: upload,
      headers: { "content-type": "application/octet-stream" },
      body: { size, content },
      expect: [201, 204],
      what,
      signal,
    });
  }

  async writeManifest(document: Document, options: TransportOptions = {}): Promise<void> {
    await this.#putManifest(document, document.descriptor.digest, options);
  }

  async commit(root: Document, options: TransportOptions = {}): Promise<void> {
    const { tag, digest } = this.#client.reference;
    if (digest !== undefined && digest !== root.descriptor.digest) {
      throw new CortenError(
        "invalid-argument",
        `${this.name} cannot name the image ${root.descriptor.digest}`,
      );
    }
    await this.#putManifest(root, tag ?? root.descriptor.digest, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client[Symbol.asyncDispose]();
  }

  /** Where to upload a blob to; undefined when a mount made the upload unnecessary. */
  async #startUpload(
    digest: string,
    what: string,
    signal: AbortSignal | undefined,
  ): Promise<URL | undefined> {
    const start = { method: "POST", expect: [201, 202], what, signal } as const;
    const own = this.#client.reference.repository;
    for (const from of this.#mountFrom.filter((repository) => repository !== own)) {
      const query = new URLSearchParams({ mount: digest, from });
      const path = `${this.#path("blobs/uploads/")}?${query}`;
      const reply = await this.#send({ ...start, path, alsoPull: from });
      if (reply.status === 201) return undefined;
      // The registry could not mount and has begun an upload instead; another place may still have it.
      if (from === this.#mountFrom.at(-1)) return uploadLocation(reply, what);
    }
    return uploadLocation(await this.#send({ ...start, path: this.#path("blobs/uploads/") }), what);
  }

  async #putManifest(
    { descriptor, bytes }: Document,
    reference: string,
    { signal }: TransportOptions,
  ): Promise<void> {
    const what = `push manifest ${reference} to ${this.name}`;
    if (!/^[\x21-\x7e]{3,255}$/.test(descriptor.mediaType)) {
      throw new CortenError("invalid-argument", `${what}: its media type is not one`);
    }
    const reply = await this.#send({
      method: "PUT",
      path: this.#path(`manifests/${reference}`),
      headers: { "content-type": descriptor.mediaType },
      body: bytes,
      expect: [201, 200, 202, 204],
      what,
      signal,
    });
    const stored = reply.headers["docker-content-digest"];
    if (
      typeof stored === "string" &&
      stored.startsWith("sha256:") &&
      descriptor.digest.startsWith("sha256:")
    ) {
      if (stored !== descriptor.digest) {
        throw new CortenError("data-loss", `${what}: the registry stored ${stored.slice(0, 80)} instead`);
      }
    }
  }

  #path(rest: string): string {
    return `/v2/${this.#client.reference.repository}/${rest}`;
  }

  async #send(request: Omit<ApiRequest, "actions">): Promise<HttpReply> {
    const reply = await this.#client.request({ ...request, actions: "pull,push" });
    reply.drop();
    return reply;
  }
}

function uploadLocation(reply: HttpReply, what: string): URL {
  const { location } = reply.headers;
  if (location === undefined || !URL.canParse(location, reply.url)) {
    throw new CortenError("unavailable", `${what}: the registry does not say where to upload to`, {
      retryable: false,
    });
  }
  return new URL(location, reply.url);
}
