import type { Compression } from "../archive/index.ts";
import type { Lease, Store } from "../content/index.ts";
import type {
  Descriptor,
  Digest,
  ImageConfig,
  ImageExecution,
  ImageHistory,
  ImageManifest,
  Platform,
} from "../spec/index.ts";
import { CortenError, MediaType } from "../spec/index.ts";
import { applyChanges } from "./change.ts";
import type { Image } from "./image.ts";
import type { LayerConsumer } from "./layer-consumer.ts";
import { moveName, storedName } from "./naming.ts";
import { hostPlatform } from "./platform.ts";
import { storedImage } from "./stored-image.ts";

const LAYER_TYPES: Readonly<Record<Compression, string>> = {
  none: MediaType.layer,
  gzip: MediaType.layerGzip,
  zstd: MediaType.layerZstd,
};

/** Options of {@link importRootfs}. */
export interface ImportRootfsOptions {
  /** What the image is called, as users write references. */
  readonly name: string;
  /** How it runs. Default: nothing is said. */
  readonly config?: ImageExecution;
  /** Dockerfile instructions applied to `config`, e.g. `CMD ["/bin/sh"]`. */
  readonly changes?: readonly string[];
  /** Default: this host's. */
  readonly platform?: Platform;
  /** Default: now. */
  readonly created?: Date;
  /** The history's comment, e.g. where the archive came from. */
  readonly comment?: string;
  readonly consumer?: LayerConsumer;
  readonly signal?: AbortSignal;
}

/**
 * Makes an image of one layer out of a tar archive of a root file system, plain or packed with gzip or
 * zstd, as `docker import` does. The archive is stored as it is.
 *
 * @throws invalid-argument or data-loss when it is no sound tar archive
 */
export async function importRootfs(
  store: Store,
  content: AsyncIterable<Uint8Array>,
  options: ImportRootfsOptions,
): Promise<Image> {
  const { signal, consumer } = options;
  const name = storedName(options.name);
  if (name.includes("@")) {
    throw new CortenError("invalid-argument", `cannot import "${options.name}": a digest cannot be chosen`);
  }
  const execution = applyChanges(options.config ?? {}, options.changes ?? []);
  using lease = store.lease();
  const call = { lease, ...(signal === undefined ? {} : { signal }) };
  const { compression, whole } = await peek(content);
  const layer = await store.putStream(LAYER_TYPES[compression], whole, call);
  const diffID = await readDiffID(store, layer, signal);
  if (consumer !== undefined && (consumer.wants === undefined || (await consumer.wants(diffID)))) {
    const stored = store.open(layer, { verify: true });
    try {
      await consumer({ descriptor: layer, diffID, mediaType: layer.mediaType }, stored);
    } finally {
      await stored.return();
    }
  }
  const config = await putJson(store, lease, MediaType.imageConfig, makeConfig(diffID, execution, options));
  const manifest: ImageManifest = {
    schemaVersion: 2,
    mediaType: MediaType.imageManifest,
    config,
    layers: [layer],
  };
  const root = await putJson(store, lease, MediaType.imageManifest, manifest);
  moveName(store, name, root);
  return storedImage(store, root);
}

/** Looks at the first bytes without taking them away. */
async function peek(
  content: AsyncIterable<Uint8Array>,
): Promise<{ compression: Compression; whole: AsyncIterable<Uint8Array> }> {
  const { detectCompression } = await import("../archive/index.ts");
  const iterator = content[Symbol.asyncIterator]();
  const head: Uint8Array[] = [];
  for (let size = 0; size < 4; ) {
    const next = await iterator.next();
    if (next.done === true) break;
    head.push(next.value);
    size += next.value.length;
  }
  async function* whole(): AsyncGenerator<Uint8Array, void, undefined> {
    yield* head;
    yield* { [Symbol.asyncIterator]: () => iterator };
  }
  return { compression: detectCompression(Buffer.concat(head).subarray(0, 4)), whole: whole() };
}

/** Reads the whole archive once: its DiffID, and whether every header is sound. */
async function readDiffID(store: Store, layer: Descriptor, signal: AbortSignal | undefined): Promise<Digest> {
  const { createHash } = await import("node:crypto");
  const { decompress, readTar } = await import("../archive/index.ts");
  const hash = createHash("sha256");
  async function* hashed(): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of decompress(store.open(layer, signal === undefined ? {} : { signal }))) {
      hash.update(chunk);
      yield chunk;
    }
  }
  const unpacked = hashed();
  try {
    // Without a return method the reader cannot close the stream, which goes on below.
    const shared: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({ next: () => unpacked.next() }),
    };
    let entries = 0;
    for await (const _ of readTar(shared)) entries++;
    if (entries === 0) throw new CortenError("invalid-argument", "the archive holds no file");
    // What follows the end marker is part of the layer's digest all the same.
    for await (const _ of unpacked);
  } finally {
    await unpacked.return();
  }
  return `sha256:${hash.digest("hex")}`;
}

function makeConfig(diffID: Digest, execution: ImageExecution, options: ImportRootfsOptions): ImageConfig {
  const created = (options.created ?? new Date()).toISOString();
  const { os, architecture, variant } = options.platform ?? hostPlatform();
  const entry: ImageHistory = {
    created,
    created_by: "corten import",
    ...(options.comment === undefined ? {} : { comment: options.comment }),
  };
  return {
    created,
    architecture,
    os,
    ...(variant === undefined ? {} : { variant }),
    config: execution,
    rootfs: { type: "layers", diff_ids: [diffID] },
    history: [entry],
  };
}

async function putJson(store: Store, lease: Lease, mediaType: string, value: object): Promise<Descriptor> {
  const bytes = Buffer.from(JSON.stringify(value));
  return store.putStream(
    mediaType,
    (async function* () {
      yield bytes;
    })(),
    { lease },
  );
}
