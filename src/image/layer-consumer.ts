import type { Descriptor, Digest } from "../spec/index.ts";

/** One layer of an image. */
export interface ImageLayer {
  readonly descriptor: Descriptor;
  /** Digest of the uncompressed tar archive: what the configuration lists for this layer. */
  readonly diffID: Digest;
  /** As the descriptor says. Whether and how the content is packed is told by its first bytes. */
  readonly mediaType: string;
}

/**
 * Receives the content of layers while they come in, so that unpacking takes no time of its own. Called
 * for several layers at once.
 *
 * `content` ends normally only after the whole layer was found to have its digest; when it does not,
 * or the transfer fails for good, reading it throws instead. A consumer that stops reading early
 * must check the DiffID by itself.
 */
export interface LayerConsumer {
  (layer: ImageLayer, content: AsyncIterable<Uint8Array>): Promise<void>;
  /** False for a layer that is not needed because it is unpacked already. Default: true for all. */
  wants?(diffID: Digest): boolean | Promise<boolean>;
  /**
   * True when all that was made of a layer can be used with the layer's unpacked archive alone, and without much beside
   * it: only then is a packed layer given up for its archive. Default: true for all.
   */
  servesPlain?(diffID: Digest): boolean;
}
