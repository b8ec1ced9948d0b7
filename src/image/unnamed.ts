import type { Store } from "../content/index.ts";
import type { Descriptor, Digest } from "../spec/index.ts";
import {
  CortenError,
  isIndexType,
  isManifestType,
  MAX_DOCUMENT_SIZE,
  MediaType,
  parseDocument,
} from "../spec/index.ts";
import type { Image } from "./image.ts";
import { storedImage } from "./stored-image.ts";

/**
 * Images that are in the store although neither a name nor a lease leads to them, as when a tag moved on: the next
 * collection removes them. Manifests of an index that is here itself are part of that.
 */
export async function listUnnamedImages(store: Store): Promise<Image[]> {
  const { blobs } = await store.collect({ rehearse: { withoutNames: new Set() } });
  const roots: Descriptor[] = [];
  for (const blob of blobs) {
    const mediaType = blob.size > MAX_DOCUMENT_SIZE ? undefined : await documentType(store, blob);
    if (mediaType !== undefined) roots.push({ mediaType, ...blob });
  }
  const parts = new Set<Digest>();
  for (const root of roots.filter(({ mediaType }) => isIndexType(mediaType))) {
    for (const digest of await store.reachableFrom(root)) if (digest !== root.digest) parts.add(digest);
  }
  return roots.filter(({ digest }) => !parts.has(digest)).map((root) => storedImage(store, root));
}

/** Images of which a lease holds manifest or index, such as those that are being pulled; named or not. */
export function listLeasedImages(store: Store): Image[] {
  return store.leased().flatMap(({ mediaType, digest }) => {
    const size = store.size(digest);
    const isImage = isIndexType(mediaType) || isManifestType(mediaType);
    return isImage && size !== undefined ? [storedImage(store, { mediaType, digest, size })] : [];
  });
}

/** What a blob says it is; undefined unless it is a manifest or an index. */
async function documentType(
  store: Store,
  blob: { readonly digest: Digest; readonly size: number },
): Promise<string | undefined> {
  try {
    const bytes = await store.read({ mediaType: MediaType.empty, ...blob }, { verify: false });
    // Most small blobs are configurations, or layers: not worth parsing.
    if (bytes[0] !== 0x7b) return undefined;
    const document = parseDocument(bytes);
    return document.kind === "index"
      ? (document.index.mediaType ?? MediaType.imageIndex)
      : (document.manifest.mediaType ?? MediaType.imageManifest);
  } catch (error) {
    if (error instanceof CortenError) return undefined;
    throw error;
  }
}
