import { existsSync } from "node:fs";
import type { LayersBelow } from "../archive/index.ts";
import type { Store } from "../content/index.ts";
import { bytesOnDisk } from "../host/index.ts";
import type { Image, ImageLayer, LayerConsumer } from "../image/index.ts";
import type { RootRecipe, RootUpper, UnpackOptions } from "../runtime/index.ts";
import { CortenError, type Digest, isCortenError } from "../spec/index.ts";
import type { CollectedSnapshots, KeptSnapshots } from "./collect.ts";
import { type LayerPlace, SnapshotFiles } from "./layer-files.ts";
import { LayerMaker } from "./layer-maker.ts";
import { type LayerStack, readStack } from "./stack.ts";
import { storedLayer } from "./stored-layer.ts";
import type { TreeStreamOptions } from "./tree-stream.ts";
import type { TreeOptions } from "./trees.ts";
import type { DamagedSnapshot, VerifyOptions } from "./verify.ts";

export interface SnapshotOptions {
  readonly signal?: AbortSignal;
  /** Largest size of a layer when unpacked, in bytes. Default: the archive room's. */
  readonly maxLayerSize?: number;
}

export interface PrepareOptions extends SnapshotOptions {
  /** Called before each layer that has to be unpacked from the store, and after it. */
  readonly onLayer?: (layer: ImageLayer, state: "unpacking" | "done") => void;
}

/**
 * The snapshots of one data root, below `<root>/snapshots`:
 *
 *     layers/sha256/<DiffID>.erofs     a layer as an EROFS image, made from its tar stream or that itself
 *     layers/sha256/<DiffID>.json      its directories and whiteouts
 *     chains/sha256/<ChainID>.*        the same of a layer that reaches into those below it, for these alone
 *     fix-ups/sha256/<ChainID>.erofs   directories whose attributes come from below, where needed
 *     stacks/sha256/<image id>.json    which of these an image's root consists of
 *     trees/sha256/<image id>          all of it in one directory, for users that cannot mount layers
 *
 * Everything here can be made again from the store. A file appears under its name when it is whole and on disk;
 * several processes that want the same layer wait for the one that makes it.
 */
export class Snapshots {
  readonly #files: SnapshotFiles;
  readonly #trees: TreeOptions | undefined;
  readonly #maker: LayerMaker;

  constructor(root: string, trees?: TreeOptions) {
    this.#files = new SnapshotFiles(root);
    this.#trees = trees;
    this.#maker = new LayerMaker(this.#files, trees === undefined);
  }

  /** Whether images may be indexes of archives: whether the kernel mounts those. */
  get indexes(): boolean {
    return this.#files.indexes;
  }

  /** True when the layer is unpacked. */
  has(diffID: Digest): boolean {
    return this.#files.has(this.#files.layer(diffID));
  }

  /** The hook for `pull`: unpacks each layer while it comes in, unless it needs to know those below it. */
  consumer(options: SnapshotOptions = {}): LayerConsumer {
    const consumer: LayerConsumer = (layer, content) =>
      unlessItReachesBelow(this.#maker.fromStream(layer, content, options));
    consumer.wants = (diffID) => !this.has(diffID);
    consumer.servesPlain = (diffID) => this.#files.isIndex(this.#files.layer(diffID));
    return consumer;
  }

  /** The stack of an image that is ready; undefined when {@link prepare} has work to do. */
  stack(imageID: Digest): LayerStack | undefined {
    const stack = readStack(this.#files, imageID);
    if (stack === undefined || this.#trees === undefined) return stack;
    const tree = this.#files.tree(imageID, this.#trees.owners);
    return existsSync(tree) ? { ...stack, tree } : undefined;
  }

  /**
   * Makes the image ready: unpacks layers that are missing or damaged from the store, several at once, and works
   * out how they stack.
   *
   * @throws not-found when a layer is in neither; data-loss when the store's is damaged
   */
  async prepare(store: Store, image: Image, options: PrepareOptions = {}): Promise<LayerStack> {
    const imageID = await image.id();
    const ready = this.stack(imageID);
    if (ready !== undefined) return ready;
    const layers = await image.layers();
    const unique = [...new Map(layers.map((layer) => [layer.diffID, layer])).values()];
    await everyOf(unique, (layer) =>
      unlessItReachesBelow(this.#unpack(store, layer, this.#files.layer(layer.diffID), options)),
    );
    const { makeStack } = await import("./stacking.ts");
    const diffIDs = layers.map(({ diffID }) => diffID);
    await makeStack(this.#files, imageID, diffIDs, (place, below) => {
      const layer = unique.find(({ diffID }) => diffID === place.diffID)!;
      return this.#unpack(store, layer, place, { ...options, below });
    });
    const stacked = readStack(this.#files, imageID);
    if (stacked !== undefined && this.#trees !== undefined) {
      const { makeTree } = await import("./trees.ts");
      await makeTree(this.#files, stacked, this.#trees, options.signal);
    }
    const made = this.stack(imageID);
    if (made !== undefined) return made;
    throw new CortenError("unavailable", `a snapshot of image ${imageID} was removed while it was made`, {
      hint: "run the command again",
    });
  }

  /**
   * How the runtime makes the root file system of a prepared image. An image without layers gives an empty root,
   * for which there has to be an upper directory or a tmpfs.
   *
   * @param shared where layers are mounted once for all containers; undefined: this one mounts its own
   */
  recipe(stack: LayerStack, upper: RootUpper, shared?: string): RootRecipe {
    if (stack.tree !== undefined) {
      return { kind: "layers", layers: [{ kind: "directory", path: stack.tree }], upper };
    }
    const layers = stack.files.map(
      (file) => ({ kind: "erofs", file, archive: stack.archives.get(file) }) as const,
    );
    return { kind: "layers", layers, upper, ...(shared === undefined ? {} : { shared }) };
  }

  /**
   * Copies what a prepared image has in the directory `path` into `target`, an empty directory that nobody else can
   * reach. See {@link copyOut} for what is left out.
   *
   * @returns false when the image has no directory there
   */
  async copyOut(stack: LayerStack, path: string, target: string): Promise<boolean> {
    if (this.#trees !== undefined) {
      const { copyOutMapped } = await import("./trees.ts");
      return copyOutMapped(stack, path, target, this.#trees);
    }
    const [{ withTree }, { copyOut }] = await Promise.all([import("./stacking.ts"), import("./copy-out.ts")]);
    return withTree(stack, (tree) => copyOut(tree, path, target));
  }

  /**
   * Writes the root file system of a prepared image into `target`, an empty directory that nobody else can reach: for
   * hosts and users that cannot mount its layers.
   *
   * @throws what the executor reports, naming the file
   */
  async unpack(
    stack: LayerStack,
    target: string,
    options: UnpackOptions & TreeStreamOptions = {},
  ): Promise<void> {
    const [{ withTree }, { streamTree }, { unpackStream }] = await Promise.all([
      import("./stacking.ts"),
      import("./tree-stream.ts"),
      import("../runtime/index.ts"),
    ]);
    await withTree(stack, (tree) => unpackStream(target, streamTree(tree, options), options));
  }

  /** Looks for damage in what is unpacked of an image. @see verifySnapshots */
  async *verify(store: Store, image: Image, options: VerifyOptions = {}): AsyncGenerator<DamagedSnapshot> {
    const { verifySnapshots } = await import("./verify.ts");
    yield* verifySnapshots(this.#files, store, await image.id(), await image.layers(), options);
  }

  /** Removes a damaged EROFS image that {@link verify} named: {@link prepare} makes it again. */
  async discard(file: string): Promise<void> {
    const { discardSnapshot } = await import("./verify.ts");
    discardSnapshot(file);
  }

  /** Removes what is not kept, and what interrupted processes left. */
  async collect(kept: KeptSnapshots): Promise<CollectedSnapshots> {
    const { collectSnapshots, newestToGo } = await import("./collect.ts");
    const images = [...kept.images];
    const remove = (more: Iterable<Digest> = []) => {
      images.push(...more);
      return collectSnapshots(this.#files, { ...kept, images });
    };
    const collected = kept.exclusively === undefined ? remove() : kept.exclusively(remove);
    if (this.#trees === undefined || kept.rehearse === true) return collected;
    const { collectTrees } = await import("./trees.ts");
    const trees = await collectTrees(this.#files, new Set(images), newestToGo(kept), this.#trees);
    return { ...collected, files: collected.files + trees };
  }

  /** The files that stand for an image with these layers, and the bytes that each takes on disk. */
  async filesOf(imageID: Digest, layers: readonly Digest[]): Promise<ReadonlyMap<string, number>> {
    const { filesOfImage } = await import("./collect.ts");
    const found = filesOfImage(this.#files, imageID, layers);
    if (this.#trees === undefined) return found;
    const tree = this.#files.tree(imageID, this.#trees.owners);
    return existsSync(tree) ? found.set(tree, bytesOnDisk(tree)) : found;
  }

  /** The EROFS images that are here. */
  async images(): Promise<readonly string[]> {
    const { listImages } = await import("./collect.ts");
    return listImages(this.#files);
  }

  /** Bytes that all snapshots take on disk. */
  async usage(): Promise<number> {
    const { snapshotUsage } = await import("./collect.ts");
    return snapshotUsage(this.#files);
  }

  async #unpack(
    store: Store,
    layer: ImageLayer,
    place: LayerPlace,
    options: PrepareOptions & { readonly below?: LayersBelow },
  ): Promise<void> {
    if (this.#files.isWhole(place)) return;
    const stored = storedLayer(store, layer);
    if (stored === undefined) {
      throw new CortenError("not-found", `layer ${layer.descriptor.digest} is not in the store`, {
        hint: "pull the image again",
      });
    }
    options.onLayer?.(layer, "unpacking");
    await this.#maker.fromStore(store, stored, place, options);
    options.onLayer?.(layer, "done");
  }
}

/**
 * Leaves a layer that can be unpacked only together with those below it to {@link Snapshots.prepare}, which knows
 * them.
 */
async function unlessItReachesBelow(unpacking: Promise<void>): Promise<void> {
  try {
    await unpacking;
  } catch (error) {
    if (!isCortenError(error, "failed-precondition") && !isCortenError(error, "unimplemented")) throw error;
  }
}

/** Opens the snapshots of a data root; with `trees` for a user that cannot mount layers. Reads nothing yet. */
export function openSnapshots(root: string, trees?: TreeOptions): Snapshots {
  return new Snapshots(root, trees);
}

/** Works on all items at once; waits for all of them, and throws the first error. */
async function everyOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const results = await Promise.allSettled(items.map(work));
  for (const result of results) if (result.status === "rejected") throw result.reason;
}
