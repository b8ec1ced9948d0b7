import type { Store } from "../content/index.ts";
import type { Digest } from "../spec/index.ts";
import { MAX_DOCUMENT_SIZE, parseDocument } from "../spec/index.ts";
import type { FoundReferrer, ReferrerOptions, RegistryOptions } from "../transport/index.ts";
import { listReferrers, ReferrerList, referrerOf, taggedReferrer } from "../transport/index.ts";
import type { ImagePlace } from "./place.ts";
import { storeOf } from "./place.ts";

/** Options of {@link referrersAt}. */
export interface ReferrersAtOptions extends ReferrerOptions {
  readonly registry?: RegistryOptions;
  /** The store, for places there. */
  readonly store?: () => Store;
}

/**
 * What is about a manifest, wherever that is.
 *
 * @throws what `listReferrers` throws
 */
export async function referrersAt(
  place: ImagePlace,
  digest: Digest,
  options: ReferrersAtOptions = {},
): Promise<readonly FoundReferrer[]> {
  if (place.kind !== "store") return listReferrers(place, digest, options);
  const store = storeOf(options);
  const list = new ReferrerList(`list referrers of ${digest}`, options);
  for (const { descriptor, tag } of store.referrers.of(digest)) {
    const bytes = await store.read(descriptor, { maxBytes: MAX_DOCUMENT_SIZE });
    const parsed = parseDocument(bytes, descriptor.mediaType, { what: descriptor.digest });
    const document = { descriptor, bytes };
    list.add([tag === undefined ? referrerOf(document, parsed) : taggedReferrer(document, parsed, tag)]);
  }
  return list.descriptors;
}
