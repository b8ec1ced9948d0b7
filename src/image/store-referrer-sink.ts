import type { Store } from "../content/index.ts";
import type { Digest } from "../spec/index.ts";
import type { Document, TransportOptions } from "../transport/index.ts";
import { StoreSink } from "./store-sink.ts";

/** The store as a place for what is about an image that is there: it has no name, and stays as long as that image does. */
export class StoreReferrerSink extends StoreSink {
  readonly #referrers: Store["referrers"];
  readonly #subject: Digest;
  readonly #tag: string | undefined;

  /** @param tag the tag by which registries find it, where its manifest does not say what it is about */
  constructor(store: Store, subject: Digest, tag: string | undefined) {
    super(store, []);
    this.#referrers = store.referrers;
    this.#subject = subject;
    this.#tag = tag;
  }

  override async commit(root: Document, options: TransportOptions = {}): Promise<void> {
    await super.commit(root, options);
    this.#referrers.add(this.#subject, root.descriptor, this.#tag);
  }
}
