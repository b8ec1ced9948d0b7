import type { Store } from "../content/index.ts";
import type { Descriptor, Digest } from "../spec/index.ts";
import {
  isIndexType,
  isManifestType,
  MAX_DOCUMENT_SIZE,
  parseIndex,
  parseManifest,
  parseStrictJson,
} from "../spec/index.ts";
import type { Document } from "../transport/index.ts";
import { digestOf } from "../transport/index.ts";
import { convertIndex, packedAnew } from "./copy/convert.ts";
import { formatOf, layerTypeIn } from "./copy/media-types.ts";

/** What {@link storedDocuments} finds. */
interface StoredDocuments {
  /** Parts before wholes, the root last. */
  readonly documents: readonly Document[];
  /** False when a document or a blob below the root is not here, in one form or the other. */
  readonly whole: boolean;
}

/** `root` and the documents below it that are here. */
export async function storedDocuments(store: Store, root: Descriptor): Promise<StoredDocuments> {
  const documents = new Map<string, Document>();
  const visiting = new Set<string>();
  let whole = true;
  const visit = async (descriptor: Descriptor): Promise<void> => {
    if (documents.has(descriptor.digest) || visiting.has(descriptor.digest)) return;
    visiting.add(descriptor.digest);
    if (descriptor !== root && !store.has(descriptor)) {
      whole = false;
      return;
    }
    const document = await readDocument(store, descriptor);
    for (const child of childrenOf(document)) {
      if (isDocument(child)) await visit(child);
      else whole &&= store.has(child) || store.replacements.of(child) !== undefined;
    }
    documents.set(descriptor.digest, document);
  };
  await visit(root);
  return { documents: [...documents.values()], whole };
}

/**
 * The documents with the archives of layers that are here unpacked only in the place of these. The configurations stay, and
 * with them the images' ids; those that nothing changes stay as they are.
 *
 * @param documents parts before wholes
 */
export async function withArchives(
  store: Store,
  documents: readonly Document[],
): Promise<readonly Document[]> {
  const replaced = new Map<Digest, Descriptor>();
  const changed: Document[] = [];
  for (const document of documents) {
    const { mediaType, digest } = document.descriptor;
    const now = isIndexType(mediaType)
      ? await convertIndex(document, {}, { layers: new Map(), documents: replaced })
      : await manifestWithArchives(store, document);
    if (now !== document) replaced.set(digest, now.descriptor);
    changed.push(now);
  }
  return changed;
}

async function manifestWithArchives(store: Store, document: Document): Promise<Document> {
  const { mediaType, digest } = document.descriptor;
  const { layers } = parseManifest(document.bytes, mediaType, { what: digest });
  const plain = layers.map((layer) => store.replacements.of(layer)?.plain);
  if (plain.every((layer) => layer === undefined)) return document;
  const raw = parseStrictJson(document.bytes, digest) as {
    readonly layers: readonly Record<string, unknown>[];
  };
  const bytes = new TextEncoder().encode(
    JSON.stringify({
      ...raw,
      layers: raw.layers.map((layer, at) => {
        if (plain[at] === undefined) return layer;
        const type = layerTypeIn(layers[at]!.mediaType, formatOf(mediaType), "none");
        return { ...packedAnew(layer, plain[at]), mediaType: type };
      }),
    }),
  );
  return { descriptor: { ...document.descriptor, digest: await digestOf(bytes), size: bytes.length }, bytes };
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

/** A document of the store. */
export async function readDocument(store: Store, descriptor: Descriptor): Promise<Document> {
  return { descriptor, bytes: await store.read(descriptor, { maxBytes: MAX_DOCUMENT_SIZE }) };
}
