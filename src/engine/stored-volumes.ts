import { readdirSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import type { EngineContext } from "./context.ts";
import { isName } from "./names.ts";

/** A volume that is on disk. */
export interface StoredVolume {
  readonly name: string;
  readonly directory: string;
  /** Made for one container, and named by chance. */
  readonly anonymous: boolean;
  readonly created: Date;
}

/** What is to go lies under such a name until it is gone; no volume can be called that. */
const GRAVE = ".removed-";

export function listVolumes(root: string): StoredVolume[] {
  return namesIn(join(root, "volumes"))
    .filter(isName)
    .flatMap((name) => {
      const directory = join(root, "volumes", name);
      const stat = statSync(directory, { throwIfNoEntry: false });
      if (stat === undefined || !stat.isDirectory()) return [];
      const anonymous = /^[0-9a-f]{64}$/.test(name);
      return [{ name, directory, anonymous, created: stat.birthtimeMs > 0 ? stat.birthtime : stat.ctime }];
    });
}

/** How many containers use each volume, those included that are being made; without those that count as gone. */
export function volumeReferences(
  { containers }: Pick<EngineContext, "containers">,
  gone: ReadonlySet<string> = new Set(),
): Map<string, number> {
  const references = new Map<string, number>();
  const drafts = containers.records.drafts().flatMap(({ container }) => container ?? []);
  for (const { id, details } of [...containers.list(), ...drafts]) {
    if (gone.has(id)) continue;
    const names = details.mounts.flatMap(({ type, name }) =>
      type === "volume" && name !== undefined ? [name] : [],
    );
    for (const name of new Set(names)) references.set(name, (references.get(name) ?? 0) + 1);
  }
  return references;
}

/**
 * Removes a volume that no container uses; false when one does. A container is recorded before it makes or takes its
 * volumes, so the look at the records decides: in a write transaction, as most are rows, and once more afterwards, as
 * some are files. A process that is killed here leaves a grave that the next {@link emptyGraves} removes.
 */
export async function removeUnusedVolume(
  context: Pick<EngineContext, "root" | "containers" | "store" | "removeWritten">,
  { name, directory }: StoredVolume,
): Promise<boolean> {
  const grave = join(context.root, "volumes", `${GRAVE}${process.pid}-${name}`);
  const moved = context.store.database.transaction(
    () => !volumeReferences(context).has(name) && tryRename(directory, grave),
  );
  if (!moved) return false;
  if (volumeReferences(context).has(name) && tryRename(grave, directory)) return false;
  await context.removeWritten(grave);
  return true;
}

/** Finishes what killed processes began to remove. */
export async function emptyGraves(context: Pick<EngineContext, "root" | "removeWritten">): Promise<void> {
  const volumes = join(context.root, "volumes");
  for (const name of namesIn(volumes)) {
    if (name.startsWith(GRAVE)) await context.removeWritten(join(volumes, name));
  }
}

function tryRename(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTEMPTY" || code === "EEXIST") return false;
    throw error;
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
