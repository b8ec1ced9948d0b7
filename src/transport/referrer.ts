import type { Descriptor, Digest, ParsedDocument } from "../spec/index.ts";
import { CortenError, splitDigest } from "../spec/index.ts";
import type { Document, TransportOptions } from "./place.ts";

/** Most referrers of one image that are taken in: a hostile registry may name millions (CVE-2023-46737). */
export const MAX_REFERRERS = 10_000;

/** Options of a search for referrers. */
export interface ReferrerOptions extends TransportOptions {
  /** Only those of this type. */
  readonly artifactType?: string;
}

/** A manifest that is about another one. */
export interface FoundReferrer extends Descriptor {
  /** The tag by which it was found, where nothing else in the place says what it is about. */
  readonly tag?: string;
}

/**
 * The tags under which cosign keeps signatures, attestations and lists of parts of a manifest, where it does not use
 * referrers: its older form, and the one of registries without them.
 */
export function cosignTags(digest: Digest): readonly string[] {
  const name = splitDigest(digest).join("-");
  return [".sig", ".att", ".sbom"].map((suffix) => `${name}${suffix}`);
}

/** What lies under such a tag; its layers say what it is, for it has an image's configuration. */
export function taggedReferrer({ descriptor }: Document, parsed: ParsedDocument, tag: string): FoundReferrer {
  const { mediaType, digest, size } = descriptor;
  const manifest = parsed.kind === "manifest" ? parsed.manifest : undefined;
  const artifactType = manifest?.artifactType ?? manifest?.layers[0]?.mediaType;
  return { mediaType, digest, size, ...(artifactType === undefined ? {} : { artifactType }), tag };
}

/** The tag under which registries without the referrers API keep the list (distribution-spec, "Referrers Tag Schema"). */
export function referrersTag(digest: Digest): string {
  const [algorithm, encoded] = splitDigest(digest);
  const clean = (text: string, length: number) => text.slice(0, length).replace(/[^a-zA-Z0-9_.-]/g, "-");
  return `${clean(algorithm, 32)}-${clean(encoded, 64)}`;
}

/** What a list of referrers says of a manifest or index: its type and all its annotations, copied. */
export function referrerOf({ descriptor }: Document, parsed: ParsedDocument): Descriptor {
  const { mediaType, digest, size } = descriptor;
  const own = parsed.kind === "index" ? parsed.index : parsed.manifest;
  const configType = parsed.kind === "manifest" ? parsed.manifest.config.mediaType : undefined;
  const artifactType = own.artifactType ?? configType;
  return {
    mediaType,
    digest,
    size,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(own.annotations === undefined ? {} : { annotations: own.annotations }),
  };
}

/** What a document says that it is about. */
export function subjectOf(parsed: ParsedDocument): Descriptor | undefined {
  return parsed.kind === "index" ? parsed.index.subject : parsed.manifest.subject;
}

/** A list of referrers that grows page by page: each once, of the wanted type, up to the limit. */
export class ReferrerList {
  readonly #what: string;
  readonly #artifactType: string | undefined;
  readonly #found = new Map<Digest, FoundReferrer>();

  constructor(what: string, { artifactType }: ReferrerOptions) {
    this.#what = what;
    this.#artifactType = artifactType;
  }

  /** @throws resource-exhausted beyond the limit */
  add(entries: readonly FoundReferrer[]): void {
    for (const entry of entries) {
      if (this.#artifactType !== undefined && entry.artifactType !== this.#artifactType) continue;
      this.#found.set(entry.digest, entry);
      if (this.#found.size <= MAX_REFERRERS) continue;
      throw new CortenError("resource-exhausted", `${this.#what}: more than ${MAX_REFERRERS} referrers`);
    }
  }

  get descriptors(): readonly FoundReferrer[] {
    return [...this.#found.values()];
  }
}
