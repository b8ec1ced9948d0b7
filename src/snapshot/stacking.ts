import { existsSync, mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import {
  type ByteString,
  type DirectoryNode,
  ErofsImage,
  ErofsWriter,
  type LayersBelow,
  type NodeAttributes,
  type TreeNode,
} from "../archive/index.ts";
import { chainIDs } from "../image/index.ts";
import type { Digest } from "../spec/index.ts";
import { publish, writeWhole } from "./durable.ts";
import { findFixUps } from "./fix-up.ts";
import type { LayerPlace, SnapshotFiles } from "./layer-files.ts";
import { sizeOf } from "./layer-files.ts";
import type { LayerIndex } from "./layer-index.ts";
import { MergedTree } from "./merged-tree.ts";
import { encodeStack, type LayerStack, type RootAttributes } from "./stack.ts";

const MAX_ACCOUNT_FILE = 1024 * 1024;
const EMPTY_ROOT: NodeAttributes = {
  mode: 0o755,
  uid: 0,
  gid: 0,
  mtime: { seconds: 0, nanoseconds: 0 },
  xattrs: new Map(),
};
/** The digest of nothing: the chain of no layers. */
const EMPTY_CHAIN: Digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/** Unpacks a layer upon those below it to a place of its own. */
export type UnpackUpon = (place: LayerPlace, below: LayersBelow) => Promise<void>;

/**
 * Works out how the layers of an image stack, and stores it: which layers reach into those below them and need an
 * image for this chain, whether a fix-up image is needed and which, and the account files. The images of all
 * layers that can be unpacked by themselves are there.
 */
export async function makeStack(
  files: SnapshotFiles,
  imageID: Digest,
  diffIDs: readonly Digest[],
  unpackUpon: UnpackUpon,
): Promise<void> {
  const indexes: LayerIndex[] = [];
  const opened: ErofsImage[] = [];
  const places: LayerPlace[] = [];
  const chain = await chainIDs(diffIDs);
  try {
    for (const [i, diffID] of diffIDs.entries()) {
      const place = await placeUpon(files, diffID, chain[i]!, new MergedTree(opened), unpackUpon);
      places.push(place);
      indexes.push(files.readIndex(place));
      opened.push(new ErofsImage(place.image));
    }
    const fixUp = await makeFixUp(files, indexes, opened, chain.at(-1) ?? EMPTY_CHAIN);
    const tree = new MergedTree(opened);
    const account = (path: string) => tree.readFile(path, MAX_ACCOUNT_FILE)?.toString("utf8");
    const record = {
      layers: indexes.map(({ diffID, size, archive }, i) => ({
        diffID,
        chainID: places[i]!.chainID,
        size,
        archive,
      })),
      fixUp,
      rootAttributes: rootAttributes(indexes),
      passwd: account("etc/passwd"),
      group: account("etc/group"),
    };
    writeWhole(files.stack(imageID), encodeStack(record));
  } finally {
    for (const reader of opened) reader[Symbol.dispose]();
  }
}

/** Where the image of a layer is that serves upon the layers of `tree`; made when it has to be another one. */
async function placeUpon(
  files: SnapshotFiles,
  diffID: Digest,
  chainID: Digest,
  tree: MergedTree,
  unpackUpon: UnpackUpon,
): Promise<LayerPlace> {
  const own = files.layer(diffID, chainID);
  if (files.isWhole(own)) return own;
  const shared = files.layer(diffID);
  if (files.isWhole(shared) && !leadsThroughLinks(files.readIndex(shared), tree)) return shared;
  await unpackUpon(own, { chainID, lookup: (path) => tree.lookup(path) });
  return own;
}

/**
 * True when a directory that the layer only implies is a symbolic link below: unpacking follows the link
 * (`lib/x` with `lib -> usr/lib` becomes `usr/lib/x`), while an image with a directory `lib` hides it.
 */
function leadsThroughLinks({ directories }: LayerIndex, tree: MergedTree): boolean {
  return directories.some(({ path, implied }) => implied && tree.lookup(path)?.file.type === "symlink");
}

/** Calls `use` with the tree of a stack, as far as it can be read without a mount. */
export async function withTree<T>(stack: LayerStack, use: (tree: MergedTree) => T | Promise<T>): Promise<T> {
  const opened: ErofsImage[] = [];
  try {
    for (const file of stack.files) opened.push(new ErofsImage(file));
    return await use(new MergedTree(opened));
  } finally {
    for (const reader of opened) reader[Symbol.dispose]();
  }
}

/** Those of the uppermost layer that describes its root. */
function rootAttributes(indexes: readonly LayerIndex[]): RootAttributes {
  const root = indexes.findLast(({ directories }) => directories[0]?.implied === false)?.directories[0];
  return { mode: root?.mode ?? 0o755, uid: root?.uid ?? 0, gid: root?.gid ?? 0 };
}

async function makeFixUp(
  files: SnapshotFiles,
  indexes: readonly LayerIndex[],
  images: readonly ErofsImage[],
  chainID: Digest,
): Promise<{ readonly chainID: Digest; readonly size: number } | undefined> {
  const fixes = findFixUps(
    indexes.map(({ directories, whiteouts }, i) => ({
      directories,
      whiteouts,
      hasOtherFile: (path) => isOtherFile(images[i]!, path),
    })),
  );
  // overlayfs wants at least one layer: an image without any gets an empty one.
  if (indexes.length === 0) fixes.set("", EMPTY_ROOT);
  if (fixes.size === 0) return undefined;
  const file = files.fixUp(chainID);
  if (!existsSync(file)) await writeFixUp(file, fixes, chainID);
  return { chainID, size: sizeOf(file)! };
}

function isOtherFile(image: ErofsImage, path: ByteString): boolean {
  let directory = image.root;
  const names = path.split("/");
  for (const [i, name] of names.entries()) {
    const child = image.lookup(directory, name);
    if (child === undefined) return false;
    if (child.type !== "directory") return i === names.length - 1;
    directory = child;
  }
  return false;
}

interface OpenDirectory extends DirectoryNode {
  readonly children: Map<ByteString, TreeNode>;
}

/** Writes an image that holds nothing but these directories; parents come before their children. */
async function writeFixUp(
  file: string,
  fixes: ReadonlyMap<ByteString, NodeAttributes>,
  chainID: Digest,
): Promise<void> {
  const directories = new Map<ByteString, OpenDirectory>();
  for (const [path, attributes] of fixes) {
    const directory: OpenDirectory = { type: "directory", ...attributes, children: new Map() };
    directories.set(path, directory);
    if (path === "") continue;
    const slash = path.lastIndexOf("/");
    directories.get(slash < 0 ? "" : path.slice(0, slash))!.children.set(path.slice(slash + 1), directory);
  }
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const fresh = `${file}.${process.pid}.new`;
  rmSync(fresh, { force: true });
  const writer = new ErofsWriter(fresh);
  try {
    // The ChainID's first half: like the layers' own, it tells this image from every other.
    const uuid = Buffer.from(chainID.slice(chainID.indexOf(":") + 1), "hex").subarray(0, 16);
    await writer.finish(directories.get("")!, uuid);
    publish(fresh, file);
  } finally {
    await writer[Symbol.asyncDispose]();
  }
}
