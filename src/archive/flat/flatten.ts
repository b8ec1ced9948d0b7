import type { Digest } from "../../spec/index.ts";
import type { ByteString } from "../byte-string.ts";
import type { TarInput } from "../tar-writer.ts";
import { writeTar } from "../tar-writer.ts";
import type { FlatAttributes, FlatFile } from "./flat-node.ts";
import { FlatDirectory } from "./flat-node.ts";
import { FlatTree } from "./flat-tree.ts";
import type { ScanLayerOptions } from "./layer-scan.ts";
import { scanLayer } from "./layer-scan.ts";

/** A layer that can be read more than once. */
export interface FlattenLayer {
  readonly diffID?: Digest;
  open(): Promise<AsyncIterable<Uint8Array>>;
}

/** Options of {@link flattenLayers}. */
export type FlattenOptions = Omit<ScanLayerOptions, "expectedDiffID">;

/**
 * One layer, as a plain tar archive, that unpacks to what `layers` unpack to one over the other: whiteouts
 * are applied and gone, hard links kept, across layers as well. The layers are read twice, first for
 * names, then for content, so that no content is held. The same layers give the same bytes.
 *
 * @throws what {@link scanLayer} and {@link FlatTree} throw
 */
export async function* flattenLayers(
  layers: readonly FlattenLayer[],
  options: FlattenOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const tree = await mergeLayers(layers, options);
  yield* writeTar(mergedEntries(tree, layers, options));
}

/** The tree of `layers`, the lowest first. */
export async function mergeLayers(
  layers: readonly FlattenLayer[],
  options: FlattenOptions = {},
): Promise<FlatTree> {
  const tree = new FlatTree();
  for (const { open, diffID } of layers) {
    tree.begin();
    const settings = { ...options, ...(diffID === undefined ? {} : { expectedDiffID: diffID }) };
    await scanLayer(await open(), { end: (entry, index) => tree.apply(entry, index) }, settings);
    tree.seal();
  }
  return tree;
}

/** Directories first, then files in the order in which the layers hold them, each followed by its other names. */
async function* mergedEntries(
  tree: FlatTree,
  layers: readonly FlattenLayer[],
  options: FlattenOptions,
): AsyncGenerator<TarInput, void, undefined> {
  const names = new Map<FlatFile, ByteString[]>();
  if (!tree.root.implied) yield { type: "directory", path: ".", ...attributesOf(tree.root) };
  for (const { path, node } of tree.entries()) {
    if (node instanceof FlatDirectory) yield { type: "directory", path, ...attributesOf(node) };
    else {
      const known = names.get(node);
      if (known === undefined) names.set(node, [path]);
      else known.push(path);
    }
  }
  const wanted = layers.map(() => new Map<number, FlatFile>());
  for (const file of names.keys()) wanted[file.layer]!.set(file.entry, file);
  for (const [layer, files] of wanted.entries()) {
    if (files.size === 0) continue;
    for await (const { file, body } of contentOf(await layers[layer]!.open(), files, options)) {
      const [first, ...others] = names.get(file)!;
      yield tarInput(file, first!, body);
      for (const path of others) yield { type: "hardlink", path, linkPath: first!, ...attributesOf(file) };
    }
  }
}

function tarInput(file: FlatFile, path: ByteString, body: AsyncIterable<Uint8Array> | undefined): TarInput {
  const { type, linkPath, size, deviceMajor, deviceMinor } = file;
  return {
    type,
    path,
    ...attributesOf(file),
    ...(type === "symlink" ? { linkPath } : {}),
    ...(type.endsWith("device") ? { deviceMajor, deviceMinor } : {}),
    ...(body === undefined ? {} : { body, size }),
  };
}

function attributesOf({ mode, uid, gid, mtime, xattrs }: FlatAttributes): FlatAttributes {
  return { mode, uid, gid, mtime, xattrs };
}

/** The wanted files of a layer in its order, with their content, which is to be read before the next. */
async function* contentOf(
  content: AsyncIterable<Uint8Array>,
  wanted: ReadonlyMap<number, FlatFile>,
  { limits = {}, signal }: FlattenOptions,
): AsyncGenerator<{ file: FlatFile; body: AsyncIterable<Uint8Array> | undefined }, void, undefined> {
  const { decompress } = await import("../compression.ts");
  const { readTar } = await import("../tar-reader.ts");
  let index = 0;
  let left = wanted.size;
  const settings = { limits, ...(signal === undefined ? {} : { signal }) };
  for await (const entry of readTar(decompress(content, settings), limits)) {
    const file = wanted.get(index++);
    if (file === undefined) continue;
    yield { file, body: file.type === "file" && file.size > 0 ? entry.body : undefined };
    if (--left === 0) return;
  }
}
