import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { CortenError, type ImageExecution } from "../spec/index.ts";
import type { VolumeOptions } from "./container-options.ts";
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

/** Makes the volumes among the mounts that are not there yet; returns those that are new, and so empty. */
export function makeVolumes(mounts: readonly ContainerMount[]): ContainerMount[] {
  return mounts.filter(({ type, source }) => {
    if (type !== "volume" || existsSync(source)) return false;
    mkdirSync(source, { recursive: true, mode: 0o755 });
    return true;
  });
}

/** Removes the volumes that belong to one container alone. */
export function removeVolumes(root: string, mounts: readonly ContainerMount[]): void {
  for (const { name, anonymous } of mounts) {
    if (anonymous === true && name !== undefined) {
      rmSync(join(volumePath(root, name), ".."), { recursive: true, force: true });
    }
  }
}
