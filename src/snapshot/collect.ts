import { readdirSync, rmSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import type { Digest } from "../spec/index.ts";
import type { LayerPlace, SnapshotFiles } from "./layer-files.ts";
import { readStack } from "./stack.ts";

/** What is in use. */
export interface KeptSnapshots {
  /** Ids of the images whose stacks stay, with all that these consist of. */
  readonly images: Iterable<Digest>;
  /** DiffIDs of further layers that stay. */
  readonly layers: Iterable<Digest>;
  /**
   * Age in milliseconds below which a file stays whatever is kept: a pull unpacks layers before its image has a
   * name. Default: ten minutes.
   */
  readonly minimumAge?: number;
}

export interface CollectedSnapshots {
  /** Files removed. */
  readonly files: number;
  /** Bytes freed on disk. */
  readonly bytes: number;
}

const DEFAULT_AGE_MS = 10 * 60_000;

/**
 * Removes the snapshots that nothing keeps. A container that is running loses nothing: its mounts hold the files.
 * A layer that is removed although someone comes to want it is made again from the store.
 */
export function collectSnapshots(files: SnapshotFiles, kept: KeptSnapshots): CollectedSnapshots {
  const stays = new Set<string>();
  const keep = ({ image, index }: LayerPlace) => stays.add(image).add(index);
  for (const diffID of kept.layers) keep(files.layer(diffID));
  for (const imageID of kept.images) {
    stays.add(files.stack(imageID));
    const stack = readStack(files, imageID);
    for (const place of stack?.layers ?? []) keep(place);
    for (const file of stack?.files ?? []) stays.add(file);
  }
  const newest = newestToGo(kept);
  let count = 0;
  let bytes = 0;
  for (const { file, size, changed } of listFiles(files)) {
    if (stays.has(file) || changed > newest) continue;
    rmSync(file, { force: true });
    count++;
    bytes += size;
  }
  return { files: count, bytes };
}

/** When the youngest of what may be removed has changed, in milliseconds since 1970. */
export function newestToGo({ minimumAge }: Pick<KeptSnapshots, "minimumAge">): number {
  return Date.now() - (minimumAge ?? DEFAULT_AGE_MS);
}

export function snapshotUsage(files: SnapshotFiles): number {
  return listFiles(files).reduce((sum, { size }) => sum + size, 0);
}

/** Every EROFS image, finished or not. */
export function listImages(files: SnapshotFiles): string[] {
  return listFiles(files).flatMap(({ file }) => (file.includes(".erofs") ? [file] : []));
}

interface StoredFile {
  readonly file: string;
  /** On disk. */
  readonly size: number;
  readonly changed: number;
}

function listFiles(files: SnapshotFiles): StoredFile[] {
  return files.kinds
    .flatMap(namesIn)
    .flatMap(namesIn)
    .flatMap((file) => {
      // A lock is its holder's business.
      if (/\.lock(?:\.|$)/.test(basename(file))) return [];
      const stat = statSync(file, { throwIfNoEntry: false });
      return stat === undefined ? [] : [{ file, size: stat.blocks * 512, changed: stat.mtimeMs }];
    });
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).map((name) => join(directory, name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
