import { existsSync, mkdirSync, readdirSync, renameSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { acquireLock } from "../host/index.ts";
import { type IdMappings, removeTrees, unpackStream } from "../runtime/index.ts";
import type { Digest } from "../spec/index.ts";
import type { SnapshotFiles } from "./layer-files.ts";
import type { LayerStack } from "./stack.ts";
import { withTree } from "./stacking.ts";
import { streamTree } from "./tree-stream.ts";

/**
 * Whoever cannot mount EROFS images, as an ordinary user cannot, gets an image's whole tree in one directory, unpacked in
 * the user namespace of its containers and shared by all of them below their overlays.
 */
export interface TreeOptions {
  /** The user namespace that files are unpacked in. Undefined: the caller's own. */
  readonly mappings: IdMappings | undefined;
  /** False where only one id is mapped: then every file belongs to it. */
  readonly owners: boolean;
}

const LOCK_TIMEOUT_MS = 15 * 60_000;

/** Makes the tree of an image unless it is there. A tree appears under its name when it is whole. */
export async function makeTree(
  files: SnapshotFiles,
  stack: LayerStack,
  { mappings, owners }: TreeOptions,
  signal: AbortSignal | undefined,
): Promise<void> {
  const target = files.tree(stack.imageID, owners);
  mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
  const call = signal === undefined ? {} : { signal };
  const lock = await acquireLock(`${target}.lock`, { timeoutMs: LOCK_TIMEOUT_MS, ...call });
  try {
    if (existsSync(target)) return;
    const draft = `${target}.partial`;
    const work = { ...call, ...(mappings === undefined ? {} : { mappings }) };
    await removeTrees([draft], work);
    mkdirSync(draft, { mode: 0o700 });
    const options = { ...allowed, withoutOwners: !owners };
    await withTree(stack, (tree) => unpackStream(draft, streamTree(tree, options), work));
    renameSync(draft, target);
  } finally {
    lock.release();
  }
}

/** Copies what an image has in a directory into an empty one. Returns false when it has no directory there. */
export function copyOutMapped(
  stack: LayerStack,
  from: string,
  target: string,
  { mappings, owners }: TreeOptions,
): Promise<boolean> {
  return withTree(stack, async (tree) => {
    if (tree.resolve(from)?.occurrences[0].file.type !== "directory") return false;
    const stream = streamTree(tree, { ...allowed, from, withoutOwners: !owners });
    await unpackStream(target, stream, mappings === undefined ? {} : { mappings });
    return true;
  });
}

/** In a user namespace nobody makes devices, and there is no right over attributes but these. */
const allowed = { withoutDevices: true, attribute: isAllowed };

function isAllowed(name: string): boolean {
  return name === "security.capability" || (name.startsWith("user.") && !name.startsWith("user.overlay."));
}

/** Removes the trees of images that are not kept, and what interrupted processes left. Returns how many. */
export async function collectTrees(
  files: SnapshotFiles,
  kept: ReadonlySet<Digest>,
  newest: number,
  { mappings }: TreeOptions,
): Promise<number> {
  const stays = new Set(
    [...kept].flatMap((imageID) => [files.tree(imageID, true), files.tree(imageID, false)]),
  );
  const gone = treesOf(files).filter((path) => {
    const stat = statSync(path, { throwIfNoEntry: false });
    return !stays.has(path) && stat?.isDirectory() === true && stat.ctimeMs <= newest;
  });
  await removeTrees(gone, mappings === undefined ? {} : { mappings });
  return gone.length;
}

function treesOf(files: SnapshotFiles): string[] {
  const directory = join(files.directory, "trees");
  if (!existsSync(directory)) return [];
  return readdirSync(directory).flatMap((algorithm) =>
    readdirSync(join(directory, algorithm)).map((name) => join(directory, algorithm, name)),
  );
}
