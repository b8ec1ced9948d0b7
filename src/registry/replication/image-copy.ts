import { compatiblePlatforms, formatPlatform } from "../../image/index.ts";
import type { Digest, Platform } from "../../spec/index.ts";
import { CortenError, isIndexType, parseIndex } from "../../spec/index.ts";
import type { RegistryRepository } from "../../transport/index.ts";
import { cosignTags } from "../../transport/index.ts";
import { readPushedManifest } from "../http/manifest-document.ts";
import type { Metadata } from "../metadata/metadata.ts";
import type { Limits } from "../options.ts";
import { storeBlob } from "../proxy/blob-download.ts";
import type { BlobStorage } from "../storage/blob-storage.ts";

/** Deepest nesting of indexes and of referrers of referrers (CVE-2026-53493). */
const MAX_DEPTH = 8;

/** Where an image is copied to, and what of it. */
export interface ImageCopyOptions {
  readonly from: RegistryRepository;
  readonly metadata: Metadata;
  readonly blobs: BlobStorage;
  readonly limits: Limits;
  /** The repository here. */
  readonly repository: string;
  readonly platforms?: readonly Platform[];
  readonly referrers: boolean;
  /** The other repository's tags: under some cosign keeps signatures, attestations and lists of parts. */
  readonly tags: ReadonlySet<string>;
  readonly signal?: AbortSignal;
}

/** What a copy brought. */
export interface CopyCounts {
  manifests: number;
  blobs: number;
  bytes: number;
}

/**
 * Copies an image of another registry into this one: content first, then the manifest, its tag last, so that what is here is
 * whole. What is here already is not fetched again.
 */
export class ImageCopy {
  readonly #options: ImageCopyOptions;
  readonly #seen = new Set<Digest>();
  readonly counts: CopyCounts = { manifests: 0, blobs: 0, bytes: 0 };

  constructor(options: ImageCopyOptions) {
    this.#options = options;
  }

  /** Copies what a tag or digest names, and gives it the tags. */
  async run(reference: string, tags: readonly string[]): Promise<void> {
    await this.#copy(reference, tags, 0);
  }

  /** Copies what refers to an image that is here, and was not here itself. */
  async runReferrers(digest: Digest, depth = 0): Promise<void> {
    const { from, signal, tags } = this.#options;
    for (const referrer of await from.referrers(digest, signal === undefined ? {} : { signal }))
      if (!(await this.#isHere(referrer.digest))) await this.#copy(referrer.digest, [], depth + 1);
    for (const tag of cosignTags(digest)) if (tags.has(tag)) await this.#copyTag(tag, depth + 1);
  }

  /** Copies what a tag names that may be moved: cosign adds signatures to those that are there. */
  async #copyTag(tag: string, depth: number): Promise<void> {
    const { from, metadata, repository, signal } = this.#options;
    const digest = await from.resolve(tag, signal === undefined ? {} : { signal });
    const local = await metadata.manifest(repository, tag);
    if (local === undefined || local.digest !== digest) await this.#copy(digest ?? tag, [tag], depth);
  }

  async #isHere(digest: Digest): Promise<boolean> {
    return (await this.#options.metadata.manifest(this.#options.repository, digest)) !== undefined;
  }

  async #copy(reference: string, tags: readonly string[], depth: number): Promise<void> {
    const { from, metadata, limits, repository, signal, referrers } = this.#options;
    signal?.throwIfAborted();
    const call = signal === undefined ? {} : { signal };
    const { descriptor, bytes } = await from.document(reference, call);
    const { digest, mediaType } = descriptor;
    if (this.#seen.has(digest)) return;
    this.#seen.add(digest);
    if (depth > MAX_DEPTH)
      throw new CortenError(
        "resource-exhausted",
        `${from.name}: ${digest} is nested deeper than ${MAX_DEPTH}`,
      );
    const { manifest, requiredBlobs } = await readPushedManifest(
      bytes,
      mediaType,
      digest,
      limits.manifestSize,
    );
    for (const blob of requiredBlobs) await this.#blob(blob);
    if (isIndexType(mediaType)) {
      for (const entry of parseIndex(bytes, mediaType, { maxSize: limits.manifestSize }).manifests)
        if (this.#wants(entry.platform) && !(await this.#isHere(entry.digest)))
          await this.#copy(entry.digest, [], depth + 1);
    }
    const stored = await metadata.putManifest(repository, manifest, { tags });
    if (stored.outcome === "stored" && stored.created) this.counts.manifests++;
    if (referrers) await this.runReferrers(digest, depth);
  }

  async #blob(digest: Digest): Promise<void> {
    const { from, metadata, blobs, limits, repository, signal } = this.#options;
    if ((await metadata.blob(repository, digest)) !== undefined) return;
    const size = await from.blobSize(digest, signal === undefined ? {} : { signal });
    // The other registry has just said that its repository has it: then bytes that are here need not be fetched again.
    const [neighbour] = await metadata.repositoriesOf(digest, { limit: 1 });
    if (neighbour !== undefined && (await metadata.mountBlob(repository, digest, neighbour))) return;
    await storeBlob({ from, metadata, blobs, repository, digest, size, maxSize: limits.blobSize });
    this.counts.blobs++;
    this.counts.bytes += size;
  }

  /** Entries without a platform are attestations, artifacts, nested indexes: they belong to the index. */
  #wants(platform: Platform | undefined): boolean {
    const { platforms } = this.#options;
    if (platforms === undefined || platform === undefined || platform.os === "unknown") return true;
    const name = formatPlatform(platform);
    return platforms.some((wanted) =>
      compatiblePlatforms(wanted).some((fit) => formatPlatform(fit) === name),
    );
  }
}
