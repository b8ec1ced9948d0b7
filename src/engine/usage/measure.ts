import { bytesOnDisk } from "../../host/index.ts";
import type { Image } from "../../image/index.ts";
import { CortenError, type Digest } from "../../spec/index.ts";
import type { EngineContext } from "../context.ts";
import { summarise } from "../listing.ts";
import { listVolumes, volumeReferences } from "../stored-volumes.ts";
import type { ContainerUsage, DiskUsage, ImageUsage, VolumeUsage } from "./disk-usage.ts";

/** An image and the things on disk that it uses. */
interface Measured {
  readonly image: Image;
  readonly id: Digest;
  readonly created: Date | undefined;
  /** Bytes of each: blobs by digest, files by path. */
  readonly parts: ReadonlyMap<string, number>;
  readonly containers: number;
}

/** Looks at everything on disk. Reads documents of images, and the status of every file of containers and volumes. */
export async function measureUsage(context: EngineContext): Promise<DiskUsage> {
  const { listImages } = await import("../../image/index.ts");
  const { store, snapshots, containers: index } = context;
  const content = await store.usage();
  const containers = index.list();
  const images: Measured[] = [];
  for (const image of listImages(store)) images.push(await measureImage(context, image, content.blobs));

  const users = new Map<string, number>();
  for (const { parts } of images) for (const key of parts.keys()) users.set(key, (users.get(key) ?? 0) + 1);
  const all = union(images);
  const active = union(images.filter((image) => image.containers > 0));
  const stored = [...content.blobs.values()].reduce((sum, size) => sum + size, content.partials);
  const now = Date.now();
  return {
    images: images.map((image) => describeImage(image, users)),
    imageBytes: total(all),
    reclaimableImageBytes: total(all) - total(active),
    containers: containers.map((container): ContainerUsage => {
      const { details } = container;
      return {
        ...summarise(container, context.status(container), now),
        bytes: bytesOnDisk(context.files(container.id).directory),
        volumes: details.mounts.filter(({ type }) => type === "volume").length,
      };
    }),
    volumes: measureVolumes(context),
    leftoverBytes: Math.max(0, stored + (await snapshots.usage()) - total(all)),
  };
}

async function measureImage(
  { store, snapshots, containers }: EngineContext,
  image: Image,
  blobs: ReadonlyMap<Digest, number>,
): Promise<Measured> {
  const parts = new Map<string, number>();
  for (const digest of await store.reachableFrom(image.root)) {
    const size = blobs.get(digest);
    if (size !== undefined) parts.set(digest, size);
  }
  try {
    const id = await image.id();
    const layers = (await image.layers()).map(({ diffID }) => diffID);
    for (const [file, size] of await snapshots.filesOf(id, layers)) parts.set(file, size);
    const used = containers.list().filter(({ imageID }) => imageID === id).length;
    return { image, id, created: await image.created(), parts, containers: used };
  } catch (error) {
    // Damaged, or an artifact: its blobs are all there is to count.
    if (!(error instanceof CortenError)) throw error;
    return { image, id: image.root.digest, created: undefined, parts, containers: 0 };
  }
}

function describeImage(
  { image, id, created, parts, containers }: Measured,
  users: ReadonlyMap<string, number>,
): ImageUsage {
  const shared = new Map([...parts].filter(([key]) => users.get(key)! > 1));
  return {
    id,
    names: image.names,
    created,
    bytes: total(parts),
    sharedBytes: total(shared),
    containers,
  };
}

function measureVolumes(context: EngineContext): VolumeUsage[] {
  const references = volumeReferences(context);
  return listVolumes(context.root).map(({ name, directory, anonymous }) => ({
    name,
    anonymous,
    bytes: bytesOnDisk(directory),
    links: references.get(name) ?? 0,
  }));
}

function union(images: readonly Measured[]): Map<string, number> {
  return new Map(images.flatMap(({ parts }) => [...parts]));
}

function total(parts: ReadonlyMap<string, number>): number {
  return [...parts.values()].reduce((sum, size) => sum + size, 0);
}
