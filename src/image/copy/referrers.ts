import type { Descriptor, Digest } from "../../spec/index.ts";
import { CortenError } from "../../spec/index.ts";
import type { DiskPlace, Document, ImageSink, ImageSource, RegistryPlace } from "../../transport/index.ts";
import { openSink, walkDocuments } from "../../transport/index.ts";
import type { ReferrerTree } from "../artifact/discover.ts";
import { discoverReferrers } from "../artifact/discover.ts";
import type { ImagePlace, OpenImageSinkOptions, OpenImageSourceOptions, StorePlace } from "../place.ts";
import { printImagePlace, storeOf } from "../place.ts";
import { referrersAt } from "../referrers-at.ts";
import { StoreReferrerSink } from "../store-referrer-sink.ts";
import { copyImage } from "./copy-image.ts";
import type { CopyOptions } from "./options.ts";

/** Both ends of a copy with what is about the image. */
export interface ReferrerEnds {
  readonly from: ImagePlace;
  readonly to: ImagePlace;
  readonly source: ImageSource;
  readonly reading: OpenImageSourceOptions;
  readonly writing: OpenImageSinkOptions;
}

/**
 * Copies what is about an image that has just been copied, and what is about that: signatures, lists of parts. Of
 * an index also what is about its images. What the destination has already is not written again.
 *
 * @returns how many manifests were written
 * @throws what checkKeepsReferrers and copyImage throw
 */
export async function copyReferrers(
  ends: ReferrerEnds,
  root: Document,
  options: CopyOptions,
): Promise<number> {
  const { source, reading } = ends;
  const call = options.signal === undefined ? {} : { signal: options.signal };
  const from = placeOf(ends.from);
  const find = (digest: Digest) => referrersAt(from, digest, { ...reading, ...call });
  let count = 0;
  for await (const { document } of walkDocuments(source, root, call)) {
    count += await copyBelow(ends, await discoverReferrers(document.descriptor, find), options);
  }
  return count;
}

/** @throws unimplemented where an end keeps one image only */
export function checkKeepsReferrers(...places: readonly ImagePlace[]): void {
  for (const place of places) placeOf(place);
}

async function copyBelow(
  ends: ReferrerEnds,
  { descriptor: { digest }, referrers }: ReferrerTree,
  options: CopyOptions,
): Promise<number> {
  if (referrers.length === 0) return 0;
  const call = options.signal === undefined ? {} : { signal: options.signal };
  const there = await referrersAt(placeOf(ends.to), digest, { ...ends.writing, ...call });
  const known = new Set(there.map((referrer) => referrer.digest));
  let count = 0;
  for (const referrer of referrers) {
    if (!known.has(referrer.descriptor.digest)) {
      await using sink = await sinkBeside(ends, digest, referrer.descriptor);
      await copyImage(rootedAt(ends.source, referrer.descriptor), sink, { ...options, multiArch: "all" });
      count++;
    }
    count += await copyBelow(ends, referrer, options);
  }
  return count;
}

/** The same place, with another of its manifests as root. */
function rootedAt(source: ImageSource, { mediaType, digest, size }: Descriptor): ImageSource {
  const descriptor = { mediaType, digest, size };
  return {
    name: source.name,
    root: async (call) => ({ descriptor, bytes: await source.manifest(descriptor, call) }),
    manifest: (other, call) => source.manifest(other, call),
    blob: (other, call) => source.blob(other, call),
    mistrust: (other, why) => source.mistrust?.(other, why) === true,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** A place that can hold what is about an image. */
type KeepingPlace = RegistryPlace | (DiskPlace & { readonly kind: "layout" }) | StorePlace;

function placeOf(place: ImagePlace): KeepingPlace {
  if (place.kind === "registry" || place.kind === "store") return place;
  const { kind } = place;
  if (kind === "layout") return { ...place, kind };
  throw new CortenError("unimplemented", `${printImagePlace(place)} keeps nothing that is about an image`, {
    hint: "registries, OCI layouts and the store do",
  });
}

/** The repository, layout or store of the copied image; what is about that has a tag or no name. */
async function sinkBeside(
  { to, writing }: ReferrerEnds,
  subject: Digest,
  { digest, tag }: ReferrerTree["descriptor"],
): Promise<ImageSink> {
  const place = placeOf(to);
  if (place.kind === "store") return new StoreReferrerSink(storeOf(writing), subject, tag);
  if (place.kind === "layout") {
    const named = tag === undefined ? {} : { ref: tag };
    return openSink({ kind: place.kind, path: place.path, ...named }, writing);
  }
  const { registry, repository } = place.reference;
  const reference = { registry, repository, ...(tag === undefined ? { digest } : { tag }) };
  return openSink({ kind: "registry", reference }, writing);
}
