import type { Descriptor, Digest } from "../../spec/index.ts";
import {
  CortenError,
  isVerifiable,
  MAX_DOCUMENT_SIZE,
  MediaType,
  parseDigest,
  splitDigest,
  verifiableAlgorithm,
} from "../../spec/index.ts";
import { documentType } from "../document-type.ts";
import type { Document, ImageSource, TransportOptions } from "../place.ts";
import type { RawDocument } from "../raw/place.ts";
import { digestOf, verifyBytes } from "../stream.ts";
import { readBlob } from "./blob.ts";
import type { RegistryClient } from "./client.ts";
import type { HttpReply } from "./http.ts";
import { readAll } from "./http-body.ts";
import { retrying } from "./retry.ts";

/** What a client that reads both generations of documents says (distribution-spec, "Pulling manifests"). */
export const ACCEPT_MANIFESTS = [
  MediaType.imageIndex,
  MediaType.imageManifest,
  MediaType.dockerManifestList,
  MediaType.dockerManifest,
].join(", ");

/** An image in a registry (distribution-spec, "Pull"). */
export class RegistrySource implements ImageSource {
  readonly #client: RegistryClient;

  constructor(client: RegistryClient) {
    this.#client = client;
  }

  get name(): string {
    return this.#client.name;
  }

  root(options: TransportOptions = {}): Promise<Document> {
    const { tag, digest } = this.#client.reference;
    return this.document(digest ?? tag ?? "latest", options);
  }

  /** The manifest or index that a tag or digest of the repository names, digest verified. */
  document(reference: string, options: TransportOptions = {}): Promise<Document> {
    const digest = reference.includes(":") ? parseDigest(reference) : undefined;
    return this.#fetch(reference, digest, options, async (bytes, reply) => {
      const mediaType = documentType(bytes, contentType(reply), this.name);
      const named = digest ?? (await this.#announcedDigest(reply, bytes)) ?? (await digestOf(bytes));
      return { descriptor: { mediaType, digest: named, size: bytes.length }, bytes };
    });
  }

  /** What the reference leads to, unjudged but for its digest where the reference has one. */
  rawRoot(options: TransportOptions = {}): Promise<RawDocument> {
    const { tag, digest } = this.#client.reference;
    return this.#fetch(digest ?? tag ?? "latest", digest, options, async (bytes, reply) => ({
      mediaType: contentType(reply),
      bytes,
    }));
  }

  async manifest(descriptor: Descriptor, options: TransportOptions = {}): Promise<Uint8Array> {
    const { digest, size, mediaType } = descriptor;
    if (size > MAX_DOCUMENT_SIZE) {
      throw new CortenError(
        "resource-exhausted",
        `manifest ${digest} of ${this.name} is ${size} bytes, too many`,
      );
    }
    return this.#fetch(digest, digest, options, async (bytes, reply) => {
      await verifyBytes(bytes, { digest, size }, `manifest ${digest} of ${this.name}`);
      const type = contentType(reply);
      // The same bytes under another type could be read as another kind of document (CVE-2021-41190).
      if (type !== undefined && type !== mediaType) {
        throw new CortenError(
          "invalid-argument",
          `manifest ${digest} of ${this.name} comes as "${type}", but its descriptor says "${mediaType}"`,
        );
      }
      return bytes;
    });
  }

  async blob(
    descriptor: Descriptor,
    options: TransportOptions & { readonly offset?: number } = {},
  ): Promise<AsyncIterable<Uint8Array>> {
    return readBlob(this.#client, descriptor, options.offset ?? 0, options.signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client[Symbol.asyncDispose]();
  }

  mistrust({ digest }: Descriptor, why: CortenError): boolean {
    return this.#client.mistrust(digest, why);
  }

  /** What `take` makes of a manifest's bytes, which have been checked against `digest` where there is one. */
  async #fetch<T>(
    reference: string,
    digest: Digest | undefined,
    { signal }: TransportOptions,
    take: (bytes: Uint8Array, reply: HttpReply) => Promise<T>,
  ): Promise<T> {
    if (digest !== undefined) verifiableAlgorithm(digest);
    const { retry, reference: named } = this.#client;
    const request = {
      method: "GET",
      path: `/v2/${named.repository}/manifests/${reference}`,
      headers: { accept: ACCEPT_MANIFESTS },
      actions: "pull",
      expect: [200],
      what: `pull manifest ${reference} of ${this.name}`,
      signal,
    } as const;
    const read = async (reply: HttpReply): Promise<T> => {
      const bytes = await readAll(reply, MAX_DOCUMENT_SIZE);
      if (digest !== undefined) await verifyBytes(bytes, { digest }, `manifest ${digest} of ${this.name}`);
      return take(bytes, reply);
    };
    return retrying(retry, signal, () => this.#client.readOnce(request, read));
  }

  /**
   * The digest that the registry gives the bytes, verified.
   *
   * @throws data-loss when the bytes do not have it
   */
  async #announcedDigest(reply: HttpReply, bytes: Uint8Array): Promise<Digest | undefined> {
    const header = reply.headers["docker-content-digest"];
    if (typeof header !== "string") return undefined;
    const digest = parseDigest(header);
    const [algorithm] = splitDigest(digest);
    if (!isVerifiable(algorithm)) return undefined;
    await verifyBytes(bytes, { digest }, `manifest of ${this.name}`);
    return digest;
  }
}

/** The Content-Type where it says something about the document; proxies replace it by general types. */
function contentType(reply: HttpReply): string | undefined {
  const type = reply.headers["content-type"]?.split(";", 1)[0]?.trim().toLowerCase();
  const general = ["", "application/json", "application/octet-stream", "text/plain", "binary/octet-stream"];
  return type === undefined || general.includes(type) ? undefined : type;
}
