import type { Store } from "../content/index.ts";
import type { Descriptor } from "../spec/index.ts";
import { isCortenError, isManifestType, parseManifest } from "../spec/index.ts";
import type { ImageSink, ImageSource } from "../transport/index.ts";
import { everyOf } from "./every-of.ts";
import type { Image } from "./image.ts";
import { contentFromOrigin } from "./origin-content.ts";
import { readDocument, storedDocuments, withArchives } from "./stored-documents.ts";
import type { TransferEvent } from "./transfer-event.ts";

const DEFAULT_PARALLEL = 4;

/** Options of {@link save}. */
export interface SaveOptions {
  /** Write only the view's own image, even if the whole index is here. Default false. */
  readonly single?: boolean;
  /** Blobs at once. Default 4; archives write one after the other by themselves. */
  readonly parallel?: number;
  readonly onProgress?: (event: TransferEvent) => void;
  /**
   * Opens a place that packed layers came from which are here unpacked only, to pass them on from there; the caller lets go of
   * it. Default: their archives are written instead, not packed, in a manifest of its own.
   */
  readonly refetch?: (origin: string) => Promise<ImageSource>;
  readonly signal?: AbortSignal;
}

/**
 * Writes an image to any sink: a registry, a layout, an archive. Documents and blobs are the stored
 * bytes, unchanged; layers that are here unpacked only are an exception ({@link SaveOptions.refetch}). Of an index whose images are not all here only the view's image is written, as
 * registries refuse an index with parts missing.
 *
 * @returns the document that the place's name means now
 */
export async function save(
  store: Store,
  image: Image,
  sink: ImageSink,
  options: SaveOptions = {},
): Promise<Descriptor> {
  try {
    return await saveOnce(store, image, sink, options);
  } catch (error) {
    // A pull may have given up a packed layer after it was found here.
    if (!isCortenError(error, "data-loss") || !(await lacksPacked(store, image))) throw error;
    return await saveOnce(store, image, sink, options);
  }
}

async function lacksPacked(store: Store, image: Image): Promise<boolean> {
  const { layers } = await image.manifest();
  return layers.some((layer) => store.replacements.of(layer) !== undefined);
}

async function saveOnce(
  store: Store,
  image: Image,
  sink: ImageSink,
  options: SaveOptions,
): Promise<Descriptor> {
  const { parallel = DEFAULT_PARALLEL, signal } = options;
  const call = signal === undefined ? {} : { signal };
  // Held so that a removal of the image meanwhile cannot take away what is still to be written.
  using lease = store.lease();
  lease.add(image.root);
  const below = options.single === true ? undefined : await storedDocuments(store, image.root);
  const stored =
    below?.whole === true ? below.documents : [await readDocument(store, await image.descriptor())];
  const documents = options.refetch === undefined ? await withArchives(store, stored) : stored;
  const root = documents.at(-1)!;

  options.onProgress?.({ type: "root", descriptor: root.descriptor });
  const blobs = new Map<string, Descriptor>();
  for (const { descriptor, bytes } of documents) {
    if (!isManifestType(descriptor.mediaType)) continue;
    const { config, layers } = parseManifest(bytes, descriptor.mediaType, { what: descriptor.digest });
    options.onProgress?.({ type: "manifest", descriptor, platform: descriptor.platform, layers });
    for (const blob of [config, ...layers]) blobs.set(blob.digest, blob);
  }
  await everyOf([...blobs.values()], { parallel, ...call }, async (descriptor, both) => {
    const { digest, size } = descriptor;
    const report = (state: "exists" | "sending" | "done", offset: number): void =>
      options.onProgress?.({ type: "layer", digest, offset, size, state });
    if (await sink.hasBlob(descriptor, { signal: both })) {
      report("exists", size);
      return;
    }
    report("sending", 0);
    const reopen = (offset: number) =>
      sending(contentOf(store, descriptor, offset, { ...options, signal: both }), offset, report);
    const content = reopen(0);
    try {
      await sink.writeBlob(descriptor, content, { signal: both, reopen });
    } finally {
      await content.return();
    }
    report("done", size);
  });
  for (const document of documents) await sink.writeManifest(document, call);
  await sink.commit(root, call);
  return root.descriptor;
}

/** The bytes of a blob, from where it came from when it is here unpacked only. */
function contentOf(
  store: Store,
  descriptor: Descriptor,
  offset: number,
  { refetch, signal }: SaveOptions & { readonly signal: AbortSignal },
): AsyncIterable<Uint8Array> {
  const replacement = refetch === undefined ? undefined : store.replacements.of(descriptor);
  return refetch === undefined || replacement === undefined
    ? store.open(descriptor, { offset, verify: offset === 0, signal })
    : contentFromOrigin(descriptor, replacement, { refetch, offset, signal });
}

/** `content`, each chunk of which is reported when it is asked for. */
async function* sending(
  content: AsyncIterable<Uint8Array>,
  offset: number,
  report: (state: "sending", offset: number) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  let at = offset;
  for await (const chunk of content) {
    yield chunk;
    at += chunk.length;
    report("sending", at);
  }
}
