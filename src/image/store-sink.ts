import type { Lease, Store } from "../content/index.ts";
import type { Descriptor } from "../spec/index.ts";
import type { Document, ImageSink, TransportOptions } from "../transport/index.ts";
import { checkPinned, moveName, storedName } from "./naming.ts";

/** The store as a place to write an image to; what is written stays once `commit` has named it. */
export class StoreSink implements ImageSink {
  readonly name: string;
  readonly #store: Store;
  readonly #names: readonly string[];
  /** Keeps what was written until this is let go of. */
  readonly lease: Lease;

  /** @param names what the image is to be called, as users write references; without one the lease alone keeps it */
  constructor(store: Store, names: readonly string[]) {
    this.name = `corten:${names[0] ?? ""}`;
    this.#store = store;
    this.#names = names;
    for (const name of names) storedName(name);
    this.lease = store.lease();
  }

  async hasBlob(descriptor: Descriptor): Promise<boolean> {
    this.lease.add(descriptor);
    return this.#store.has(descriptor) || this.#store.replacements.of(descriptor) !== undefined;
  }

  async writeBlob(
    descriptor: Descriptor,
    content: AsyncIterable<Uint8Array>,
    { signal }: TransportOptions = {},
  ): Promise<void> {
    const options = { lease: this.lease, ...(signal === undefined ? {} : { signal }) };
    for (;;) {
      await using ingest = await this.#store.ingest(descriptor, options);
      if (ingest === undefined) return;
      if (ingest.offset > 0) {
        // The content comes from its beginning, so the beginning that is here is of no use.
        await ingest.discard();
        continue;
      }
      for await (const chunk of content) {
        signal?.throwIfAborted();
        await ingest.write(chunk);
      }
      await ingest.commit();
      return;
    }
  }

  async writeManifest({ descriptor, bytes }: Document, { signal }: TransportOptions = {}): Promise<void> {
    await this.#store.put(descriptor, bytes, {
      lease: this.lease,
      ...(signal === undefined ? {} : { signal }),
    });
  }

  /** @throws data-loss when a name has the digest of another image */
  async commit(root: Document, options: TransportOptions = {}): Promise<void> {
    for (const name of this.#names) checkPinned(name, root.descriptor);
    await this.writeManifest(root, options);
    this.#store.database.transaction(
      () => {
        for (const name of this.#names) moveName(this.#store, storedName(name), root.descriptor);
      },
      { durable: true },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.lease[Symbol.dispose]();
  }
}
