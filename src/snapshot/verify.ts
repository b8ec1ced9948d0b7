import { createReadStream, existsSync, rmSync } from "node:fs";
import { archiveOf, buildLayer, ErofsImage, type ImageFile } from "../archive/index.ts";
import type { Store } from "../content/index.ts";
import type { ImageLayer } from "../image/index.ts";
import { CortenError, type Digest, isCortenError, isErofsLayerType, splitDigest } from "../spec/index.ts";
import type { LayerPlace, SnapshotFiles } from "./layer-files.ts";
import { readStack } from "./stack.ts";
import { storedLayer } from "./stored-layer.ts";

/** A snapshot that is not what it was made as. */
export interface DamagedSnapshot {
  /** Path of the EROFS image. */
  readonly file: string;
  readonly problem: string;
}

export interface VerifyOptions {
  /** Look at lengths and structure only. Default: false, each layer is made again and compared. */
  readonly quick?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * Looks at the EROFS images of one image. Our encoder gives the same bytes for the same layer, so a layer that is made
 * again tells of every flipped bit; those that were made upon the layers below them, and fix-ups, are walked through.
 */
export async function* verifySnapshots(
  files: SnapshotFiles,
  store: Store,
  imageID: Digest,
  layers: readonly ImageLayer[],
  options: VerifyOptions,
): AsyncGenerator<DamagedSnapshot> {
  const seen = new Set<string>();
  for (const layer of layers) {
    const place = files.layer(layer.diffID);
    if (seen.has(place.image) || !existsSync(place.image)) continue;
    seen.add(place.image);
    const problem = wrongForm(files, place) ?? (await wrongContent(store, layer, place, options));
    if (problem !== undefined) yield { file: place.image, problem };
  }
  const stack = readStack(files, imageID);
  const chains = new Map(stack?.layers.map((place) => [place.image, place]));
  for (const file of stack?.files ?? []) {
    if (seen.has(file)) continue;
    seen.add(file);
    const place = chains.get(file);
    const problem = place === undefined ? wrongStructure(file) : wrongForm(files, place);
    if (problem !== undefined) yield { file, problem };
  }
}

/** Removes a damaged image, so that it is made again. */
export function discardSnapshot(file: string): void {
  rmSync(file, { force: true });
  rmSync(file.replace(/\.erofs$/, ".json"), { force: true });
  rmSync(archiveOf(file), { force: true });
}

function wrongForm(files: SnapshotFiles, place: LayerPlace): string | undefined {
  if (!files.isWhole(place)) return "has another length than its index says, or the index is damaged";
  return wrongStructure(place.image);
}

/** Reads every inode, name and attribute. */
function wrongStructure(file: string): string | undefined {
  try {
    const image = new ErofsImage(file);
    try {
      const directories: ImageFile[] = [image.root];
      for (let next = directories.pop(); next !== undefined; next = directories.pop()) {
        for (const [, child] of image.list(next)) if (child.type === "directory") directories.push(child);
      }
    } finally {
      image.close();
    }
    return undefined;
  } catch (error) {
    // Decoding stumbles in many ways over bytes that are not what they should be.
    return `is damaged: ${error instanceof Error ? error.message : String(error)}`;
  }
}

async function wrongContent(
  store: Store,
  layer: ImageLayer,
  { image, archive }: LayerPlace,
  { quick = false, signal }: VerifyOptions,
): Promise<string | undefined> {
  if (quick) return undefined;
  const { diffID } = layer;
  if (isErofsLayerType(layer.mediaType)) return wrongNative(diffID, image);
  const stored = storedLayer(store, layer);
  if (stored === undefined) return undefined;
  const again = `${image}.${process.pid}.check`;
  rmSync(again, { force: true });
  const call = signal === undefined ? {} : { signal };
  const indexed = existsSync(archive);
  try {
    if (indexed && `sha256:${await hashFile(archive)}` !== diffID && diffID.startsWith("sha256:")) {
      return "has other content in its archive than its digest says";
    }
    const content = store.open(stored.descriptor, { verify: true, ...call });
    await buildLayer(content, { output: again, expectedDiffID: diffID, indexed, ...call });
    return (await haveSameContent(image, again)) ? undefined : "has other content than its layer gives";
  } catch (error) {
    signal?.throwIfAborted();
    // The layer's own damage is the content's to tell; one that reaches into lower ones has no image of its own.
    if (error instanceof CortenError && !isCortenError(error, "internal")) return undefined;
    throw error;
  } finally {
    rmSync(again, { force: true });
  }
}

/** The layer's own image: its digest tells. */
async function wrongNative(diffID: Digest, image: string): Promise<string | undefined> {
  const [algorithm, encoded] = splitDigest(diffID);
  return (await hashFile(image, algorithm)) === encoded
    ? undefined
    : "has other content than its digest says";
}

async function haveSameContent(left: string, right: string): Promise<boolean> {
  const [one, other] = await Promise.all([left, right].map((path) => hashFile(path)));
  return one === other;
}

async function hashFile(path: string, algorithm = "sha256"): Promise<string> {
  const { createHash } = await import("node:crypto");
  const hash = createHash(algorithm);
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 })) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
