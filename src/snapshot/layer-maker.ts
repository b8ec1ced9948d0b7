import { linkSync, mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import type { LayersBelow } from "../archive/index.ts";
import type { Store } from "../content/index.ts";
import { acquireLock } from "../host/index.ts";
import type { ImageLayer } from "../image/index.ts";
import { CortenError, isCortenError, isErofsLayerType } from "../spec/index.ts";
import type { LayerPlace, SnapshotFiles } from "./layer-files.ts";

/** A layer of a gigabyte takes seconds; a process that holds the lock longer than this is stuck. */
const LOCK_TIMEOUT_MS = 15 * 60_000;

/**
 * What is made of a layer: an image that holds all; an index of an archive, which is the layer's blob or written beside
 * the index; or nothing, where the layer is an image itself.
 */
type Form = "whole" | "index of blob" | "native";

export interface MakeOptions {
  readonly signal?: AbortSignal;
  /** Largest size of a layer when unpacked, in bytes. Default: the archive room's. */
  readonly maxLayerSize?: number;
  /** The layers it is unpacked upon, for one that reaches into them. */
  readonly below?: LayersBelow;
}

/** Makes the files of layers, each by one process at a time. */
export class LayerMaker {
  readonly #files: SnapshotFiles;
  readonly #indexes: boolean;

  /** @param indexes whether images may be indexes of archives, where the kernel can mount those */
  constructor(files: SnapshotFiles, indexes: boolean) {
    this.#files = files;
    this.#indexes = indexes;
  }

  /** Makes a layer's files from its packed content while that comes in, unless they are there. */
  fromStream(layer: ImageLayer, content: AsyncIterable<Uint8Array>, options: MakeOptions): Promise<void> {
    const form = this.#formOf(layer);
    return this.#locked(this.#files.layer(layer.diffID), form, options, (place) =>
      this.#write(layer, place, content, form, options),
    );
  }

  /** Makes a layer's files from the store's blob, unless they are there. */
  async fromStore(store: Store, layer: ImageLayer, place: LayerPlace, options: MakeOptions): Promise<void> {
    const { signal } = options;
    const make = (form: Form) =>
      this.#locked(place, form, options, () => {
        const content = store.open(layer.descriptor, {
          verify: true,
          ...(signal === undefined ? {} : { signal }),
        });
        return this.#write(layer, place, content, form, options);
      });
    const own = this.#formOf(layer);
    // Read as an archive, an EROFS image is an empty one: it begins with zeros.
    const form = own === "native" || options.below === undefined ? own : "whole";
    try {
      await make(form);
    } catch (error) {
      if (form !== "index of blob" || !isCortenError(error, "unimplemented")) throw error;
      await make("whole");
    }
  }

  #formOf({ descriptor, diffID, mediaType }: ImageLayer): Form {
    if (isErofsLayerType(mediaType)) return "native";
    // A plain archive: its blob is what it unpacks to.
    return descriptor.digest === diffID && this.#files.indexes && this.#indexes ? "index of blob" : "whole";
  }

  async #locked(
    place: LayerPlace,
    form: Form,
    { signal }: MakeOptions,
    make: (place: LayerPlace) => Promise<void>,
  ): Promise<void> {
    mkdirSync(dirname(place.image), { recursive: true, mode: 0o700 });
    // Not `using`: Node 22 does not know it.
    const lock = await acquireLock(`${place.image}.lock`, {
      timeoutMs: LOCK_TIMEOUT_MS,
      ...(signal === undefined ? {} : { signal }),
    });
    try {
      // Another process made it while we waited. Beside the archive, an image that holds all would be one too many.
      const made = this.#files.isWhole(place);
      if (!made || (form === "index of blob" && !this.#files.isIndex(place))) await make(place);
    } finally {
      lock.release();
    }
  }

  async #write(
    layer: ImageLayer,
    place: LayerPlace,
    content: AsyncIterable<Uint8Array>,
    form: Form,
    options: MakeOptions,
  ): Promise<void> {
    if (form === "native") {
      const { writeNativeLayer } = await import("./native-layer.ts");
      return writeNativeLayer(this.#files, layer, place, content, options);
    }
    const { signal, maxLayerSize, below } = options;
    const [{ buildLayer }, { encodeLayerIndex }, { publish, writeWhole }] = await Promise.all([
      import("../archive/index.ts"),
      import("./layer-index.ts"),
      import("./durable.ts"),
    ]);
    const { diffID, image, index, archive } = place;
    const indexed = form === "index of blob";
    const output = `${image}.partial`;
    rmSync(output, { force: true });
    const built = await buildLayer(content, {
      output,
      expectedDiffID: diffID,
      indexed,
      ...(below === undefined ? {} : { below }),
      ...(maxLayerSize === undefined ? {} : { limits: { totalBytes: maxLayerSize } }),
      ...(signal === undefined ? {} : { signal }),
    });
    rmSync(archive, { force: true });
    // The content ends once the blob has its name. One more name for it: it stays as long as this layer does.
    if (indexed) linkBlob(this.#files.blob(diffID), archive);
    // The image last: it is what says that the layer is there.
    const length = indexed ? built.bytesUncompressed : undefined;
    writeWhole(index, encodeLayerIndex(built, length), `${index}.partial`);
    publish(output, image);
  }
}

/** @throws unimplemented where the blob cannot have a second name: then the layer gets an image that holds all itself */
function linkBlob(blob: string, archive: string): void {
  try {
    linkSync(blob, archive);
  } catch (cause) {
    throw new CortenError("unimplemented", `cannot link ${archive} to ${blob}`, { cause });
  }
}
