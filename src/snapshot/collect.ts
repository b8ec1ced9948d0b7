import { existsSync, readdirSync, rmSync, type Stats, statSync } from "node:fs";
import { basename, join } from "node:path";
import { isLocked, removeAbandonedLock } from "../host/index.ts";
import type { Digest } from "../spec/index.ts";
import type { LayerPlace, SnapshotFiles } from "./layer-files.ts";
import { readStack } from "./stack.ts";

/** What is in use. */
export interface KeptSnapshots {
  /** Ids of the images whose stacks stay, with all that these consist of. */
  readonly images: Iterable<Digest>;
  /**
   * Calls `remove` with ids that came into use since {@link images} were found, in a way that none can come into use
   * before it returns. Default: none can.
   */
  readonly exclusively?: (remove: (more: Iterable<Digest>) => CollectedSnapshots) => CollectedSnapshots;
  /** DiffIDs of further layers that stay. */
  readonly layers: Iterable<Digest>;
  /**
   * Age in milliseconds below which a file stays whatever is kept: a pull unpacks layers before its image has a
   * name. Default: ten minutes.
   */
  readonly minimumAge?: number;
  /** Remove nothing, tell what would be. Default: false. */
  readonly rehearse?: boolean;
}

export interface CollectedSnapshots {
  /** Files removed. */
  readonly files: number;
  /** Bytes freed on disk. */
  readonly bytes: number;
}

const DEFAULT_AGE_MS = 10 * 60_000;
const PARTIAL = ".partial";

/**
 * Removes the snapshots that nothing keeps. A container that is running loses nothing: its mounts hold the files.
 * A layer that is removed although someone comes to want it is made again from the store.
 */
export function collectSnapshots(files: SnapshotFiles, kept: KeptSnapshots): CollectedSnapshots {
  const stays = new Set<string>();
  for (const diffID of kept.layers) for (const file of filesOfLayer(files.layer(diffID))) stays.add(file);
  for (const imageID of kept.images) for (const file of filesOfStack(files, imageID)) stays.add(file);
  const newest = newestToGo(kept);
  if (kept.rehearse !== true) for (const file of namesOf(files).filter(isLock)) removeAbandonedLock(file);
  let count = 0;
  let bytes = 0;
  for (const { file, size, changed } of listFiles(files)) {
    if (stays.has(file) || changed > newest || isBeingWritten(file, changed)) continue;
    if (kept.rehearse !== true) rmSync(file, { force: true });
    count++;
    bytes += size;
  }
  return { files: count, bytes };
}

/** What an image's stack consists of, as far as it is made. */
function filesOfStack(files: SnapshotFiles, imageID: Digest): string[] {
  const stack = readStack(files, imageID);
  return [files.stack(imageID), ...(stack?.layers ?? []).flatMap(filesOfLayer), ...(stack?.files ?? [])];
}

function filesOfLayer({ image, index, archive }: LayerPlace): string[] {
  return [image, index, archive];
}

/** The files of an image that has these layers, and the bytes that each takes on disk. */
export function filesOfImage(
  files: SnapshotFiles,
  imageID: Digest,
  layers: readonly Digest[],
): Map<string, number> {
  const own = [
    ...layers.flatMap((diffID) => filesOfLayer(files.layer(diffID))),
    ...filesOfStack(files, imageID),
  ];
  return new Map(
    own.flatMap((file) => {
      const stat = statSync(file, { throwIfNoEntry: false });
      return stat === undefined ? [] : [[file, ownBytes(file, stat)]];
    }),
  );
}

/**
 * True for an unfinished file that a process may still be writing: it holds the lock of the layer's image, or has its
 * number in the file's name.
 */
function isBeingWritten(file: string, changed: number): boolean {
  const pid = /\.(\d+)\.(?:new|check)$/.exec(file)?.[1];
  if (pid !== undefined) return changed > newestToGo({}) && existsSync(`/proc/${pid}`);
  if (!file.endsWith(PARTIAL)) return false;
  return isLocked(`${file.slice(0, -PARTIAL.length).replace(/\.json$/, ".erofs")}.lock`);
}

/** What removing a file frees; a layer's archive is the store's blob as well, and counted there, by its length. */
function ownBytes(file: string, { blocks, nlink, size }: Stats): number {
  if (nlink > 1) return 0;
  return file.endsWith(".tar") ? size : blocks * 512;
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
  return namesOf(files).flatMap((file) => {
    // A lock is its holder's business.
    if (isLock(file)) return [];
    const stat = statSync(file, { throwIfNoEntry: false });
    return stat === undefined ? [] : [{ file, size: ownBytes(file, stat), changed: stat.mtimeMs }];
  });
}

function namesOf(files: SnapshotFiles): string[] {
  return files.kinds.flatMap(namesIn).flatMap(namesIn);
}

/** A lock, or the draft of one. */
function isLock(file: string): boolean {
  return /\.lock(?:\.|$)/.test(basename(file));
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).map((name) => join(directory, name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
