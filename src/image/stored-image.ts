import type { Store } from "../content/index.ts";
import type { Descriptor, Digest, ImageConfig, ImageManifest, Platform } from "../spec/index.ts";
import {
  CortenError,
  isIndexType,
  MAX_CONFIG_SIZE,
  MAX_DOCUMENT_SIZE,
  parseImageConfig,
  parseIndex,
  parseManifest,
} from "../spec/index.ts";
import { chainIDs } from "./chain.ts";
import { chooseManifest, flattenIndex, isAttestation } from "./choose.ts";
import { checkLayers, isImageConfigType } from "./config-check.ts";
import type { Image } from "./image.ts";
import type { ImageLayer } from "./layer-consumer.ts";
import { configPlatform, formatPlatform, hostPlatform } from "./platform.ts";

/** Options of views. */
export interface ViewOptions {
  /** The image wanted of an index. Default: the best for this host, else the first that is here. */
  readonly platform?: Platform;
  /**
   * Hash documents when they are read. Default true. They were verified when they came in, so a container's start
   * leaves it out: loading node:crypto alone takes longer than all else here.
   */
  readonly verify?: boolean;
}

/** A view of what `root` leads to. Reads nothing yet. */
export function storedImage(store: Store, root: Descriptor, options: ViewOptions = {}): Image {
  return new StoredImage(store, root, options);
}

class StoredImage implements Image {
  readonly root: Descriptor;
  readonly names: readonly string[];
  readonly #store: Store;
  readonly #options: ViewOptions;
  #descriptor: Promise<Descriptor> | undefined;
  #manifest: Promise<ImageManifest> | undefined;
  #rawConfig: Promise<Uint8Array> | undefined;
  #config: Promise<ImageConfig> | undefined;

  constructor(store: Store, root: Descriptor, options: ViewOptions) {
    this.root = root;
    this.names = store.names.of(root.digest).map(({ name }) => name);
    this.#store = store;
    this.#options = options;
  }

  descriptor(): Promise<Descriptor> {
    this.#descriptor ??= this.#find();
    return this.#descriptor;
  }

  manifest(): Promise<ImageManifest> {
    this.#manifest ??= this.descriptor().then(async (descriptor) => {
      const bytes = await this.#read(descriptor, MAX_DOCUMENT_SIZE);
      return this.#parsed(descriptor, () => parseManifest(bytes, descriptor.mediaType));
    });
    return this.#manifest;
  }

  rawConfig(): Promise<Uint8Array> {
    this.#rawConfig ??= this.manifest().then(({ config, artifactType }) => {
      if (isImageConfigType(config.mediaType)) return this.#read(config, MAX_CONFIG_SIZE);
      const type = artifactType ?? config.mediaType;
      throw new CortenError(
        "failed-precondition",
        `${this.#name()} is an artifact of type "${type}", not an image`,
      );
    });
    return this.#rawConfig;
  }

  config(): Promise<ImageConfig> {
    this.#config ??= this.rawConfig().then(async (bytes) => {
      const manifest = await this.manifest();
      const config = this.#parsed(manifest.config, () => parseImageConfig(bytes));
      checkLayers(manifest, config, this.#name());
      return config;
    });
    return this.#config;
  }

  async id(): Promise<Digest> {
    return (await this.manifest()).config.digest;
  }

  async layers(): Promise<readonly ImageLayer[]> {
    const { rootfs } = await this.config();
    const { layers } = await this.manifest();
    return layers.map((descriptor, index) => ({
      descriptor,
      diffID: rootfs.diff_ids[index]!,
      mediaType: descriptor.mediaType,
    }));
  }

  async chainIDs(): Promise<readonly Digest[]> {
    return chainIDs((await this.config()).rootfs.diff_ids);
  }

  async size(): Promise<number> {
    const { config, layers } = await this.manifest();
    const parts = new Map(
      [await this.descriptor(), config, ...layers].map(({ digest, size }) => [digest, size]),
    );
    return [...parts.values()].reduce((sum, size) => sum + size, 0);
  }

  async platform(): Promise<Platform> {
    return configPlatform(await this.config());
  }

  async created(): Promise<Date | undefined> {
    const { created } = await this.config();
    const date = created ? new Date(created) : undefined;
    return date === undefined || Number.isNaN(date.getTime()) ? undefined : date;
  }

  async #find(): Promise<Descriptor> {
    if (!isIndexType(this.root.mediaType)) return this.root;
    const load = async (descriptor: Descriptor) => {
      if (descriptor !== this.root && !this.#store.has(descriptor)) return undefined;
      const bytes = await this.#read(descriptor, MAX_DOCUMENT_SIZE);
      return this.#parsed(descriptor, () => parseIndex(bytes, descriptor.mediaType));
    };
    const here = (await flattenIndex(this.root, load)).filter((descriptor) => this.#store.has(descriptor));
    const wanted = this.#options.platform;
    const chosen = chooseManifest(here, wanted ?? hostPlatform());
    if (chosen !== undefined) return chosen;
    // One that was pulled for another platform: it can be listed, saved, and run where the kernel can.
    const other = wanted === undefined ? here.find((descriptor) => !isAttestation(descriptor)) : undefined;
    if (other !== undefined) return other;
    const platform = formatPlatform(wanted ?? hostPlatform());
    throw new CortenError("not-found", `${this.#name()} is not here for ${platform}`, {
      hint: `pull it with --platform ${platform}`,
    });
  }

  async #read(descriptor: Descriptor, maxBytes: number): Promise<Uint8Array> {
    try {
      return await this.#store.read(descriptor, { maxBytes, verify: this.#options.verify ?? true });
    } catch (error) {
      throw this.#inImage(error);
    }
  }

  #parsed<T>(descriptor: Descriptor, parse: () => T): T {
    try {
      return parse();
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new CortenError("data-loss", `${this.#name()}: blob ${descriptor.digest}: ${why}`, { cause });
    }
  }

  #inImage(error: unknown): unknown {
    if (!(error instanceof CortenError)) return error;
    const { code, hint, message } = error;
    return new CortenError(code, `${this.#name()}: ${message}`, {
      cause: error,
      ...(hint === undefined ? {} : { hint }),
    });
  }

  #name(): string {
    return `image ${this.names[0] ?? this.root.digest}`;
  }
}
