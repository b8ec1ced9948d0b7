import type { Lease, Store } from "../content/index.ts";
import type { Descriptor } from "../spec/index.ts";
import { CortenError, MAX_DOCUMENT_SIZE } from "../spec/index.ts";
import type { Document, ImageSource, TransportOptions } from "../transport/index.ts";

/** An image of the store as a place to read from; it stays in the store until this is let go of. */
export class StoreSource implements ImageSource {
  readonly name: string;
  readonly #store: Store;
  readonly #root: Descriptor;
  readonly #lease: Lease;

  constructor(store: Store, name: string, root: Descriptor) {
    this.name = `corten:${name}`;
    this.#store = store;
    this.#root = root;
    this.#lease = store.lease();
    this.#lease.add(root);
  }

  async root(options: TransportOptions = {}): Promise<Document> {
    return { descriptor: this.#root, bytes: await this.manifest(this.#root, options) };
  }

  async manifest(descriptor: Descriptor, { signal }: TransportOptions = {}): Promise<Uint8Array> {
    signal?.throwIfAborted();
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
    throw new CortenError("not-found", `${this.name}: ${descriptor.digest} is not in the store`, {
      hint: "fetch the whole image with: corten pull --all-platforms",
    });
  }
}
