import { bytesOnDisk } from "../../host/index.ts";
import { CortenError, type Digest, isCortenError } from "../../spec/index.ts";
import type { CallOptions } from "../container.ts";
import type { EngineContext } from "../context.ts";
import { removeContainer } from "../ending.ts";
import { repairContainers } from "../repair.ts";
import type { StoredContainer } from "../stored-container.ts";
import { emptyGraves, listVolumes, removeUnusedVolume, volumeReferences } from "../stored-volumes.ts";
import { type PruneFilter, passes } from "./filter.ts";
import { pruneImages } from "./images.ts";

/** Options of {@link Engine.prune}. What is not named stays. */
export interface PruneOptions extends CallOptions {
  /** Containers that do not run. */
  readonly containers?: boolean;
  /** Of the images of which there is no container: those without a tag (names with a digest are none), or all. */
  readonly images?: "untagged" | "unused";
  /** Volumes that no container uses: `anonymous` ones alone, or `unused`, all of them. */
  readonly volumes?: "anonymous" | "unused";
  /** What cut pulls left to go on from. */
  readonly interrupted?: boolean;
  readonly filter?: PruneFilter;
  /** Remove nothing; tell what would go. Containers that would go count as gone for images and volumes. */
  readonly rehearse?: boolean;
}

/** What went, or would go. */
export interface Pruned {
  readonly containers: readonly { readonly id: string; readonly name: string }[];
  /** Names that were taken away, as they were stored. */
  readonly untagged: readonly string[];
  /** Ids of images that are gone. */
  readonly images: readonly Digest[];
  readonly volumes: readonly string[];
  /** Bytes freed on disk. */
  readonly bytes: number;
}

/**
 * Removes what nothing uses, while others make, pull and start. Containers first, as they hold volumes and images. What
 * comes into use meanwhile stays.
 */
export async function prune(context: EngineContext, options: PruneOptions): Promise<Pruned> {
  const { rehearse = false } = options;
  await repairContainers(context);
  if (!rehearse) await emptyGraves(context);
  const containers = options.containers === true ? await pruneContainers(context, options) : [];
  const gone = new Set(containers.map(({ id }) => id));
  const volumes = options.volumes === undefined ? [] : await pruneVolumes(context, options, gone);
  const images =
    options.images === undefined
      ? { untagged: [], images: [], bytes: 0 }
      : await pruneImages(context, { ...options, images: options.images }, gone);
  const freed = [...containers, ...volumes].reduce((sum, { bytes }) => sum + bytes, images.bytes);
  return {
    containers: containers.map(({ id, name }) => ({ id, name })),
    untagged: images.untagged,
    images: images.images,
    volumes: volumes.map(({ name }) => name),
    bytes: freed,
  };
}

async function pruneContainers(
  context: EngineContext,
  { filter = {}, rehearse = false, signal }: PruneOptions,
): Promise<{ id: string; name: string; bytes: number }[]> {
  const gone = [];
  for (const container of context.containers.list()) {
    const { state } = context.status(container);
    if (state !== "exited" && state !== "created") continue;
    const created = new Date(container.created);
    if (!passes(filter, { created, labels: container.details.labels })) continue;
    const bytes = bytesOnDisk(context.files(container.id).directory);
    const call = signal === undefined ? {} : { signal };
    if (rehearse || (await removeUnlessUsed(context, container, call))) {
      gone.push({ id: container.id, name: container.name, bytes });
    }
  }
  return gone;
}

/** Returns false for one that was started meanwhile. */
async function removeUnlessUsed(
  context: EngineContext,
  container: StoredContainer,
  call: CallOptions,
): Promise<boolean> {
  try {
    await removeContainer(context, container, call);
    return true;
  } catch (error) {
    if (isCortenError(error, "failed-precondition")) return false;
    throw error;
  }
}

async function pruneVolumes(
  context: EngineContext,
  { volumes, filter = {}, rehearse = false }: PruneOptions,
  goneContainers: ReadonlySet<string>,
): Promise<{ name: string; bytes: number }[]> {
  if (filter.labels !== undefined && filter.labels.length > 0) {
    throw new CortenError("invalid-argument", "volumes have no labels to filter by", {
      hint: "prune volumes by themselves, without the filter",
    });
  }
  // Before the references are read: a volume that is listed here had its container recorded by then.
  const candidates = listVolumes(context.root).filter(
    (volume) =>
      (volumes === "unused" || volume.anonymous) && passes(filter, { created: volume.created, labels: {} }),
  );
  const references = volumeReferences(context, goneContainers);
  const gone = [];
  for (const volume of candidates) {
    if (references.has(volume.name)) continue;
    const bytes = bytesOnDisk(volume.directory);
    if (rehearse || (await removeUnusedVolume(context, volume))) gone.push({ name: volume.name, bytes });
  }
  return gone;
}
