import type { CallOptions } from "../container.ts";

/** One thing that is not as it has to be. */
export interface CheckFinding {
  readonly kind: "database" | "blob" | "image" | "snapshot" | "container";
  /** Digest, name, file or id. */
  readonly object: string;
  /** Continues a sentence that begins with the object. */
  readonly problem: string;
  /** What was done about it; undefined: it is still so. */
  readonly repaired: string | undefined;
}

/** Options of {@link Engine.check}. */
export interface CheckOptions extends CallOptions {
  /** Look at presence, lengths and structure only. Default: false, everything is hashed or made again. */
  readonly quick?: boolean;
  /**
   * Put damaged blobs aside, fetch images anew that lack something, and make damaged layers again. Default: false, nothing
   * is changed.
   */
  readonly repair?: boolean;
  /** With `repair`: images and containers that cannot be mended are removed. Default: false. */
  readonly remove?: boolean;
  /** Brings an image in again by its stored name. Default: none can be. */
  readonly refetch?: (name: string) => Promise<void>;
}
