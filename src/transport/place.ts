import type { CortenError, Descriptor } from "../spec/index.ts";

/** Options every transport call takes. */
export interface TransportOptions {
  readonly signal?: AbortSignal;
}

/** Options of {@link ImageSink.writeBlob}. */
export interface WriteBlobOptions extends TransportOptions {
  /**
   * Gives the content once more, from an offset to its end. With it, a place that can go on with a transfer that was cut
   * does so, also with one of an earlier process. Default: a cut transfer is an error.
   */
  readonly reopen?: (offset: number) => AsyncIterable<Uint8Array>;
}

/** A manifest or index exactly as stored: its descriptor and its raw bytes, never re-serialised. */
export interface Document {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

/**
 * A place that an image can be read from: a registry repository, a layout directory, an archive.
 * Let go of it with `await using`.
 */
export interface ImageSource extends AsyncDisposable {
  /** The place as the user wrote it, for messages; never contains a credential. */
  readonly name: string;
  /** The document that the place's name points at: an index or a manifest, digest verified. */
  root(options?: TransportOptions): Promise<Document>;
  /** A manifest or index by descriptor: size and digest verified before it is returned. */
  manifest(descriptor: Descriptor, options?: TransportOptions): Promise<Uint8Array>;
  /**
   * The bytes of a blob from `offset` (default 0) to its end. The bytes are *not* verified here:
   * who stores them does, on the way in (content's ingest).
   */
  blob(
    descriptor: Descriptor,
    options?: TransportOptions & { readonly offset?: number },
  ): Promise<AsyncIterable<Uint8Array>>;
  /**
   * Says that the bytes of {@link blob} turned out wrong. True when they came from a host that is not the only one: it is
   * asked no more, and the blob can be read anew. Default: there is one place only.
   */
  mistrust?(descriptor: Descriptor, why: CortenError): boolean;
}

/** A place that an image can be written to. Nothing is visible under its name before {@link commit}. */
export interface ImageSink extends AsyncDisposable {
  readonly name: string;
  /** True where the order of writing shows in the result: who wants equal bytes writes in an order that is always the same. */
  readonly ordered?: boolean;
  hasBlob(descriptor: Descriptor, options?: TransportOptions): Promise<boolean>;
  /**
   * Stores a blob.
   *
   * @param content all of its bytes; not begun when the place turns out to have the blob
   */
  writeBlob(
    descriptor: Descriptor,
    content: AsyncIterable<Uint8Array>,
    options?: WriteBlobOptions,
  ): Promise<void>;
  writeManifest(document: Document, options?: TransportOptions): Promise<void>;
  /** Makes `root`, whose parts have all been written, visible under the place's name. */
  commit(root: Document, options?: TransportOptions): Promise<void>;
}
