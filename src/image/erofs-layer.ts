import { mkdtemp, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { type CheckedErofs, checkErofs, decompress, erofsToTar } from "../archive/index.ts";
import type { DiffIDAlgorithm, Digest } from "../spec/index.ts";
import { CortenError, diffIDAlgorithm, isErofsLayerType } from "../spec/index.ts";
import { temporaryRoot } from "../transport/index.ts";
import type { SourceLayer } from "./source-image.ts";

interface Call {
  readonly signal?: AbortSignal;
}

/** What reading a layer takes. */
type ReadableLayer = Pick<SourceLayer, "diffID" | "open"> & {
  readonly descriptor: Pick<SourceLayer["descriptor"], "mediaType">;
};

/**
 * A layer as a tar archive: packed as it comes, or written out of the EROFS image that it is. Only the former has the
 * DiffID.
 */
export async function openAsArchive(
  layer: ReadableLayer,
  call: Call = {},
): Promise<{ readonly content: AsyncIterable<Uint8Array>; readonly expectedDiffID?: Digest }> {
  if (!isErofsLayerType(layer.descriptor.mediaType)) {
    return { content: await layer.open(), expectedDiffID: layer.diffID };
  }
  return { content: archiveOf(await layer.open(), layer.diffID, call) };
}

async function* archiveOf(
  content: AsyncIterable<Uint8Array>,
  diffID: Digest,
  call: Call,
): AsyncGenerator<Uint8Array, void, undefined> {
  const algorithm = diffIDAlgorithm(diffID);
  const file = await ErofsLayerFile.of(content, { ...call, algorithm });
  try {
    if (file.digest !== diffID) {
      throw new CortenError("data-loss", `layer unpacks to ${file.digest}, not ${diffID}`);
    }
    await checkErofs(file.path, call);
    yield* erofsToTar(file.path);
  } finally {
    await file.remove();
  }
}

/** What {@link examineErofsLayer} found. */
export interface ExaminedErofs {
  /** Digest of the image: the layer's DiffID. */
  readonly digest: Digest;
  readonly found: CheckedErofs | CortenError;
}

/** Judges a layer that is an EROFS image by its content, packed or not. */
export async function examineErofsLayer(
  content: AsyncIterable<Uint8Array>,
  options: Call & { readonly algorithm?: DiffIDAlgorithm } = {},
): Promise<ExaminedErofs> {
  const file = await ErofsLayerFile.of(content, options);
  try {
    const found = await checkErofs(file.path, options);
    return { digest: file.digest, found };
  } catch (error) {
    options.signal?.throwIfAborted();
    if (!(error instanceof CortenError)) throw error;
    return { digest: file.digest, found: error };
  } finally {
    await file.remove();
  }
}

/** An image in a file of its own, because it is read here and there. */
class ErofsLayerFile {
  readonly path: string;
  readonly digest: Digest;
  readonly #directory: string;

  private constructor(directory: string, path: string, digest: Digest) {
    this.#directory = directory;
    this.path = path;
    this.digest = digest;
  }

  static async of(
    content: AsyncIterable<Uint8Array>,
    { signal, algorithm = "sha256" }: Call & { readonly algorithm?: DiffIDAlgorithm },
  ): Promise<ErofsLayerFile> {
    const { createHash } = await import("node:crypto");
    const hash = createHash(algorithm);
    const directory = await mkdtemp(join(temporaryRoot(), "corten-erofs-"));
    const path = join(directory, "layer.erofs");
    try {
      const file = await open(path, "wx", 0o600);
      try {
        for await (const chunk of decompress(content, signal === undefined ? {} : { signal })) {
          hash.update(chunk);
          await file.writeFile(chunk);
        }
      } finally {
        await file.close();
      }
    } catch (error) {
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
    return new ErofsLayerFile(directory, path, `${algorithm}:${hash.digest("hex")}`);
  }

  async remove(): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
  }
}
