import type { Compression } from "../../archive/index.ts";
import { compress } from "../../archive/index.ts";
import type { Descriptor, Digest } from "../../spec/index.ts";
import type { Document, ImageSource, TransportOptions } from "../../transport/index.ts";
import { digestOf } from "../../transport/index.ts";
import { TemporaryBlob } from "../copy/temporary-blob.ts";

type Content = (offset: number) => AsyncIterable<Uint8Array> | Promise<AsyncIterable<Uint8Array>>;

/** A layer that was made here. */
export interface MadeLayer {
  readonly digest: Digest;
  readonly size: number;
  readonly diffID: Digest;
}

/**
 * The parts of a changed image that are not in the image it was made of: documents in memory, layers in
 * nameless files. A view of the changed image reads from it as long as it is there.
 */
export class Workbench implements AsyncDisposable {
  readonly #documents = new Map<Digest, Uint8Array>();
  readonly #blobs = new Map<Digest, Content>();
  readonly #files: TemporaryBlob[] = [];

  /** Keeps a JSON document; equal values give equal digests. */
  async document(mediaType: string, value: object): Promise<Document> {
    const bytes = new TextEncoder().encode(JSON.stringify(value));
    const descriptor = { mediaType, digest: await digestOf(bytes), size: bytes.length };
    this.keep({ descriptor, bytes });
    return { descriptor, bytes };
  }

  keep({ descriptor, bytes }: Document): void {
    this.#documents.set(descriptor.digest, bytes);
  }

  /** Packs a plain tar archive and keeps it. */
  async layer(
    tar: AsyncIterable<Uint8Array>,
    compression: Compression,
    options: { readonly level?: number; readonly signal?: AbortSignal } = {},
  ): Promise<MadeLayer> {
    const { createHash } = await import("node:crypto");
    const hash = createHash("sha256");
    async function* hashed(): AsyncGenerator<Uint8Array, void, undefined> {
      for await (const chunk of tar) {
        hash.update(chunk);
        yield chunk;
      }
    }
    const { digest, size } = await this.blob(compress(hashed(), compression, options));
    return { digest, size, diffID: `sha256:${hash.digest("hex")}` };
  }

  /** Keeps a blob as it is. */
  async blob(
    content: AsyncIterable<Uint8Array>,
  ): Promise<{ readonly digest: Digest; readonly size: number }> {
    const file = await TemporaryBlob.of(content);
    this.#files.push(file);
    this.#blobs.set(file.digest, (offset) => file.read(offset));
    return file;
  }

  /** Takes a blob of another source into the image; that has to stay open. */
  borrow(source: ImageSource, descriptor: Descriptor): void {
    this.#blobs.set(descriptor.digest, (offset) => source.blob(descriptor, { offset }));
  }

  /** A blob that is kept here; undefined when it is not. */
  async open(digest: Digest, offset = 0): Promise<AsyncIterable<Uint8Array> | undefined> {
    const bytes = this.#documents.get(digest);
    return bytes === undefined ? this.#blobs.get(digest)?.(offset) : piece(bytes.subarray(offset));
  }

  /** The image that `root` is the root of: what is not kept here is that of `base`. */
  view(base: ImageSource, root: Document): ImageSource {
    return {
      name: base.name,
      root: async () => root,
      manifest: async (descriptor: Descriptor, options?: TransportOptions) =>
        this.#documents.get(descriptor.digest) ?? base.manifest(descriptor, options),
      blob: async (descriptor: Descriptor, options: TransportOptions & { readonly offset?: number } = {}) =>
        (await this.open(descriptor.digest, options.offset)) ?? base.blob(descriptor, options),
      mistrust: (descriptor, why) => base.mistrust?.(descriptor, why) === true,
      [Symbol.asyncDispose]: async () => {
        // The view holds nothing: base and workbench belong to who made them.
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const file of this.#files) await file[Symbol.asyncDispose]();
  }
}

async function* piece(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}
