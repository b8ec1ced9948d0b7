import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { EngineContext } from "./context.ts";
import { destroyContainer } from "./ending.ts";
import type { StoredContainer } from "./stored-container.ts";
import { removeVolumes } from "./volumes.ts";

/**
 * Removes what dead processes left: containers of `--rm` that have ended, containers whose maker was killed, and
 * files of containers that have no row any more. Cheap when there is nothing: one query and two directories.
 */
export async function repairContainers(context: EngineContext): Promise<void> {
  // Directories first: a container's row is there before its directory, and gone after it; or the directory comes
  // with its record in it.
  const directories = [...context.containers.records.ids(), ...namesIn(join(context.runRoot, "monitor"))];
  const states = context.runtime.list();
  for (const container of context.containers.fleeting()) await removeIfOver(context, container);
  for (const { path, container } of context.containers.records.abandonedDrafts()) {
    if (container !== undefined) await removeVolumes(context, container.details.mounts);
    await context.removeWritten(path);
  }
  for (const id of new Set(directories)) {
    if (context.containers.get(id) !== undefined) continue;
    const files = context.files(id);
    rmSync(files.runDirectory, { recursive: true, force: true });
    await context.removeWritten(files.directory);
  }
  for (const { id, status } of states) {
    if (status === "stopped" && context.containers.get(id) === undefined) {
      await context.runtime.delete(id, { force: true });
    }
  }
}

/** Removes a container that is to go by itself and has ended, or was never finished; false when it is neither. */
export async function removeIfOver(context: EngineContext, container: StoredContainer): Promise<boolean> {
  const { state } = context.status(container);
  const over = state === "abandoned" || (state === "exited" && container.autoRemove);
  if (over) await destroyContainer(context, container, true);
  return over;
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).filter((name) => /^[0-9a-f]{64}$/.test(name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
