import type { Root } from "../../content/index.ts";
import type { Image } from "../../image/index.ts";
import { CortenError, type Digest } from "../../spec/index.ts";
import { collectSnapshots } from "../collected-snapshots.ts";
import type { EngineContext } from "../context.ts";
import { releaseRemovedLayers } from "../shared-layers.ts";
import { passes } from "./filter.ts";
import type { PruneOptions } from "./prune.ts";

interface PrunedImages {
  readonly untagged: readonly string[];
  readonly images: readonly Digest[];
  readonly bytes: number;
}

/** What the filter asks of an image; undefined for what cannot be read, which goes only when nothing is asked. */
interface Known {
  readonly image: Image;
  readonly id: Digest;
  readonly created: Date | undefined;
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * Takes names away from images of which there is no container, then removes the content that neither a name nor a lease
 * leads to. Everything that a pull, a container or another prune does meanwhile is seen by the collection: see `collect`
 * of the content room.
 */
export async function pruneImages(
  context: EngineContext,
  options: PruneOptions & { readonly images: "untagged" | "unused" },
  goneContainers: ReadonlySet<string>,
): Promise<PrunedImages> {
  const { filter = {}, rehearse = false, interrupted = false, signal } = options;
  const { isDigestName, listImages, listUnnamedImages } = await import("../../image/index.ts");
  const { store } = context;
  const used = new Set(
    context.containers
      .list()
      .filter(({ id }) => !goneContainers.has(id))
      .map(({ imageID }) => imageID),
  );
  const unnamed = await Promise.all((await listUnnamedImages(store)).map(look));
  const candidates = listImages(store).filter(
    ({ names }) => options.images === "unused" || names.every(isDigestName),
  );
  const named = await Promise.all(candidates.map(look));
  const goes = (known: Known) => !used.has(known.id) && passes(filter, known);
  const going = named.filter(goes);
  const names = going.flatMap(({ image }) => image.names);
  if (!rehearse) removeNames(context, going);
  // Without a filter everything that nothing leads to goes, also what is no image.
  const keep: Root[] = unnamed.filter((known) => !goes(known)).map(({ image }) => image.root);
  const call = signal === undefined ? {} : { signal };
  const collected = await store.collect({
    keep,
    interrupted,
    ...(rehearse ? { rehearse: { withoutNames: new Set(names) } } : {}),
    ...call,
  });
  const gone = new Set(collected.blobs.map(({ digest }) => digest));
  const removed = new Set(
    [...unnamed, ...going].filter(({ image }) => gone.has(image.root.digest)).map(({ id }) => id),
  );
  const withoutNames = new Set(rehearse ? names : []);
  const snapshots = await collectSnapshots(context, { withoutNames, goneContainers, rehearse });
  if (!rehearse) await releaseRemovedLayers(context);
  return { untagged: names, images: [...removed], bytes: collected.bytes + snapshots.bytes };
}

/** All names of these images, as far as they still mean them. */
function removeNames({ store }: EngineContext, images: readonly Known[]): void {
  store.database.transaction(
    () => {
      for (const { image } of images) {
        for (const name of image.names) {
          if (store.names.get(name)?.descriptor.digest === image.root.digest) store.names.remove(name);
        }
      }
    },
    { durable: true },
  );
}

async function look(image: Image): Promise<Known> {
  try {
    const { config } = await image.config();
    return {
      image,
      id: await image.id(),
      created: await image.created(),
      labels: config?.Labels ?? {},
    };
  } catch (error) {
    // Damaged, or an artifact.
    if (!(error instanceof CortenError)) throw error;
    return { image, id: image.root.digest, created: undefined, labels: {} };
  }
}
