import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { kernelAtLeast, readKernel } from "../host/index.ts";
import { CortenError, type Digest, isCortenError, parseDigest, splitDigest } from "../spec/index.ts";
import { decodeLayerIndex, type LayerIndex } from "./layer-index.ts";

/** A layer's files. */
export interface LayerPlace {
  readonly diffID: Digest;
  /** Of a layer whose image serves only upon the layers below it here: the ChainID. */
  readonly chainID: Digest | undefined;
  /** Path of the EROFS image. */
  readonly image: string;
  /** Path of what stacking the layer needs to know. */
  readonly index: string;
  /** Path of the archive that an indexed image is an index of: one more name of the layer's blob. */
  readonly archive: string;
}

/** Where a root keeps its snapshots; see {@link Snapshots}. */
export class SnapshotFiles {
  readonly directory: string;
  readonly #content: string;
  #indexes: boolean | undefined;

  constructor(root: string) {
    this.directory = join(root, "snapshots");
    this.#content = join(root, "content/blobs");
  }

  /** Where the store keeps a blob. */
  blob(digest: Digest): string {
    return join(this.#content, ...splitDigest(parseDigest(digest)));
  }

  /** Whether the kernel mounts indexed images: EROFS takes files, several of them, since 6.12. */
  get indexes(): boolean {
    this.#indexes ??= kernelAtLeast(readKernel(), 6, 12);
    return this.#indexes;
  }

  /** A layer that is the same wherever it stands; with a ChainID, one that reaches into those below it. */
  layer(diffID: Digest, chainID?: Digest): LayerPlace {
    const [kind, name] = chainID === undefined ? ["layers", diffID] : ["chains", chainID];
    const image = this.#file(kind, name, ".erofs");
    const index = this.#file(kind, name, ".json");
    // Where the archive room looks for it; that room is not loaded for a start.
    const archive = this.#file(kind, name, ".tar");
    return { diffID: parseDigest(diffID), chainID, image, index, archive };
  }

  /** The image of directories that goes on top of the layers with this ChainID. */
  fixUp(chainID: Digest): string {
    return this.#file("fix-ups", chainID, ".erofs");
  }

  /** How an image's layers are stacked, by the image's id. */
  stack(imageID: Digest): string {
    return this.#file("stacks", imageID, ".json");
  }

  /** The directory that holds an image's whole tree, where its layers cannot be mounted; see `trees.ts`. */
  tree(imageID: Digest, owners: boolean): string {
    return this.#file("trees", imageID, owners ? "" : "-without-owners");
  }

  /** Every directory that holds files, algorithm directories not included. */
  get kinds(): readonly string[] {
    return ["layers", "chains", "fix-ups", "stacks"].map((kind) => join(this.directory, kind));
  }

  /** @throws data-loss when the index is damaged; not-found when there is none */
  readIndex({ diffID, index: file }: LayerPlace): LayerIndex {
    let bytes: Buffer;
    try {
      bytes = readFileSync(file);
    } catch (cause) {
      throw new CortenError("not-found", `the index of layer ${diffID} is missing`, { cause });
    }
    const index = decodeLayerIndex(bytes, file);
    if (index.diffID === diffID) return index;
    throw new CortenError("data-loss", `${file} is the index of another layer, ${index.diffID}`);
  }

  has(place: LayerPlace): boolean {
    return existsSync(place.image) && existsSync(place.index);
  }

  /** False for a layer that is missing, or whose image has another length than its index says. */
  isWhole(place: LayerPlace): boolean {
    try {
      if (!this.has(place)) return false;
      const { size, archive } = this.readIndex(place);
      if (size !== sizeOf(place.image)) return false;
      return (
        archive === undefined || (this.indexes && isReadable(archive) && archive === sizeOf(place.archive))
      );
    } catch (error) {
      if (isCortenError(error, "data-loss")) return false;
      throw error;
    }
  }

  /** True for a layer whose image is an index of its archive. */
  isIndex(place: LayerPlace): boolean {
    return this.isWhole(place) && this.readIndex(place).archive !== undefined;
  }

  #file(kind: string, digest: Digest, suffix: string): string {
    // The digest becomes a path: whatever its origin, it is checked here (CVE-2024-3727).
    const [algorithm, encoded] = splitDigest(parseDigest(digest));
    return join(this.directory, kind, algorithm, `${encoded}${suffix}`);
  }
}

/** False for the length of an archive that ends within a block, which the kernel does not read to its end. */
export function isReadable(archive: number): boolean {
  return archive % 512 === 0;
}

/** Bytes of a file; undefined when there is none. */
export function sizeOf(file: string): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.size;
}
