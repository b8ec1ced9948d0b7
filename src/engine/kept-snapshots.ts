import type { KeptSnapshots } from "../snapshot/index.ts";
import { CortenError, type Digest } from "../spec/index.ts";
import type { EngineContext } from "./context.ts";

/** What would be gone at that time. */
export interface Gone {
  readonly withoutNames?: ReadonlySet<string>;
  readonly goneContainers?: ReadonlySet<string>;
}

/** The snapshots that are in use: those of containers, of images with a name, and of what is being pulled. */
export async function keptSnapshots(
  { store, containers }: EngineContext,
  { withoutNames = new Set(), goneContainers = new Set() }: Gone = {},
): Promise<Pick<KeptSnapshots, "images" | "layers">> {
  const { listImages, listLeasedImages } = await import("../image/index.ts");
  const images = new Set<Digest>();
  const layers = new Set<Digest>();
  for (const { id, imageID } of containers.list()) {
    if (imageID !== null && !goneContainers.has(id)) images.add(imageID);
  }
  const named = listImages(store).filter(({ names }) => !names.every((name) => withoutNames.has(name)));
  for (const image of [...named, ...listLeasedImages(store)]) {
    try {
      images.add(await image.id());
      for (const { diffID } of await image.layers()) layers.add(diffID);
    } catch (error) {
      // A damaged image, an artifact, or a blob that is none: it has no snapshots to keep.
      if (!(error instanceof CortenError)) throw error;
    }
  }
  return { images, layers };
}
