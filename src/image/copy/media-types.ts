import type { Compression } from "../../archive/index.ts";
import { CortenError, MediaType } from "../../spec/index.ts";

/** The two generations of documents: image-spec's, and Docker's manifest version 2, schema 2. */
export type ImageFormat = "oci" | "v2s2";

/** One kind of layer and what each generation calls it; Docker has no name for what it cannot pull. */
interface LayerType {
  readonly compression: Compression;
  readonly oci: string;
  readonly v2s2?: string;
}

const LAYERS: readonly LayerType[] = [
  { compression: "none", oci: MediaType.layer, v2s2: MediaType.dockerLayer },
  { compression: "gzip", oci: MediaType.layerGzip, v2s2: MediaType.dockerLayerGzip },
  { compression: "zstd", oci: MediaType.layerZstd },
];

const NONDISTRIBUTABLE: readonly LayerType[] = [
  { compression: "none", oci: MediaType.layerNondistributable },
  {
    compression: "gzip",
    oci: MediaType.layerNondistributableGzip,
    v2s2: MediaType.dockerForeignLayerGzip,
  },
  { compression: "zstd", oci: MediaType.layerNondistributableZstd },
];

const FAMILIES = [LAYERS, NONDISTRIBUTABLE];

/** True for a layer of an image: a tar archive whose packing may be changed. */
export function isLayerType(mediaType: string): boolean {
  return mediaType === MediaType.dockerLayerZstd || FAMILIES.some((family) => rowOf(family, mediaType));
}

/** True for a layer whose licence forbids to pass it on: it stands at its vendor, not in registries. */
export function isNondistributable(mediaType: string): boolean {
  return rowOf(NONDISTRIBUTABLE, mediaType) !== undefined;
}

/**
 * What `format` calls a layer of type `mediaType` that is packed with `compression`.
 *
 * @throws failed-precondition when it has no name for that
 */
export function layerTypeIn(mediaType: string, format: ImageFormat, compression: Compression): string {
  const family = FAMILIES.find((rows) => rowOf(rows, mediaType)) ?? LAYERS;
  const named = family.find((row) => row.compression === compression)?.[format];
  if (named !== undefined) return named;
  throw new CortenError("failed-precondition", `format ${format} has no layers packed with ${compression}`, {
    hint: "choose another format or compression",
  });
}

/** How a layer is packed, going by its type. */
export function compressionOf(mediaType: string): Compression {
  if (mediaType === MediaType.dockerLayerZstd) return "zstd";
  const rows = FAMILIES.map((family) => rowOf(family, mediaType));
  return rows.find((row) => row !== undefined)?.compression ?? "none";
}

/** The generation that a manifest or index of this type belongs to. */
export function formatOf(mediaType: string): ImageFormat {
  return mediaType === MediaType.dockerManifest || mediaType === MediaType.dockerManifestList
    ? "v2s2"
    : "oci";
}

/** The types of documents in each generation. */
export const DOCUMENT_TYPES = {
  oci: { manifest: MediaType.imageManifest, index: MediaType.imageIndex, config: MediaType.imageConfig },
  v2s2: {
    manifest: MediaType.dockerManifest,
    index: MediaType.dockerManifestList,
    config: MediaType.dockerConfig,
  },
} as const;

function rowOf(family: readonly LayerType[], mediaType: string): LayerType | undefined {
  return family.find((row) => row.oci === mediaType || row.v2s2 === mediaType);
}
