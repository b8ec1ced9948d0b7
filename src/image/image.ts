import type { Descriptor, Digest, ImageConfig, ImageManifest, Platform } from "../spec/index.ts";
import type { ImageLayer } from "./layer-consumer.ts";

/**
 * A read-only view of one image in the store. What it takes to answer is read when it is first asked
 * for. A name may mean an index of many images; the view is that of one of them: the best for the
 * wanted platform of those that are here.
 *
 * @throws every method: data-loss when content is missing or damaged; failed-precondition when the
 *   name means an artifact that is no image
 */
export interface Image {
  /** What the names mean: an index or a manifest. */
  readonly root: Descriptor;
  /** All names of {@link root}, sorted, as canonical references. */
  readonly names: readonly string[];
  /** Descriptor of this image's manifest. */
  descriptor(): Promise<Descriptor>;
  manifest(): Promise<ImageManifest>;
  config(): Promise<ImageConfig>;
  /** The configuration as it is stored, with fields that image-spec does not know. */
  rawConfig(): Promise<Uint8Array>;
  /** The image's id: the digest of its configuration. */
  id(): Promise<Digest>;
  /** The layers, the lowest first. */
  layers(): Promise<readonly ImageLayer[]>;
  /** ChainID of each layer, the lowest first (image-spec, config.md "Layer ChainID"). */
  chainIDs(): Promise<readonly Digest[]>;
  /** Bytes of manifest, configuration and layers as stored (packed); a layer that occurs twice counts once. */
  size(): Promise<number>;
  platform(): Promise<Platform>;
  /** When it was made, where its configuration says so. */
  created(): Promise<Date | undefined>;
}
