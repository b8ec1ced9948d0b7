import type { Descriptor } from "../../spec/index.ts";
import { CortenError, isRepository, parseDigest, parseDocument } from "../../spec/index.ts";
import type { Document, ImageSink, TransportOptions, WriteBlobOptions } from "../place.ts";
import { referrerOf, subjectOf } from "../referrer.ts";
import type { ApiRequest, RegistryClient } from "./client.ts";
import type { HttpReply } from "./http.ts";
import type { RegistryOptions } from "./options.ts";
import { Upload, uploadLocation } from "./upload.ts";
import { forgetfulJournal } from "./upload-journal.ts";

type SinkOptions = Pick<RegistryOptions, "mountFrom" | "uploads" | "resumableFrom" | "chunkSize">;

/** Default of `resumableFrom`: below it, one request more costs about as much as what it could save. */
const RESUMABLE_FROM = 16 * 1024 * 1024;

/** A repository to push an image to (distribution-spec, "Push"). */
export class RegistrySink implements ImageSink {
  readonly #client: RegistryClient;
  readonly #options: SinkOptions;

  /** @throws invalid-argument when an entry of `mountFrom` is no repository */
  constructor(client: RegistryClient, options: SinkOptions = {}) {
    for (const repository of options.mountFrom ?? []) {
      if (!isRepository(repository))
        throw new CortenError("invalid-argument", `"${repository}" is not a repository`);
    }
    this.#client = client;
    this.#options = options;
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
    descriptor: Descriptor,
    content: AsyncIterable<Uint8Array>,
    options: WriteBlobOptions = {},
  ): Promise<void> {
    const { digest, size } = descriptor;
    const { signal, reopen } = options;
    const what = `push blob ${digest} to ${this.name}`;
    if (reopen !== undefined && size >= (this.#options.resumableFrom ?? RESUMABLE_FROM)) {
      await this.#upload(descriptor, reopen, what, signal);
      return;
    }
    const started = await this.#startUpload(parseDigest(digest), what, signal);
    if (started === undefined) return;
    const upload = uploadLocation(started, what);
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

  /** An upload that can be gone on with. */
  async #upload(
    descriptor: Descriptor,
    reopen: NonNullable<WriteBlobOptions["reopen"]>,
    what: string,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const digest = parseDigest(descriptor.digest);
    const { uploads = forgetfulJournal, chunkSize } = this.#options;
    const { registry, repository } = this.#client.reference;
    const isThere = () => this.hasBlob(descriptor, signal === undefined ? {} : { signal });
    using entry = await uploads.take(`${registry}/${repository} ${digest}`, signal);
    if (entry.waited && (await isThere())) return;
    const begin = () => this.#startUpload(digest, what, signal);
    await new Upload(this.#client, {
      descriptor,
      reopen,
      entry,
      chunkSize,
      signal,
      begin,
      isThere,
    }).run();
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

  /** The answer that says where to upload a blob to; undefined when a mount made the upload unnecessary. */
  async #startUpload(
    digest: string,
    what: string,
    signal: AbortSignal | undefined,
  ): Promise<HttpReply | undefined> {
    const start = { method: "POST", expect: [201, 202], what, signal } as const;
    const own = this.#client.reference.repository;
    const others = this.#options.mountFrom?.filter((repository) => repository !== own) ?? [];
    for (const from of others) {
      const query = new URLSearchParams({ mount: digest, from });
      const path = `${this.#path("blobs/uploads/")}?${query}`;
      const reply = await this.#send({ ...start, path, alsoPull: from });
      if (reply.status === 201) return undefined;
      // The registry could not mount and has begun an upload instead; another place may still have it.
      if (from === others.at(-1)) return reply;
    }
    return this.#send({ ...start, path: this.#path("blobs/uploads/") });
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
    if (reply.headers["oci-subject"] === undefined) await this.#listForSubject({ descriptor, bytes }, signal);
  }

  /** A registry that does not say that it has seen the subject leaves the list of referrers to its clients. */
  async #listForSubject(document: Document, signal: AbortSignal | undefined): Promise<void> {
    if (!Buffer.from(document.bytes).includes('"subject"')) return;
    const { digest, mediaType } = document.descriptor;
    const parsed = parseDocument(document.bytes, mediaType, { what: `${this.name}: ${digest}` });
    const subject = subjectOf(parsed);
    if (subject === undefined) return;
    const { addFallbackReferrer } = await import("./referrers.ts");
    await addFallbackReferrer(this.#client, subject.digest, referrerOf(document, parsed), {
      ...(signal === undefined ? {} : { signal }),
    });
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
