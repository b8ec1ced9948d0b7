import type { Compression, LayerNames } from "../../archive/index.ts";
import { examineLayer } from "../../archive/index.ts";
import type { Descriptor, Digest, ExaminedConfig, ExaminedManifest, Platform } from "../../spec/index.ts";
import {
  CortenError,
  isErofsLayerType,
  MAX_CONFIG_SIZE,
  MediaType,
  splitDigest,
  validateImageConfig,
} from "../../spec/index.ts";
import { isImageConfigType } from "../config-check.ts";
import { examineErofsLayer } from "../erofs-layer.ts";
import { formatPlatform, normalizePlatform } from "../platform.ts";
import type { ExaminationContext } from "./blob.ts";
import { examineBlob } from "./blob.ts";

/** How the types of layers say that they are packed. */
const PACKINGS: ReadonlyMap<string, Compression> = new Map([
  [MediaType.layer, "none"],
  [MediaType.layerGzip, "gzip"],
  [MediaType.layerZstd, "zstd"],
  [MediaType.layerNondistributable, "none"],
  [MediaType.layerNondistributableGzip, "gzip"],
  [MediaType.layerNondistributableZstd, "zstd"],
  [MediaType.dockerLayer, "none"],
  [MediaType.dockerLayerGzip, "gzip"],
  [MediaType.dockerLayerZstd, "zstd"],
  [MediaType.dockerForeignLayerGzip, "gzip"],
]);

/** Options of {@link examineParts}. */
export interface PartsOptions {
  /** The manifest, for findings that are about its own properties. */
  readonly document: string;
  /** What the index entry says it is for. */
  readonly platform: Platform | undefined;
  /** Whether the content of layers is looked at. */
  readonly layers: boolean;
}

/** Judges the configuration and the layers of a manifest, and whether they fit together. */
export async function examineParts(
  context: ExaminationContext,
  manifest: ExaminedManifest,
  options: PartsOptions,
): Promise<void> {
  const { config, layers } = manifest;
  const isImage = config !== undefined && isImageConfigType(config.mediaType);
  const judged =
    config === undefined ? undefined : await examineConfig(context, config, layers.length, isImage);
  if (judged !== undefined) comparePlatforms(context, config!.digest, options.platform, judged);
  const below: LayerNames[] = [];
  for (const [index, layer] of layers.entries()) {
    if (layer === undefined) continue;
    const packing = PACKINGS.get(layer.mediaType);
    if (isImage && packing === undefined) {
      const message = `is ${JSON.stringify(layer.mediaType.slice(0, 100))}, which image-spec does not define`;
      context.report.content("layer-type", options.document, message, `/layers/${index}/mediaType`);
    }
    if (!options.layers) continue;
    if (isImage && isErofsLayerType(layer.mediaType)) {
      await examineErofs(context, layer, judged?.diffIDs[index]);
    } else if (isImage && packing !== undefined) {
      await examineImageLayer(context, layer, { packing, diffID: judged?.diffIDs[index], below });
    } else {
      await examineBlob(context, layer, {}, async () => undefined);
    }
  }
}

async function examineConfig(
  context: ExaminationContext,
  config: Descriptor,
  layers: number,
  isImage: boolean,
): Promise<ExaminedConfig | undefined> {
  const bytes = await examineBlob(context, config, {}, async (content) =>
    isImage ? readUpTo(content, MAX_CONFIG_SIZE + 1) : undefined,
  );
  return bytes === undefined
    ? undefined
    : context.report.judged(config.digest, validateImageConfig(bytes, layers));
}

/** The whole of a small blob, or its first `limit` bytes, which are then too many for who gets them. */
async function readUpTo(content: AsyncIterable<Uint8Array>, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of content) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= limit) break;
  }
  return Buffer.concat(chunks).subarray(0, limit);
}

async function examineImageLayer(
  context: ExaminationContext,
  layer: Descriptor,
  {
    packing,
    diffID,
    below,
  }: { readonly packing: Compression; readonly diffID: Digest | undefined; readonly below: LayerNames[] },
): Promise<void> {
  const { report, signal } = context;
  const algorithm = diffID === undefined ? "sha256" : splitDigest(diffID)[0];
  const computable = algorithm === "sha256" || algorithm === "sha512";
  // Its content may be elsewhere, by its very nature (descriptor.md, "urls").
  const elsewhere = layer.mediaType.includes(".nondistributable.") || layer.mediaType.includes(".foreign.");
  const found = await examineBlob(
    context,
    layer,
    { missing: elsewhere ? "missing-entry" : "missing" },
    (content) =>
      examineLayer(content, {
        below,
        ...(computable ? { algorithm } : {}),
        ...(signal === undefined ? {} : { signal }),
      }),
  );
  if (found === undefined) return;
  report.layer(layer.digest, found);
  if (found.compression !== packing) {
    const rule = layer.mediaType === MediaType.dockerLayerGzip ? "compression-docker" : "compression";
    report.content(rule, layer.digest, `is announced as ${packing}, but packed as ${found.compression}`);
  }
  below.push(found.names);
  if (diffID === undefined || found.diffID === undefined) return;
  if (!computable)
    report.content("digest-unverified", layer.digest, `has a DiffID that Corten cannot compute`);
  else if (found.diffID !== diffID) {
    report.content(
      "diff-id",
      layer.digest,
      `unpacks to ${found.diffID}, but the configuration says ${diffID}`,
    );
  }
}

async function examineErofs(
  context: ExaminationContext,
  layer: Descriptor,
  diffID: Digest | undefined,
): Promise<void> {
  const { report, signal } = context;
  const algorithm = diffID?.startsWith("sha512:") ? "sha512" : "sha256";
  const call = { algorithm, ...(signal === undefined ? {} : { signal }) } as const;
  const examined = await examineBlob(context, layer, {}, (content) => examineErofsLayer(content, call));
  if (examined === undefined) return;
  report.layers++;
  const { found, digest } = examined;
  if (found instanceof CortenError) report.content("erofs", layer.digest, found.message);
  if (diffID !== undefined && digest !== diffID) {
    report.content("diff-id", layer.digest, `is ${digest}, but the configuration says ${diffID}`);
  }
}

function comparePlatforms(
  { report }: ExaminationContext,
  document: string,
  announced: Platform | undefined,
  config: ExaminedConfig,
): void {
  if (announced === undefined || config.platform === undefined || announced.os === "unknown") return;
  const [said, own] = [normalizePlatform(announced), normalizePlatform(config.platform)];
  if (said.os === own.os && said.architecture === own.architecture) return;
  const message = `is for ${formatPlatform(own)}, but its index lists it for ${formatPlatform(said)}`;
  report.content("platform-mismatch", document, message);
}
