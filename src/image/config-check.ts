import type { ImageConfig, ImageManifest } from "../spec/index.ts";
import { CortenError, MediaType } from "../spec/index.ts";

/** Layers of one image that are accepted; Docker's limit is 127, overlayfs stacks 500. */
const MAX_LAYERS = 500;

/** True for the configuration of an image that can run; false for that of any other artifact. */
export function isImageConfigType(mediaType: string): boolean {
  return mediaType === MediaType.imageConfig || mediaType === MediaType.dockerConfig;
}

/**
 * Checks that manifest and configuration speak of the same layers: one DiffID for each, and as many
 * entries in the history that are not empty (image-spec, config.md). A history may be missing or
 * incomplete, as `docker import` and squashing make it; one that lists more layers than there are
 * was made for another image.
 *
 * @throws invalid-argument, naming `what`
 */
export function checkLayers(manifest: ImageManifest, config: ImageConfig, what: string): void {
  const layers = manifest.layers.length;
  const diffIDs = config.rootfs.diff_ids.length;
  if (layers !== diffIDs) {
    throw new CortenError(
      "invalid-argument",
      `${what} has ${layers} layers, but its configuration ${manifest.config.digest} lists ${diffIDs} diff_ids`,
      { pointer: "/rootfs/diff_ids" },
    );
  }
  if (layers > MAX_LAYERS) {
    throw new CortenError("resource-exhausted", `${what} has ${layers} layers, more than ${MAX_LAYERS}`);
  }
  const history = (config.history ?? []).filter(({ empty_layer }) => empty_layer !== true).length;
  if (history > layers) {
    throw new CortenError(
      "invalid-argument",
      `${what} has ${layers} layers, but the history of its configuration ${manifest.config.digest} lists ${history}`,
      { pointer: "/history" },
    );
  }
}
