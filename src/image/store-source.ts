import type { Lease, Store } from "../content/index.ts";
import type { Descriptor, Digest } from "../spec/index.ts";
import { CortenError, MAX_DOCUMENT_SIZE } from "../spec/index.ts";
import type { Document, ImageSource, TransportOptions } from "../transport/index.ts";
import { storedDocuments, withArchives } from "./stored-documents.ts";

/** An image of the store as a place to read from; it stays in the store until this is let go of. */
export class StoreSource implements ImageSource {
  readonly name: string;
  readonly #store: Store;
  readonly #root: Descriptor;
  readonly #lease: Lease;
  /** Documents that the store has not: see {@link withArchives}. */
  readonly #documents = new Map<Digest, Uint8Array>();

  private constructor(store: Store, name: string, root: Descriptor) {
    this.name = `corten:${name}`;
    this.#store = store;
    this.#root = root;
    this.#lease = store.lease();
    this.#lease.add(root);
  }

  /**
   * Opens an image. Layers that are here unpacked only are archives in it, so that its manifest has a digest of its own.
   *
   * @throws failed-precondition when that is so and digests are to be preserved
   */
  static async open(
    store: Store,
    name: string,
    named: Descriptor,
    { preserveDigests = false }: { readonly preserveDigests?: boolean } = {},
  ): Promise<StoreSource> {
    const held = new StoreSource(store, name, named);
    const documents = await withArchives(store, (await storedDocuments(store, named)).documents);
    const root = documents.at(-1)!.descriptor;
    if (root.digest === named.digest) return held;
    if (preserveDigests) {
      await held[Symbol.asyncDispose]();
      throw new CortenError("failed-precondition", `${held.name} has layers that are here unpacked only`, {
        hint: "fetch them again: corten --layer-copies both pull, or push the image to pass on what its registry has",
      });
    }
    const source = new StoreSource(store, name, root);
    // The lease that holds what the image has: nothing in the store leads to the new root.
    source.#lease.add(named);
    for (const { descriptor, bytes } of documents) source.#documents.set(descriptor.digest, bytes);
    await held[Symbol.asyncDispose]();
    return source;
  }

  async root(options: TransportOptions = {}): Promise<Document> {
    return { descriptor: this.#root, bytes: await this.manifest(this.#root, options) };
  }

  async manifest(descriptor: Descriptor, { signal }: TransportOptions = {}): Promise<Uint8Array> {
    signal?.throwIfAborted();
    const changed = this.#documents.get(descriptor.digest);
    if (changed !== undefined) return changed;
    this.#mustHave(descriptor);
    return this.#store.read(descriptor, { maxBytes: MAX_DOCUMENT_SIZE });
  }

  async blob(
    descriptor: Descriptor,
    { offset = 0, signal }: TransportOptions & { readonly offset?: number } = {},
  ): Promise<AsyncIterable<Uint8Array>> {
    this.#mustHave(descriptor);
    return this.#store.open(descriptor, { offset, ...(signal === undefined ? {} : { signal }) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#lease[Symbol.dispose]();
  }

  #mustHave(descriptor: Descriptor): void {
    // What is about the image is not below its root.
    this.#lease.add(descriptor);
    if (this.#store.has(descriptor)) return;
    if (this.#store.replacements.of(descriptor) !== undefined) {
      throw new CortenError(
        "unavailable",
        `${this.name}: ${descriptor.digest} was just given up for its archive`,
        {
          hint: "run the command again",
        },
      );
    }
    throw new CortenError("not-found", `${this.name}: ${descriptor.digest} is not in the store`, {
      hint: "fetch the whole image with: corten pull --all-platforms",
    });
  }
}
