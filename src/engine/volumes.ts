import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { CortenError, type ImageExecution } from "../spec/index.ts";
import type { VolumeOptions } from "./container-options.ts";
import type { EngineContext } from "./context.ts";
import { generateId, isName } from "./names.ts";
import { type ContainerMount, containerPath } from "./spec/mounts.ts";

/** Where a volume's files are. */
export function volumePath(root: string, name: string): string {
  if (!isName(name)) {
    throw new CortenError(
      "invalid-argument",
      `"${name.slice(0, 100)}" is neither a path nor the name of a volume`,
      {
        hint: "begin a path with / or .",
      },
    );
  }
  return join(root, "volumes", name, "_data");
}

/**
 * Finds the sources of the mounts that were asked for, and of the image's VOLUMEs that none of them covers: those
 * get anonymous volumes. Makes nothing yet.
 *
 * @throws not-found for a host path that does not exist
 */
export function planMounts(
  root: string,
  volumes: readonly VolumeOptions[],
  image: ImageExecution,
  covered: readonly string[],
): ContainerMount[] {
  const mounts = volumes.map((volume) => planVolume(root, volume));
  const taken = new Set([...mounts.map(({ destination }) => destination), ...covered]);
  for (const path of Object.keys(image.Volumes ?? {})) {
    const destination = containerPath(path, "the image's VOLUME");
    if (taken.has(destination)) continue;
    taken.add(destination);
    mounts.push(planVolume(root, { destination, readOnly: false }));
  }
  return mounts;
}

function planVolume(root: string, { source, destination, readOnly }: VolumeOptions): ContainerMount {
  const place = { destination: containerPath(destination, "volume"), readOnly };
  if (source === undefined) {
    const name = generateId();
    return { type: "volume", name, source: volumePath(root, name), ...place, anonymous: true };
  }
  if (!source.startsWith("/")) {
    return { type: "volume", name: source, source: volumePath(root, source), ...place };
  }
  const path = resolve(source);
  if (existsSync(path)) return { type: "bind", source: path, ...place };
  throw new CortenError("not-found", `volume source ${path} does not exist`, {
    pointer: "/mounts",
    hint: "make the directory first",
  });
}

/**
 * Makes the volumes among the mounts that are not there yet. A volume appears when `fill` has put its first content
 * in; of two processes that make the same one the later finds it made.
 */
export async function makeVolumes(
  mounts: readonly ContainerMount[],
  fill: (destination: string, directory: string) => Promise<void>,
): Promise<void> {
  for (const { type, source, destination } of mounts) {
    if (type !== "volume" || existsSync(source)) continue;
    mkdirSync(dirname(source), { recursive: true, mode: 0o700 });
    const fresh = `${source}.${process.pid}`;
    rmSync(fresh, { recursive: true, force: true });
    mkdirSync(fresh, { mode: 0o755 });
    await fill(destination, fresh);
    if (!tryRename(fresh, source)) rmSync(fresh, { recursive: true, force: true });
  }
}

function tryRename(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOTEMPTY" || code === "EEXIST") return false;
    throw error;
  }
}

/** Removes the volumes that belong to one container alone. */
export async function removeVolumes(
  context: Pick<EngineContext, "root" | "removeWritten">,
  mounts: readonly ContainerMount[],
): Promise<void> {
  for (const { name, anonymous } of mounts) {
    if (anonymous === true && name !== undefined) {
      await context.removeWritten(dirname(volumePath(context.root, name)));
    }
  }
}
