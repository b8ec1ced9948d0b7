import type { Compression } from "../../archive/index.ts";
import type { Descriptor, Digest, ImageManifest } from "../../spec/index.ts";
import {
  CortenError,
  isErofsLayerType,
  isIndexType,
  isManifestType,
  parseStrictJson,
} from "../../spec/index.ts";
import type { Document } from "../../transport/index.ts";
import { digestOf } from "../../transport/index.ts";
import { isImageConfigType } from "../config-check.ts";
import type { CopiedBlob } from "./blob.ts";
import type { ImageFormat } from "./media-types.ts";
import { compressionOf, DOCUMENT_TYPES, formatOf, isLayerType, layerTypeIn } from "./media-types.ts";
import type { Conversion } from "./options.ts";

type Raw = Record<string, unknown>;

/** What has become of things: from the digest at the source to what is at the destination. */
export interface Replacements {
  /** Layers that were packed anew. */
  readonly layers: ReadonlyMap<Digest, CopiedBlob>;
  /** Manifests and indexes that were converted. */
  readonly documents: ReadonlyMap<Digest, Descriptor>;
}

/** Annotations that say where things are inside a packed layer: wrong once it is packed anew. */
const PACKING_ANNOTATION = /^(?:containerd\.io\/snapshot\/stargz\/|io\.github\.containers\.zstd-chunked\.)/;

/** How a layer is to be packed anew; undefined where it stays as it is. */
export function newCompression(layer: Descriptor, { compression }: Conversion): Compression | undefined {
  if (compression === undefined || !isLayerType(layer.mediaType)) return undefined;
  return compressionOf(layer.mediaType) === compression ? undefined : compression;
}

/** What a manifest is to become. */
interface Plan {
  /** False where the document stays as it is. */
  readonly changes: boolean;
  readonly format: ImageFormat;
  /** The type of each layer. */
  readonly types: readonly string[];
}

/**
 * Finds out what a manifest is to become, so that what is not possible fails before its layers are sent.
 *
 * @throws failed-precondition when the format has no name for a part
 */
export function planConversion(
  { descriptor: { mediaType, digest } }: Document,
  manifest: ImageManifest,
  conversion: Conversion,
): Plan {
  const native = manifest.layers.find((layer) => isErofsLayerType(layer.mediaType));
  if (conversion.compression !== undefined && native !== undefined) {
    throw new CortenError(
      "failed-precondition",
      `layer ${native.digest} is an EROFS image, which is not packed`,
      {
        hint: `make an archive of it: corten image convert --compression ${conversion.compression}`,
      },
    );
  }
  const repacked = manifest.layers.map((layer) => newCompression(layer, conversion));
  // Docker's generation has no zstd: a layer that becomes that makes the image one of the other.
  const outgrown = repacked.includes("zstd");
  const format = conversion.format ?? (outgrown ? "oci" : formatOf(mediaType));
  const stays = format === formatOf(mediaType);
  if (stays && repacked.every((compression) => compression === undefined)) {
    return { changes: false, format, types: manifest.layers.map((layer) => layer.mediaType) };
  }
  checkConvertible(manifest, format, digest);
  const types = manifest.layers.map((layer, at) => {
    const compression = repacked[at] ?? compressionOf(layer.mediaType);
    return isLayerType(layer.mediaType) ? layerTypeIn(layer.mediaType, format, compression) : layer.mediaType;
  });
  return { changes: true, format, types };
}

/**
 * The manifest with its layers as they have become and in the generation asked for; the very same
 * document when nothing changes. What the source's manifest says beyond the standard stays in image-spec's
 * generation; Docker's has no place for annotations.
 *
 * @throws as {@link planConversion}
 */
export async function convertManifest(
  document: Document,
  manifest: ImageManifest,
  conversion: Conversion,
  replaced: Replacements,
): Promise<Document> {
  const { mediaType, digest } = document.descriptor;
  const { format, types } = planConversion(document, manifest, conversion);
  const repacked = manifest.layers.some((layer) => replaced.layers.has(layer.digest));
  const subject =
    manifest.subject === undefined ? undefined : replaced.documents.get(manifest.subject.digest);
  if (!repacked && subject === undefined && format === formatOf(mediaType)) return document;

  const raw = parseStrictJson(document.bytes, digest) as Raw;
  const layers = manifest.layers.map((layer, at) => {
    const kept = bare((raw["layers"] as Raw[])[at]!, format);
    return { ...packedAnew(kept, replaced.layers.get(layer.digest)), mediaType: types[at] };
  });
  const config = {
    ...bare(raw["config"] as Raw, format),
    mediaType: isImageConfigType(manifest.config.mediaType)
      ? DOCUMENT_TYPES[format].config
      : manifest.config.mediaType,
  };
  const kept: Raw = format === "oci" ? raw : {};
  return documentOf(DOCUMENT_TYPES[format].manifest, {
    schemaVersion: 2,
    mediaType: DOCUMENT_TYPES[format].manifest,
    ...without(kept, ["schemaVersion", "mediaType", "config", "layers", "subject"]),
    config,
    layers,
    ...(kept["subject"] === undefined ? {} : { subject: { ...(kept["subject"] as Raw), ...now(subject) } }),
  });
}

/**
 * The index with its images as they have become; the very same document when nothing changes.
 *
 * @throws failed-precondition when the format has no place for an entry
 */
export async function convertIndex(
  document: Document,
  conversion: Conversion,
  replaced: Replacements,
): Promise<Document> {
  const { mediaType, digest } = document.descriptor;
  const raw = parseStrictJson(document.bytes, digest) as Raw;
  const entries = (raw["manifests"] ?? []) as (Raw & Descriptor)[];
  const parts = entries.map((entry) => replaced.documents.get(entry.digest));
  const own = formatOf(mediaType);
  const outgrown =
    own === "v2s2" && parts.some((part) => part !== undefined && formatOf(part.mediaType) === "oci");
  const format = conversion.format ?? (outgrown ? "oci" : own);
  if (format === own && parts.every((part) => part === undefined)) {
    return document;
  }
  const manifests = entries.map((entry, at) => {
    const kind = isIndexType(entry.mediaType) || isManifestType(entry.mediaType);
    if (format === "v2s2" && (!kind || entry["platform"] === undefined)) {
      throw new CortenError(
        "failed-precondition",
        `format v2s2 cannot list ${entry.digest}: it is no image for a platform`,
        { hint: "keep format oci, or copy one platform" },
      );
    }
    return { ...renamed(bare(entry, format), replaced), ...now(parts[at]) };
  });
  const kept: Raw = format === "oci" ? raw : {};
  return documentOf(DOCUMENT_TYPES[format].index, {
    schemaVersion: 2,
    mediaType: DOCUMENT_TYPES[format].index,
    ...without(kept, ["schemaVersion", "mediaType", "manifests"]),
    manifests,
  });
}

function checkConvertible(manifest: ImageManifest, format: ImageFormat, digest: Digest): void {
  if (format === "oci") return;
  const strange = isImageConfigType(manifest.config.mediaType)
    ? manifest.layers.find(({ mediaType }) => !isLayerType(mediaType))?.mediaType
    : (manifest.artifactType ?? manifest.config.mediaType);
  if (strange === undefined && manifest.subject === undefined) return;
  const why = strange === undefined ? "it has a subject" : `it holds "${strange}"`;
  throw new CortenError(
    "failed-precondition",
    `manifest ${digest} cannot become one of format v2s2: ${why}`,
    {
      hint: "keep format oci",
    },
  );
}

/** A descriptor with the fields that the generation has, in the order in which its tools write them. */
function bare({ mediaType, size, digest, ...others }: Raw, format: ImageFormat): Raw {
  if (format === "oci") return { mediaType, digest, size, ...others };
  const { urls, platform } = others;
  return {
    mediaType,
    size,
    digest,
    ...(urls === undefined || urls === null ? {} : { urls }),
    ...(platform === undefined || platform === null ? {} : { platform }),
  };
}

/** BuildKit's attestations name the image that they are about in an annotation. */
function renamed(entry: Raw, replaced: Replacements): Raw {
  const { annotations } = entry;
  if (typeof annotations !== "object" || annotations === null) return entry;
  const current = Object.entries(annotations as Raw).map(([key, value]) => [
    key,
    typeof value === "string" ? (replaced.documents.get(value as Digest)?.digest ?? value) : value,
  ]);
  return { ...entry, annotations: Object.fromEntries(current) };
}

/** The descriptor of a layer that was packed anew; what it said of its packing goes. */
export function packedAnew(layer: Raw, part: CopiedBlob | undefined): Raw {
  if (part === undefined) return layer;
  const annotations = Object.entries((layer["annotations"] ?? {}) as Raw).filter(
    ([key]) => !PACKING_ANNOTATION.test(key),
  );
  return {
    ...without(layer, ["annotations", "data", "urls"]),
    digest: part.digest,
    size: part.size,
    ...(annotations.length === 0 ? {} : { annotations: Object.fromEntries(annotations) }),
  };
}

function now(document: Descriptor | undefined): Raw {
  if (document === undefined) return {};
  const { mediaType, digest, size } = document;
  return { mediaType, digest, size };
}

function without(object: Raw, names: readonly string[]): Raw {
  return Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)));
}

async function documentOf(mediaType: string, value: object): Promise<Document> {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  return { descriptor: { mediaType, digest: await digestOf(bytes), size: bytes.length }, bytes };
}
