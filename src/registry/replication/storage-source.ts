import type { Descriptor } from "../../spec/index.ts";
import { CortenError } from "../../spec/index.ts";
import type { Document, ImageSource } from "../../transport/index.ts";
import type { Metadata } from "../metadata/metadata.ts";
import type { BlobStorage } from "../storage/blob-storage.ts";

/** Storage may use the memory of a chunk again once the next one is asked for, and a sender reads ahead. */
async function* kept(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of content) yield Buffer.from(chunk);
}

/** An image of this registry as a place to copy from. */
export class StorageSource implements ImageSource {
  readonly #metadata: Metadata;
  readonly #blobs: BlobStorage;
  readonly #repository: string;
  readonly #reference: string;

  constructor(metadata: Metadata, blobs: BlobStorage, repository: string, reference: string) {
    this.#metadata = metadata;
    this.#blobs = blobs;
    this.#repository = repository;
    this.#reference = reference;
  }

  get name(): string {
    return `${this.#repository}${this.#reference.includes(":") ? "@" : ":"}${this.#reference}`;
  }

  async root(): Promise<Document> {
    const { digest, mediaType, size, bytes } = await this.#read(this.#reference);
    return { descriptor: { digest, mediaType, size }, bytes };
  }

  async manifest({ digest }: Descriptor): Promise<Uint8Array> {
    return (await this.#read(digest)).bytes;
  }

  async blob(
    { digest, size }: Descriptor,
    { offset = 0 }: { readonly offset?: number } = {},
  ): Promise<AsyncIterable<Uint8Array>> {
    const record = await this.#metadata.blob(this.#repository, digest);
    const content =
      record === undefined ? undefined : await this.#blobs.read(record.key, { start: offset, end: size });
    if (content === undefined)
      throw new CortenError("not-found", `${this.name}: blob ${digest} is not here any more`);
    return kept(content);
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  async #read(reference: string) {
    const found = await this.#metadata.readManifest(this.#repository, reference);
    if (found === undefined)
      throw new CortenError("not-found", `${this.#repository} has no manifest ${reference} any more`);
    return found;
  }
}
