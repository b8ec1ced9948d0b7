import type { Lease, Store } from "../content/index.ts";
import type { Descriptor, ImageConfig, ImageManifest, Platform } from "../spec/index.ts";
import {
  CortenError,
  isCortenError,
  isIndexType,
  MAX_CONFIG_SIZE,
  MAX_DOCUMENT_SIZE,
  parseImageConfig,
  parseIndex,
  parseManifest,
} from "../spec/index.ts";
import type { ImageSource } from "../transport/index.ts";
import { chooseManifest, flattenIndex, noSuchPlatform } from "./choose.ts";
import { checkLayers, isImageConfigType } from "./config-check.ts";
import { everyOf } from "./every-of.ts";
import type { Image } from "./image.ts";
import type { LayerConsumer } from "./layer-consumer.ts";
import type { LayerContext, WantedBlob } from "./layer-context.ts";
import { checkPinned, moveName, storedName } from "./naming.ts";
import { configPlatform, formatPlatform, hostPlatform, platformRank, runsOnHost } from "./platform.ts";
import { pullLayer } from "./pull-layer.ts";
import { storedImage } from "./stored-image.ts";
import type { TransferEvent } from "./transfer-event.ts";

const DEFAULT_PARALLEL = 4;
/** Manifests of one index that are fetched: each is a request. */
const MAX_MANIFESTS = 1024;

/** Options of {@link pull}. */
export interface PullOptions {
  /** What the image is called in the store, as users write references. Default: it gets no name. */
  readonly name?: string;
  /** Which image of an index to bring in. Default: the best for this host. */
  readonly platform?: Platform;
  /** Bring in every image of an index. Default false: the index is kept whole, one image is there. */
  readonly allPlatforms?: boolean;
  /** Layers at once. Default 4. */
  readonly parallel?: number;
  readonly onProgress?: (event: TransferEvent) => void;
  /**
   * What is kept of packed layers of the image for {@link platform}. `single`: what they unpack to, and nothing else, as far as
   * the consumer can do with that; `both`: the packed form is here, and fetched if it was given up. Default: what is here
   * stays as it is, new layers are kept packed.
   */
  readonly copies?: "both" | "single";
  /** Where layers can be had again, for who gives up their packed form. */
  readonly origin?: string;
  /** Sees the content of the layers of the image for {@link platform} while it comes in. */
  readonly consumer?: LayerConsumer;
  /**
   * Keeps the image when it gets no name, and beyond this call. Default: a lease of the call, which
   * ends when the name is there.
   */
  readonly lease?: Lease;
  readonly signal?: AbortSignal;
}

/**
 * Brings an image from `source` into the store: index, manifest, configuration, then the layers in
 * parallel. Everything is verified on its way in; the name is set last, in one step, so the store never
 * shows half an image. What is already here is not fetched; a cut transfer goes on where it was, now
 * or in a later call.
 *
 * @throws not-found when there is no image for the platform; data-loss when content is not what its
 *   digest names; invalid-argument for malformed documents; the consumer's and the source's errors
 */
export async function pull(store: Store, source: ImageSource, options: PullOptions = {}): Promise<Image> {
  const { image, leftover } = await bringIn(store, source, options);
  // A layer's archive that cannot stand for it: nothing leads there now.
  if (leftover) await store.collect(options.signal === undefined ? {} : { signal: options.signal });
  return image;
}

async function bringIn(
  store: Store,
  source: ImageSource,
  options: PullOptions,
): Promise<{ readonly image: Image; readonly leftover: boolean }> {
  const { signal, onProgress } = options;
  const name = options.name === undefined ? undefined : storedName(options.name);
  using own = options.lease === undefined ? store.lease() : undefined;
  const lease = options.lease ?? own!;
  const puller = new Puller(store, source, lease, options);

  const root = await source.root(signal === undefined ? {} : { signal });
  if (options.name !== undefined) checkPinned(options.name, root.descriptor);
  onProgress?.({ type: "root", descriptor: root.descriptor });
  await store.put(root.descriptor, root.bytes, { lease, ...(signal === undefined ? {} : { signal }) });

  const { manifests, chosen } = await puller.manifestsOf(root.descriptor);
  const blobs = new Map<string, WantedBlob>();
  for (const descriptor of manifests) {
    for (const blob of await puller.manifest(descriptor)) {
      // Only the image for this platform is unpacked: the others may be no images at all, as attestations are.
      if (descriptor === chosen) blobs.set(blob.descriptor.digest, blob);
      else if (!blobs.has(blob.descriptor.digest))
        blobs.set(blob.descriptor.digest, { descriptor: blob.descriptor });
    }
  }
  await puller.layers([...blobs.values()]);
  if (name !== undefined) moveName(store, name, root.descriptor);
  const image = storedImage(store, root.descriptor, {
    ...(options.platform === undefined ? {} : { platform: options.platform }),
  });
  return { image, leftover: puller.leftover };
}

/** The steps of one pull. */
class Puller {
  readonly #store: Store;
  readonly #source: ImageSource;
  readonly #lease: Lease;
  readonly #options: PullOptions;
  /** True when an archive was made in vain. */
  leftover = false;

  constructor(store: Store, source: ImageSource, lease: Lease, options: PullOptions) {
    this.#store = store;
    this.#source = source;
    this.#lease = lease;
    this.#options = options;
  }

  /** The manifests to bring in, and which of them is the image for the platform. */
  async manifestsOf(
    root: Descriptor,
  ): Promise<{ manifests: readonly Descriptor[]; chosen: Descriptor | undefined }> {
    if (!isIndexType(root.mediaType)) return { manifests: [root], chosen: root };
    const load = async (descriptor: Descriptor) =>
      parseIndex(await this.#document(descriptor), descriptor.mediaType, {
        what: `index ${descriptor.digest}`,
      });
    const manifests = await flattenIndex(root, load);
    const platform = this.#options.platform ?? hostPlatform();
    const chosen = chooseManifest(manifests, platform);
    if (this.#options.allPlatforms === true) {
      if (manifests.length <= MAX_MANIFESTS) return { manifests, chosen };
      throw new CortenError(
        "resource-exhausted",
        `${this.#source.name} has ${manifests.length} manifests, more than ${MAX_MANIFESTS}`,
      );
    }
    if (chosen === undefined) throw noSuchPlatform(this.#source.name, manifests, platform);
    return { manifests: [chosen], chosen };
  }

  /** Brings in a manifest and its configuration; returns the blobs it lists. */
  async manifest(descriptor: Descriptor): Promise<WantedBlob[]> {
    const what = `manifest ${descriptor.digest}`;
    const manifest = parseManifest(await this.#document(descriptor), descriptor.mediaType, { what });
    const { config, layers } = manifest;
    this.#lease.add(...layers);
    const configuration = await this.#config(manifest, what);
    if (configuration !== undefined) {
      checkLayers(manifest, configuration, what);
      this.#checkPlatform(descriptor, configuration);
    }
    const platform = configuration === undefined ? descriptor.platform : configPlatform(configuration);
    this.#options.onProgress?.({ type: "manifest", descriptor, platform, layers });
    if (configuration === undefined)
      return [{ descriptor: config }, ...layers.map((layer) => ({ descriptor: layer }))];
    // An image that cannot run here is not unpacked either, unless the user asked for its platform.
    if (this.#options.platform === undefined && !runsOnHost(configPlatform(configuration)))
      return layers.map((layer) => ({ descriptor: layer }));
    const diffIDs = configuration.rootfs.diff_ids;
    return layers.map((layer, index) => ({ descriptor: layer, diffID: diffIDs[index]! }));
  }

  /** Brings in blobs, several at once. The first failure stops the others, which keep what they have. */
  async layers(blobs: readonly WantedBlob[]): Promise<void> {
    const { consumer, copies, origin, onProgress, parallel = DEFAULT_PARALLEL, signal } = this.#options;
    await everyOf(blobs, { parallel, ...(signal === undefined ? {} : { signal }) }, async (blob, both) => {
      const context: LayerContext = {
        store: this.#store,
        source: this.#source,
        lease: this.#lease,
        signal: both,
        report: (event) => onProgress?.(event),
        ...(consumer === undefined ? {} : { consumer }),
        ...(copies === undefined ? {} : { copies }),
        ...(origin === undefined ? {} : { origin }),
      };
      if (!(await pullLayer(context, blob))) this.leftover = true;
    });
  }

  /** The bytes of a manifest or index, from the store where it is there and right, else from the source. */
  async #document(descriptor: Descriptor): Promise<Uint8Array> {
    const stored = await this.#stored(descriptor, MAX_DOCUMENT_SIZE);
    if (stored !== undefined) return stored;
    const bytes = await this.#source.manifest(descriptor, this.#call());
    await this.#store.put(descriptor, bytes, { lease: this.#lease, ...this.#call() });
    return bytes;
  }

  /** The image configuration; undefined when the manifest is that of an artifact. */
  async #config({ config }: ImageManifest, what: string): Promise<ImageConfig | undefined> {
    if (!isImageConfigType(config.mediaType)) return undefined;
    if (config.size > MAX_CONFIG_SIZE) {
      throw new CortenError(
        "resource-exhausted",
        `${what}: /config/size is ${config.size}, more than ${MAX_CONFIG_SIZE}`,
      );
    }
    if ((await this.#stored(config, MAX_CONFIG_SIZE)) === undefined)
      await this.layers([{ descriptor: config }]);
    const bytes = await this.#store.read(config, { verify: false });
    return parseImageConfig(bytes, { what: `configuration ${config.digest}` });
  }

  async #stored(descriptor: Descriptor, maxBytes: number): Promise<Uint8Array | undefined> {
    this.#lease.add(descriptor);
    if (!this.#store.has(descriptor)) return undefined;
    try {
      return await this.#store.read(descriptor, { maxBytes });
    } catch (error) {
      if (!isCortenError(error, "data-loss")) throw error;
      this.#store.discard(descriptor.digest);
      return undefined;
    }
  }

  /** An index has chosen already; a lone manifest is taken as it is unless a platform was asked for. */
  #checkPlatform(descriptor: Descriptor, config: ImageConfig): void {
    const { platform, allPlatforms } = this.#options;
    if (platform === undefined || allPlatforms === true || descriptor.platform !== undefined) return;
    const own = configPlatform(config);
    if (platformRank(platform, own) !== undefined) return;
    throw new CortenError("not-found", `${this.#source.name} has no image for ${formatPlatform(platform)}`, {
      hint: `it is an image for ${formatPlatform(own)}`,
    });
  }

  #call(): { readonly signal?: AbortSignal } {
    return this.#options.signal === undefined ? {} : { signal: this.#options.signal };
  }
}
