import type { Descriptor, Digest } from "../../spec/index.ts";
import { CortenError } from "../../spec/index.ts";
import type {
  DiskPlace,
  Document,
  ImageSource,
  OpenOptions,
  Place,
  RegistryPlace,
} from "../../transport/index.ts";
import { listReferrers, openSink, walkDocuments } from "../../transport/index.ts";
import type { ReferrerTree } from "../artifact/discover.ts";
import { discoverReferrers } from "../artifact/discover.ts";
import type { ImagePlace } from "../place.ts";
import { printImagePlace } from "../place.ts";
import { copyImage } from "./copy-image.ts";
import type { CopyOptions } from "./options.ts";

/** Both ends of a copy with what is about the image. */
export interface ReferrerEnds {
  readonly from: ImagePlace;
  readonly to: ImagePlace;
  readonly source: ImageSource;
  readonly reading: OpenOptions;
  readonly writing: OpenOptions;
}

/**
 * Copies what is about an image that has just been copied, and what is about that: signatures, lists of parts. Of
 * an index also what is about its images.
 *
 * @throws what checkKeepsReferrers and copyImage throw
 */
export async function copyReferrers(ends: ReferrerEnds, root: Document, options: CopyOptions): Promise<void> {
  const { source, reading } = ends;
  const call = options.signal === undefined ? {} : { signal: options.signal };
  const from = placeOf(ends.from);
  const find = (digest: Digest) => listReferrers(from, digest, { registry: reading.registry ?? {}, ...call });
  for await (const { document } of walkDocuments(source, root, call)) {
    const { referrers } = await discoverReferrers(document.descriptor, find);
    for (const referrer of referrers) await copyTree(ends, referrer, options);
  }
}

/** @throws unimplemented where an end keeps one image only */
export function checkKeepsReferrers(...places: readonly ImagePlace[]): void {
  for (const place of places) placeOf(place);
}

async function copyTree(ends: ReferrerEnds, { descriptor, referrers }: ReferrerTree, options: CopyOptions) {
  await using sink = await openSink(besides(placeOf(ends.to), descriptor.digest), ends.writing);
  await copyImage(rootedAt(ends.source, descriptor), sink, { ...options, multiArch: "all" });
  for (const referrer of referrers) await copyTree(ends, referrer, options);
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
type KeepingPlace = RegistryPlace | (DiskPlace & { readonly kind: "layout" });

function placeOf(place: ImagePlace): KeepingPlace {
  if (place.kind === "registry") return place;
  const { kind } = place;
  if (kind === "layout") return { ...place, kind };
  throw new CortenError("unimplemented", `${printImagePlace(place)} keeps nothing that is about an image`, {
    hint: "registries and OCI layouts do",
  });
}

/** The repository or layout, where what is about an image has no name. */
function besides(place: KeepingPlace, digest: Digest): Place {
  if (place.kind === "layout") return { kind: place.kind, path: place.path };
  const { registry, repository } = place.reference;
  return { kind: "registry", reference: { registry, repository, digest } };
}
