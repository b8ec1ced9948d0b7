import type { Store } from "../content/index.ts";
import type { Descriptor } from "../spec/index.ts";
import { isIndexType, isManifestType, MAX_DOCUMENT_SIZE, parseIndex, parseManifest } from "../spec/index.ts";
import type { Document, ImageSink } from "../transport/index.ts";
import { everyOf } from "./every-of.ts";
import type { Image } from "./image.ts";
import type { TransferEvent } from "./transfer-event.ts";

const DEFAULT_PARALLEL = 4;

/** Options of {@link save}. */
export interface SaveOptions {
  /** Write only the view's own image, even if the whole index is here. Default false. */
  readonly single?: boolean;
  /** Blobs at once. Default 4; archives write one after the other by themselves. */
  readonly parallel?: number;
  readonly onProgress?: (event: TransferEvent) => void;
  readonly signal?: AbortSignal;
}

/**
 * Writes an image to any sink: a registry, a layout, an archive. Documents and blobs are the stored
 * bytes, unchanged. Of an index whose images are not all here only the view's image is written, as
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
  const { parallel = DEFAULT_PARALLEL, signal } = options;
  const call = signal === undefined ? {} : { signal };
  // Held so that a removal of the image meanwhile cannot take away what is still to be written.
  using lease = store.lease();
  lease.add(image.root);
  const whole = options.single === true ? undefined : await documentsBelow(store, image.root);
  const documents = whole ?? [await read(store, await image.descriptor())];
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
      sending(store.open(descriptor, { offset, verify: offset === 0, signal: both }), offset, report);
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

/** `root` and all documents below it, parts before wholes; undefined when something is not here. */
async function documentsBelow(store: Store, root: Descriptor): Promise<Document[] | undefined> {
  const documents = new Map<string, Document>();
  const visiting = new Set<string>();
  const visit = async (descriptor: Descriptor): Promise<boolean> => {
    if (documents.has(descriptor.digest) || visiting.has(descriptor.digest)) return true;
    visiting.add(descriptor.digest);
    if (!store.has(descriptor)) return false;
    const document = await read(store, descriptor);
    for (const child of childrenOf(document)) {
      const here = isDocument(child) ? await visit(child) : store.has(child);
      if (!here) return false;
    }
    documents.set(descriptor.digest, document);
    return true;
  };
  return (await visit(root)) ? [...documents.values()] : undefined;
}

function childrenOf({ descriptor, bytes }: Document): readonly Descriptor[] {
  const { mediaType, digest } = descriptor;
  if (isIndexType(mediaType)) return parseIndex(bytes, mediaType, { what: digest }).manifests;
  const { config, layers } = parseManifest(bytes, mediaType, { what: digest });
  return [config, ...layers];
}

function isDocument({ mediaType }: Descriptor): boolean {
  return isIndexType(mediaType) || isManifestType(mediaType);
}

async function read(store: Store, descriptor: Descriptor): Promise<Document> {
  return { descriptor, bytes: await store.read(descriptor, { maxBytes: MAX_DOCUMENT_SIZE }) };
}
