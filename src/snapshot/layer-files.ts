import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { CortenError, type Digest, parseDigest, splitDigest } from "../spec/index.ts";
import { decodeLayerIndex, type LayerIndex } from "./layer-index.ts";

/** Where a root keeps its snapshots; see {@link Snapshots}. */
export class SnapshotFiles {
  readonly directory: string;

  constructor(root: string) {
    this.directory = join(root, "snapshots");
  }

  /** A layer's image. */
  layer(diffID: Digest): string {
    return this.#file("layers", diffID, ".erofs");
  }

  /** What stacking the layer needs to know. */
  layerIndex(diffID: Digest): string {
    return this.#file("layers", diffID, ".json");
  }

  /** The image of directories that goes on top of the layers with this ChainID. */
  fixUp(chainID: Digest): string {
    return this.#file("fix-ups", chainID, ".erofs");
  }

  /** How an image's layers are stacked, by the image's id. */
  stack(imageID: Digest): string {
    return this.#file("stacks", imageID, ".json");
  }

  /** Every directory that holds files, algorithm directories not included. */
  get kinds(): readonly string[] {
    return ["layers", "fix-ups", "stacks"].map((kind) => join(this.directory, kind));
  }

  /** @throws data-loss when the index is damaged; not-found when there is none */
  readIndex(diffID: Digest): LayerIndex {
    const file = this.layerIndex(diffID);
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

  hasLayer(diffID: Digest): boolean {
    return existsSync(this.layer(diffID));
  }

  #file(kind: string, digest: Digest, suffix: string): string {
    // The digest becomes a path: whatever its origin, it is checked here (CVE-2024-3727).
    const [algorithm, encoded] = splitDigest(parseDigest(digest));
    return join(this.directory, kind, algorithm, `${encoded}${suffix}`);
  }
}

/** Bytes of a file; undefined when there is none. */
export function sizeOf(file: string): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.size;
}
