import type { Reference } from "../../spec/index.ts";
import { CortenError, isTag, parseReference } from "../../spec/index.ts";
import type { Document, ImageSource, RegistryOptions, RegistryPlace } from "../../transport/index.ts";
import { openSink } from "../../transport/index.ts";
import type { ImagePlace, OpenImageSinkOptions, OpenImageSourceOptions } from "../place.ts";
import { openImageSink, openImageSource } from "../place.ts";
import { copyImage } from "./copy-image.ts";
import type { CopyOptions } from "./options.ts";
import type { ReferrerEnds } from "./referrers.ts";
import { checkKeepsReferrers, copyReferrers } from "./referrers.ts";

/** Options of {@link copyBetween}. */
export interface CopyBetweenOptions extends CopyOptions {
  readonly source?: OpenImageSourceOptions;
  readonly destination?: OpenImageSinkOptions;
  /**
   * Further names of the image at the destination: tags or references of the same repository in a
   * registry, references in a docker-archive and in the store, names in a layout.
   */
  readonly additionalNames?: readonly string[];
  /** Copy what is about the image as well: signatures, lists of parts. Not with a conversion. Default false. */
  readonly referrers?: boolean;
}

/**
 * Copies an image from place to place. Between repositories of one registry layers are mounted instead of
 * sent, where the registry allows that.
 *
 * @returns the document that the destination's name means now
 * @throws invalid-argument for a name that the destination cannot hold; what `copyImage` throws
 */
export async function copyBetween(
  from: ImagePlace,
  to: ImagePlace,
  options: CopyBetweenOptions = {},
): Promise<Document> {
  const { source: reading = {}, signal } = options;
  if (options.referrers === true && Object.keys(options.convert ?? {}).length > 0) {
    throw new CortenError(
      "invalid-argument",
      "what is about an image names its digest, which a conversion changes",
    );
  }
  if (options.referrers === true) checkKeepsReferrers(from, to);
  await using source = await openImageSource(from, {
    ...reading,
    ...(options.preserveDigests === undefined ? {} : { preserveDigests: options.preserveDigests }),
    ...(signal === undefined ? {} : { signal }),
  });
  const mounts = to.kind === "registry" ? mountsFor(from, to, options.destination?.registry) : [];
  const root = await copyTo(source, to, options, mounts);
  if (options.referrers === true) await copyReferrers(endsOf(from, to, source, options), root, options);
  return root;
}

/**
 * Copies what is about an image that is at its destination already, and is not there.
 *
 * @returns how many manifests that were
 * @throws as {@link copyBetween}
 */
export async function copyReferrersBetween(
  from: ImagePlace,
  to: ImagePlace,
  root: Document,
  options: Omit<CopyBetweenOptions, "convert"> = {},
): Promise<number> {
  const { source: reading = {}, signal } = options;
  checkKeepsReferrers(from, to);
  await using source = await openImageSource(from, {
    ...reading,
    ...(signal === undefined ? {} : { signal }),
  });
  return await copyReferrers(endsOf(from, to, source, options), root, options);
}

function endsOf(
  from: ImagePlace,
  to: ImagePlace,
  source: ImageSource,
  { source: reading = {}, destination: writing = {} }: CopyBetweenOptions,
): ReferrerEnds {
  const mountFrom = to.kind === "registry" ? mountsFor(from, to, writing.registry) : [];
  return { from, to, source, reading, writing: { ...writing, registry: { ...writing.registry, mountFrom } } };
}

/**
 * Copies an image that is open already.
 *
 * @param mountFrom repositories of the destination's registry that may hold the blobs already
 * @throws as {@link copyBetween}
 */
export async function copyTo(
  source: ImageSource,
  to: ImagePlace,
  options: Omit<CopyBetweenOptions, "source"> = {},
  mountFrom: readonly string[] = [],
): Promise<Document> {
  const { destination: writing = {}, additionalNames = [], signal } = options;
  const call = signal === undefined ? {} : { signal };
  if (to.kind !== "registry") {
    await using sink = await openImageSink(to, { ...writing, ...call, additionalNames });
    return await copyImage(source, sink, options);
  }
  const others = additionalNames.map((name) => sameRepository(to, name));
  const registry = { ...writing.registry, mountFrom };
  await using sink = await openSink(to, { ...writing, ...call, registry });
  const root = await copyImage(source, sink, options);
  for (const reference of others) {
    await using tagged = await openSink({ kind: "registry", reference }, { ...writing, ...call });
    await tagged.commit(root, call);
  }
  return root;
}

/** Repositories of the destination's registry that may hold the blobs already. */
function mountsFor(
  from: ImagePlace,
  { reference }: RegistryPlace,
  registry: RegistryOptions | undefined,
): readonly string[] {
  const given = registry?.mountFrom ?? [];
  const same = from.kind === "registry" && from.reference.registry === reference.registry;
  return same ? [...new Set([...given, from.reference.repository])] : given;
}

/** Another tag of the same repository: there alone are the image's blobs. */
function sameRepository({ reference }: RegistryPlace, text: string): Reference {
  const { registry, repository } = reference;
  if (isTag(text)) return { registry, repository, tag: text };
  const other = parseReference(text);
  if (other.registry === registry && other.repository === repository && other.digest === undefined)
    return other;
  throw new CortenError("invalid-argument", `additional tag "${text}" is not of ${registry}/${repository}`);
}
