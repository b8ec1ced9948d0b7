import { existsSync, mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import {
  type ByteString,
  type DirectoryNode,
  ErofsWriter,
  type NodeAttributes,
  type TreeNode,
} from "../archive/index.ts";
import { chainIDs } from "../image/index.ts";
import type { Digest } from "../spec/index.ts";
import { publish, writeWhole } from "./durable.ts";
import { ErofsReader } from "./erofs-reader.ts";
import { findFixUps } from "./fix-up.ts";
import type { SnapshotFiles } from "./layer-files.ts";
import { sizeOf } from "./layer-files.ts";
import type { LayerIndex } from "./layer-index.ts";
import { MergedTree, type TreeLayer } from "./merged-tree.ts";
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

/**
 * Works out how the layers of an image stack, and stores it: whether a fix-up image is needed and which, and the
 * account files. The layers' own images are all there.
 */
export async function makeStack(
  files: SnapshotFiles,
  imageID: Digest,
  diffIDs: readonly Digest[],
): Promise<void> {
  const indexes = diffIDs.map((diffID) => files.readIndex(diffID));
  const opened: ErofsReader[] = [];
  try {
    for (const diffID of diffIDs) opened.push(new ErofsReader(files.layer(diffID)));
    const fixUp = await makeFixUp(files, indexes, opened);
    const tree = new MergedTree(treeLayers(indexes, opened));
    const account = (path: string) => tree.readFile(path, MAX_ACCOUNT_FILE)?.toString("utf8");
    const record = {
      layers: indexes.map(({ diffID, size }) => ({ diffID, size })),
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

/** Calls `use` with the tree of a stack, as far as it can be read without a mount. */
export function withTree<T>(files: SnapshotFiles, stack: LayerStack, use: (tree: MergedTree) => T): T {
  const opened: ErofsReader[] = [];
  try {
    for (const file of stack.files) opened.push(new ErofsReader(file));
    return use(
      new MergedTree(
        treeLayers(
          stack.diffIDs.map((diffID) => files.readIndex(diffID)),
          opened,
        ),
      ),
    );
  } finally {
    for (const reader of opened) reader[Symbol.dispose]();
  }
}

/** A reader more than there are indexes is that of a fix-up, which hides nothing. */
function treeLayers(indexes: readonly LayerIndex[], readers: readonly ErofsReader[]): TreeLayer[] {
  return readers.map((reader, i) => {
    const directories = indexes[i]?.directories ?? [];
    return { reader, opaque: new Set(directories.filter(({ opaque }) => opaque).map(({ path }) => path)) };
  });
}

/** Those of the uppermost layer that describes its root. */
function rootAttributes(indexes: readonly LayerIndex[]): RootAttributes {
  const root = indexes.findLast(({ directories }) => directories[0]?.implied === false)?.directories[0];
  return { mode: root?.mode ?? 0o755, uid: root?.uid ?? 0, gid: root?.gid ?? 0 };
}

async function makeFixUp(
  files: SnapshotFiles,
  indexes: readonly LayerIndex[],
  readers: readonly ErofsReader[],
): Promise<{ readonly chainID: Digest; readonly size: number } | undefined> {
  const fixes = findFixUps(
    indexes.map(({ directories, whiteouts }, i) => ({
      directories,
      whiteouts,
      hasOtherFile: (path) => isOtherFile(readers[i]!, path),
    })),
  );
  // overlayfs wants at least one layer: an image without any gets an empty one.
  if (indexes.length === 0) fixes.set("", EMPTY_ROOT);
  if (fixes.size === 0) return undefined;
  const chainID = (await chainIDs(indexes.map(({ diffID }) => diffID))).at(-1) ?? EMPTY_CHAIN;
  const file = files.fixUp(chainID);
  if (!existsSync(file)) await writeFixUp(file, fixes, chainID);
  return { chainID, size: sizeOf(file)! };
}

function isOtherFile(reader: ErofsReader, path: ByteString): boolean {
  let number = reader.root;
  const names = path.split("/");
  for (const [i, name] of names.entries()) {
    const child = reader.find(number, name);
    if (child === undefined) return false;
    if (reader.node(child).type !== "directory") return i === names.length - 1;
    number = child;
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
