import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import type { ChunkedLayer, Compression } from "../../archive/index.ts";
import { buildLayer, toEstargz, toZstdChunked } from "../../archive/index.ts";
import { CortenError, isCortenError, isErofsLayerType, MediaType } from "../../spec/index.ts";
import type { Document, ImageSource } from "../../transport/index.ts";
import { temporaryRoot } from "../../transport/index.ts";
import { formatOf, isLayerType } from "../copy/media-types.ts";
import { openAsArchive } from "../erofs-layer.ts";
import type { SourceImage } from "../source-image.ts";
import type { DeriveOptions } from "./derive.ts";
import { deriveImage } from "./derive.ts";
import type { DraftLayer } from "./draft.ts";
import { draftOf, finishDraft, madeLayer } from "./draft.ts";
import type { Workbench } from "./workbench.ts";

/** How layers are stored beyond plain, gzip and zstd; `archive` makes archives of those that are EROFS images only. */
export type LayerStorage = "estargz" | "zstd:chunked" | "erofs" | "archive";

/** Options of {@link convertLayers}. */
export interface ConvertLayersOptions extends DeriveOptions {
  readonly storage: LayerStorage;
  /** Of `archive`. Default: gzip. */
  readonly compression?: Compression;
  /** Of gzip or zstd. */
  readonly level?: number;
  /** Files that a container reads at its start (eStargz). */
  readonly prefetch?: readonly string[];
}

/**
 * A view of an image whose layers are stored in another way. With `zstd:chunked` they unpack to the same
 * archives; `estargz` adds files to them and `erofs` are file systems, so that the configuration's DiffIDs
 * change. The same image gives the same digest.
 *
 * @param bench holds what is new, as long as the view is read
 * @throws failed-precondition where the storage cannot hold a layer, or Docker's generation has no name for it
 */
export function convertLayers(
  source: ImageSource,
  bench: Workbench,
  options: ConvertLayersOptions,
): Promise<ImageSource> {
  return deriveImage(source, bench, options, (image) => convertOne(image, bench, options));
}

async function convertOne(
  image: SourceImage,
  bench: Workbench,
  options: ConvertLayersOptions,
): Promise<Document> {
  const { storage } = options;
  if (
    storage !== "estargz" &&
    storage !== "archive" &&
    formatOf(image.document.descriptor.mediaType) !== "oci"
  ) {
    throw new CortenError(
      "failed-precondition",
      `${image.source.name}: Docker's generation has no layers of ${storage}`,
      {
        hint: "convert it first: corten image convert --format oci",
      },
    );
  }
  const draft = draftOf(image);
  const layers: DraftLayer[] = [];
  for (const layer of draft.layers) {
    if (isErofsLayerType(layer.descriptor.mediaType)) {
      layers.push(storage === "erofs" ? layer : await archiveLayer(layer, image, bench, options));
      continue;
    }
    // What is an archive already keeps what it unpacks to, and the way it is stored is nothing that changes the image.
    if (storage === "archive") {
      layers.push(layer);
      continue;
    }
    if (!isLayerType(layer.descriptor.mediaType)) {
      throw new CortenError(
        "failed-precondition",
        `${image.source.name}: layer ${layer.descriptor.digest} of type "${layer.descriptor.mediaType}" is no tar archive`,
      );
    }
    layers.push(
      storage === "erofs"
        ? await erofsLayer(layer, bench, options)
        : await chunkedLayer(layer, image, bench, options),
    );
  }
  const same = layers.every(
    ({ descriptor }, index) => descriptor.digest === draft.layers[index]!.descriptor.digest,
  );
  return same ? image.document : finishDraft({ ...draft, layers }, image, bench);
}

/** An EROFS image as an archive, packed in the way asked for. */
async function archiveLayer(
  layer: DraftLayer,
  image: SourceImage,
  bench: Workbench,
  options: ConvertLayersOptions,
): Promise<DraftLayer> {
  const { compression = "gzip", level, signal } = options;
  const call = signal === undefined ? {} : { signal };
  const { content } = await openAsArchive(layer, call);
  const packing = options.storage === "archive" ? compression : "none";
  const made = await bench.layer(content, packing, {
    ...call,
    ...(level === undefined || packing === "none" ? {} : { level }),
  });
  const plain = madeLayer(bench, image, made, packing);
  return options.storage === "archive" ? plain : chunkedLayer(plain, image, bench, options);
}

async function chunkedLayer(
  layer: DraftLayer,
  image: SourceImage,
  bench: Workbench,
  { storage, level, prefetch, signal }: ConvertLayersOptions,
): Promise<DraftLayer> {
  const pack = storage === "estargz" ? toEstargz : toZstdChunked;
  let known: ChunkedLayer | undefined;
  const content = pack(
    layer.open,
    (it) => {
      known = it;
    },
    {
      ...(level === undefined ? {} : { level }),
      ...(prefetch === undefined ? {} : { prefetch }),
      ...(signal === undefined ? {} : { signal }),
    },
  );
  const { digest, size } = await bench.blob(content);
  const { diffID, annotations } = known!;
  return madeLayer(
    bench,
    image,
    { digest, size, diffID },
    storage === "estargz" ? "gzip" : "zstd",
    annotations,
  );
}

/** A layer as the file system that it is mounted as (containerd's EROFS snapshotter). */
async function erofsLayer(
  layer: DraftLayer,
  bench: Workbench,
  { signal }: ConvertLayersOptions,
): Promise<DraftLayer> {
  const directory = await mkdtemp(join(temporaryRoot(), "corten-erofs-"));
  const output = join(directory, "layer.erofs");
  try {
    await buildLayer(await layer.open(), {
      output,
      expectedDiffID: layer.diffID,
      ...(signal === undefined ? {} : { signal }),
    });
    const { createReadStream } = await import("node:fs");
    const { digest, size } = await bench.blob(createReadStream(output));
    return {
      descriptor: { mediaType: MediaType.layerErofs, digest, size },
      diffID: digest,
      open: async () => (await bench.open(digest))!,
    };
  } catch (error) {
    if (!isCortenError(error, "failed-precondition")) throw error;
    throw new CortenError("failed-precondition", `layer ${layer.descriptor.digest}: ${error.message}`, {
      cause: error,
      hint: "make one layer of all first: corten image mutate --flatten",
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
