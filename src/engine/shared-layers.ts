import { keepSharedLayers, unpinSharedLayers } from "../runtime/index.ts";
import type { EngineContext } from "./context.ts";

/*
 * Layers that are mounted once for all containers: when they are let go of. Starts mount what they want; nothing here
 * can take a layer from a container that has it.
 */

/** Lets go of what is mounted of images that are gone. */
export async function releaseRemovedLayers({ sharedLayers, snapshots }: EngineContext): Promise<void> {
  if (sharedLayers !== undefined) await keepSharedLayers(sharedLayers, await snapshots.images());
}

/** Lets go of everything once there is no container. */
export async function releaseUnusedLayers(context: EngineContext): Promise<void> {
  if (context.containers.list().length === 0) await releaseSharedLayers(context);
}

export async function releaseSharedLayers({ sharedLayers }: EngineContext): Promise<void> {
  if (sharedLayers !== undefined) await unpinSharedLayers(sharedLayers);
}
