import { detectCompression } from "../../archive/index.ts";
import type { Descriptor, Digest, ImageManifest } from "../../spec/index.ts";
import {
  CortenError,
  isIndexType,
  isManifestType,
  MAX_CONFIG_SIZE,
  MediaType,
  parseDocument,
  parseImageConfig,
} from "../../spec/index.ts";
import { blobPath, readDocument, readLayoutIndex, readSmall } from "../layout/contents.ts";
import type { LayoutFiles } from "../layout/files.ts";
import type { Document, ImageSource, TransportOptions } from "../place.ts";
import { abortable, digestOf } from "../stream.ts";
import type { SavedImage } from "./docker-manifest.ts";
import { chooseSavedImage, readSavedImages } from "./docker-manifest.ts";

const LAYER_TYPES = { none: MediaType.layer, gzip: MediaType.layerGzip, zstd: MediaType.layerZstd } as const;

/** How many manifests and indexes of an archive are looked at for the one that belongs to a configuration. */
const MAX_CANDIDATES = 256;

/** An image as this source shows it: a manifest, and where its parts are in the archive. */
interface Prepared {
  readonly root: Document;
  readonly paths: ReadonlyMap<Digest, string>;
}

/**
 * An image in an archive of `docker save`. Such an archive need not have a manifest; then one is made
 * from the configuration and the layers as they are stored, always the same bytes for the same archive.
 */
export class DockerArchiveSource implements ImageSource {
  readonly #files: LayoutFiles;
  readonly #image: SavedImage | string | number | undefined;
  #prepared: Promise<Prepared> | undefined;

  /** @param image an image of the archive's list, its position, or one of its tags; undefined for the only one */
  constructor(files: LayoutFiles, image: SavedImage | string | number | undefined) {
    this.#files = files;
    this.#image = image;
  }

  get name(): string {
    return this.#files.name;
  }

  async root({ signal }: TransportOptions = {}): Promise<Document> {
    return (await this.#prepare(signal)).root;
  }

  async manifest(descriptor: Descriptor, { signal }: TransportOptions = {}): Promise<Uint8Array> {
    const { root } = await this.#prepare(signal);
    if (descriptor.digest === root.descriptor.digest) return root.bytes;
    throw new CortenError("not-found", `${this.name} has no manifest ${descriptor.digest}`);
  }

  async blob(
    descriptor: Descriptor,
    { offset = 0, signal }: TransportOptions & { readonly offset?: number } = {},
  ): Promise<AsyncIterable<Uint8Array>> {
    const path = (await this.#prepare(signal)).paths.get(descriptor.digest);
    if (path === undefined)
      throw new CortenError("not-found", `${this.name} has no blob ${descriptor.digest}`);
    return abortable(this.#files.read(path, offset), signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#files[Symbol.asyncDispose]();
  }

  #prepare(signal: AbortSignal | undefined): Promise<Prepared> {
    signal?.throwIfAborted();
    this.#prepared ??= this.#readImage(signal).catch((error) => {
      this.#prepared = undefined; // an abort of one call is no answer for the next
      throw error;
    });
    return this.#prepared;
  }

  async #readImage(signal: AbortSignal | undefined): Promise<Prepared> {
    const image = typeof this.#image === "object" ? this.#image : await this.#find(this.#image);
    const configBytes = await readSmall(this.#files, image.config, MAX_CONFIG_SIZE);
    if (configBytes === undefined) throw new CortenError("data-loss", `${this.name} has no ${image.config}`);
    const config: Descriptor = {
      mediaType: MediaType.imageConfig,
      digest: await digestOf(configBytes),
      size: configBytes.length,
    };
    return (await this.#original(config)) ?? this.#synthesize(image, config, configBytes, signal);
  }

  async #find(ref: string | number | undefined): Promise<SavedImage> {
    return chooseSavedImage(await readSavedImages(this.#files), ref, this.name);
  }

  /** The image's own manifest, where the archive is an OCI layout as well and has it with all its parts. */
  async #original(config: Descriptor): Promise<Prepared | undefined> {
    if ((await this.#files.size("oci-layout")) === undefined) return undefined;
    const queue = [...(await readLayoutIndex(this.#files)).manifests];
    const seen = new Set<Digest>();
    for (
      let entry = queue.shift();
      entry !== undefined && seen.size < MAX_CANDIDATES;
      entry = queue.shift()
    ) {
      const known =
        seen.has(entry.digest) || !(isManifestType(entry.mediaType) || isIndexType(entry.mediaType));
      if (known || (await this.#files.size(blobPath(entry))) !== entry.size) continue;
      seen.add(entry.digest);
      const bytes = await readDocument(this.#files, entry);
      const parsed = parseDocument(bytes, entry.mediaType, { what: `${this.name}: ${entry.digest}` });
      if (parsed.kind === "index") {
        queue.push(...parsed.index.manifests);
        continue;
      }
      const parts = [parsed.manifest.config, ...parsed.manifest.layers];
      if (parsed.manifest.config.digest !== config.digest || !(await this.#hasAll(parts))) continue;
      const { mediaType, digest, size } = entry;
      const paths = new Map(parts.map((part) => [part.digest, blobPath(part)]));
      return { root: { descriptor: { mediaType, digest, size }, bytes }, paths };
    }
    return undefined;
  }

  async #hasAll(parts: readonly Descriptor[]): Promise<boolean> {
    for (const part of parts) if ((await this.#files.size(blobPath(part))) !== part.size) return false;
    return true;
  }

  async #synthesize(
    image: SavedImage,
    config: Descriptor,
    configBytes: Uint8Array,
    signal: AbortSignal | undefined,
  ): Promise<Prepared> {
    const diffIds = parseImageConfig(configBytes, { what: `${this.name}: ${image.config}` }).rootfs.diff_ids;
    if (diffIds.length !== image.layers.length) {
      throw new CortenError(
        "invalid-argument",
        `${this.name} lists ${image.layers.length} layers, but ${image.config} has ${diffIds.length} diff_ids`,
      );
    }
    const paths = new Map<Digest, string>([[config.digest, image.config]]);
    const layers: Descriptor[] = [];
    for (const [index, path] of image.layers.entries()) {
      const layer = await this.#layer(path, diffIds[index]!, signal);
      paths.set(layer.digest, path);
      layers.push(layer);
    }
    const manifest: ImageManifest = { schemaVersion: 2, mediaType: MediaType.imageManifest, config, layers };
    const bytes = new TextEncoder().encode(JSON.stringify(manifest));
    const descriptor = {
      mediaType: MediaType.imageManifest,
      digest: await digestOf(bytes),
      size: bytes.length,
    };
    return { root: { descriptor, bytes }, paths };
  }

  /** The descriptor of a layer as it is stored. An uncompressed one must be what the configuration says. */
  async #layer(path: string, diffId: Digest, signal: AbortSignal | undefined): Promise<Descriptor> {
    const size = await this.#files.size(path);
    if (size === undefined) throw new CortenError("data-loss", `${this.name} has no ${path.slice(0, 200)}`);
    const { createHash } = await import("node:crypto");
    const hash = createHash("sha256");
    let start: Uint8Array | undefined;
    for await (const chunk of abortable(this.#files.read(path), signal)) {
      start ??= chunk;
      hash.update(chunk);
    }
    const digest: Digest = `sha256:${hash.digest("hex")}`;
    const compression = detectCompression(start ?? new Uint8Array());
    if (compression === "none" && digest !== diffId) {
      throw new CortenError(
        "data-loss",
        `${this.name}: layer ${path.slice(0, 200)} has the digest ${digest}, not ${diffId}`,
      );
    }
    return { mediaType: LAYER_TYPES[compression], digest, size };
  }
}
