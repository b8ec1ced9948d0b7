import type { Descriptor, Digest, ImageConfig, ImageManifest, Platform } from "../spec/index.ts";
import { CortenError, MAX_CONFIG_SIZE, parseImageConfig, parseManifest } from "../spec/index.ts";
import type { Document, ImageSource, TransportOptions } from "../transport/index.ts";
import { verified } from "../transport/index.ts";
import { chooseFromSource } from "./choose-from-source.ts";
import { checkLayers, isImageConfigType } from "./config-check.ts";
import { readBlob } from "./read-blob.ts";

/** A layer of an image where that is. */
export interface SourceLayer {
  readonly descriptor: Descriptor;
  readonly diffID: Digest;
  /** Its packed bytes, verified while they are read. */
  open(): Promise<AsyncIterable<Uint8Array>>;
}

/** One image where it is: its documents, and its layers to be read when they are wanted. */
export interface SourceImage {
  readonly source: ImageSource;
  readonly document: Document;
  readonly manifest: ImageManifest;
  readonly config: ImageConfig;
  /** The configuration as it is stored, with what image-spec does not know. */
  readonly rawConfig: Uint8Array;
  readonly layers: readonly SourceLayer[];
}

/** Options of {@link readSourceImage}. */
export interface SourceImageOptions extends TransportOptions {
  /** Which image of an index. Default: the best for this host. */
  readonly platform?: Platform;
}

/**
 * The image that a source means, of an index the one for a platform.
 *
 * @throws not-found when there is none for the platform; failed-precondition when it is an artifact
 */
export async function readSourceImage(
  source: ImageSource,
  options: SourceImageOptions = {},
): Promise<SourceImage> {
  const call = options.signal === undefined ? {} : { signal: options.signal };
  return imageOfManifest(source, await chooseFromSource(source, await source.root(call), options), call);
}

/** The image of a manifest. @throws as {@link readSourceImage} */
export async function imageOfManifest(
  source: ImageSource,
  document: Document,
  call: TransportOptions = {},
): Promise<SourceImage> {
  const { mediaType, digest } = document.descriptor;
  const what = `${source.name}: ${digest}`;
  const manifest = parseManifest(document.bytes, mediaType, { what });
  if (!isImageConfigType(manifest.config.mediaType)) {
    const type = manifest.artifactType ?? manifest.config.mediaType;
    throw new CortenError("failed-precondition", `${what} is an artifact of type "${type}", not an image`);
  }
  const open = async (descriptor: Descriptor) =>
    verified(await source.blob(descriptor, call), descriptor, `${source.name}: blob ${descriptor.digest}`);
  const rawConfig = await readBlob(source, manifest.config, { maxBytes: MAX_CONFIG_SIZE, ...call });
  const config = parseImageConfig(rawConfig, { what: `${source.name}: ${manifest.config.digest}` });
  checkLayers(manifest, config, what);
  const layers = manifest.layers.map((descriptor, index) => ({
    descriptor,
    diffID: config.rootfs.diff_ids[index]!,
    open: () => open(descriptor),
  }));
  return { source, document, manifest, config, rawConfig, layers };
}
