import type { Descriptor } from "../../spec/index.ts";
import type { TransportOptions } from "../place.ts";

/** A document as a place has it, with what the place says of it. */
export interface RawDocument {
  /** As the Content-Type or the entry that leads to it says; undefined where nothing does. */
  readonly mediaType: string | undefined;
  readonly bytes: Uint8Array;
}

/**
 * The bytes of a place as they are there, verified by nobody: for who judges it. Everyone else wants an
 * {@link ImageSource}, which gives nothing that is wrong.
 */
export interface RawPlace extends AsyncDisposable {
  readonly name: string;
  /** True for an OCI layout, which begins with the files `oci-layout` and `index.json`. */
  readonly isLayout: boolean;
  /**
   * A file of a layout that is no blob; undefined when it is not there.
   *
   * @throws resource-exhausted when it is larger than `limit`; invalid-argument for a symbolic link
   */
  file(path: "oci-layout" | "index.json", limit: number): Promise<Uint8Array | undefined>;
  /** The document that the place means; not of a layout. @throws not-found */
  root(options?: TransportOptions): Promise<RawDocument>;
  /**
   * A manifest or index; undefined when it is not there.
   *
   * @throws data-loss or invalid-argument where the place itself found it wrong
   */
  document(descriptor: Descriptor, options?: TransportOptions): Promise<Uint8Array | undefined>;
  /** A blob; undefined when it is not there. @throws as {@link document}, while it is read as well */
  blob(descriptor: Descriptor, options?: TransportOptions): Promise<AsyncIterable<Uint8Array> | undefined>;
}
