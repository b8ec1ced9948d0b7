import { existsSync } from "node:fs";
import { join } from "node:path";
import { compileKeepLayers, compileUnpinLayers } from "../plan/compile-layer-work.ts";
import { executeWork, type WorkOptions } from "./work.ts";

/**
 * Unmounts the layers that are mounted for all containers, except `files`. Those that containers use stay mounted for
 * them; what is gone here is mounted anew by the next start that wants it.
 *
 * @param directory as in the recipe of a root
 */
export async function keepSharedLayers(
  directory: string,
  files: readonly string[],
  options: Pick<WorkOptions, "executor"> = {},
): Promise<void> {
  if (!isPinned(directory)) return;
  await executeWork(directory, (work) => compileKeepLayers(directory, files, work), [], options);
}

/** Lets go of all layers that are mounted for all containers. Containers keep what they use. */
export async function unpinSharedLayers(
  directory: string,
  options: Pick<WorkOptions, "executor"> = {},
): Promise<void> {
  if (!isPinned(directory)) return;
  await executeWork(directory, (work) => compileUnpinLayers(directory, work), [], options);
}

/** The file that the mount namespace is bound over; it goes with the bind mount. */
function isPinned(directory: string): boolean {
  return existsSync(join(directory, "namespace"));
}
