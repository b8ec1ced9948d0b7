import type { CollectedSnapshots } from "../snapshot/index.ts";
import { CortenError, type Digest } from "../spec/index.ts";
import type { EngineContext } from "./context.ts";

/** What would be gone at that time. */
export interface Gone {
  readonly withoutNames?: ReadonlySet<string>;
  readonly goneContainers?: ReadonlySet<string>;
  /** Remove nothing, tell what would be. Default: false. */
  readonly rehearse?: boolean;
}

/**
 * Removes the snapshots that are not in use: those of containers, of images with a name, and of what is being pulled stay. A
 * container that is made meanwhile finds its image's snapshot either kept or gone: it looks once it has its row.
 */
export async function collectSnapshots(
  context: EngineContext,
  { withoutNames = new Set(), goneContainers = new Set(), rehearse = false }: Gone = {},
): Promise<CollectedSnapshots> {
  const { store, snapshots, containers } = context;
  const { listImages, listLeasedImages } = await import("../image/index.ts");
  const images = new Set<Digest>();
  const layers = new Set<Digest>();
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
  const ofContainers = () =>
    containers
      .list()
      .flatMap(({ id, imageID }) => (imageID === null || goneContainers.has(id) ? [] : [imageID]));
  return snapshots.collect({
    images,
    layers,
    // Leases tell what is being pulled: nothing has to be spared for its youth.
    minimumAge: 0,
    rehearse,
    exclusively: (remove) => store.database.transaction(() => remove(ofContainers())),
  });
}
