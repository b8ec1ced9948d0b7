import type { Store } from "../content/index.ts";
import type { ImageLayer } from "../image/index.ts";

/** A layer in the form that the store has it in: packed as its descriptor says, or unpacked; undefined when in neither. */
export function storedLayer(store: Store, layer: ImageLayer): ImageLayer | undefined {
  if (store.has(layer.descriptor)) return layer;
  const plain = store.replacements.of(layer.descriptor)?.plain;
  return plain === undefined ? undefined : { ...layer, descriptor: plain, mediaType: plain.mediaType };
}
