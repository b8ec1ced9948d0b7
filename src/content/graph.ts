import { readFileSync, statSync } from "node:fs";
import type { Descriptor, Digest } from "../spec/index.ts";
import {
  CortenError,
  isIndexType,
  isManifestType,
  isVerifiable,
  MAX_DOCUMENT_SIZE,
  parseDocument,
  splitDigest,
} from "../spec/index.ts";
import type { Blobs } from "./blobs.ts";
import { DAMAGE_HINT } from "./blobs.ts";
import type { DigestFunction } from "./content-hash.ts";

/** What garbage collection starts from. */
export type Root = Pick<Descriptor, "mediaType" | "digest">;

/**
 * The set of blobs that roots lead to: indexes to manifests, manifests to configuration and layers.
 *
 * Every document is read once, however often it is referred to, and the walk keeps its own stack, so
 * that neither deep nesting nor a graph that names the same index a million times costs more than the
 * documents that are really there (CVE-2026-53493). References to absent content are fine: stores
 * are sparse.
 */
export class ReachableBlobs {
  readonly #blobs: Blobs;
  readonly #digestOf: DigestFunction;
  readonly #marked = new Set<Digest>();
  /** Apart from the marks: one digest may be met as a layer first and as a manifest later. */
  readonly #expanded = new Set<Digest>();

  constructor(blobs: Blobs, digestOf: DigestFunction) {
    this.#blobs = blobs;
    this.#digestOf = digestOf;
  }

  get digests(): ReadonlySet<Digest> {
    return this.#marked;
  }

  has(digest: Digest): boolean {
    return this.#marked.has(digest);
  }

  /** Marks one blob. */
  mark(digest: Digest): void {
    this.#marked.add(digest);
  }

  /** Marks what `root` leads to. Synchronous, so that it can run inside a transaction. */
  add(root: Root): void {
    const stack: Root[] = [root];
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      this.#marked.add(next.digest);
      if (!isDocument(next.mediaType) || this.#expanded.has(next.digest)) continue;
      this.#expanded.add(next.digest);
      const { documents, leaves } = this.#children(next);
      for (const leaf of leaves) this.#marked.add(leaf.digest);
      stack.push(...documents);
    }
  }

  #children({ digest, mediaType }: Root): { documents: readonly Root[]; leaves: readonly Root[] } {
    const bytes = this.#read(digest);
    if (bytes === undefined) return { documents: [], leaves: [] };
    try {
      const document = parseDocument(bytes, mediaType);
      if (document.kind === "index") return { documents: document.index.manifests, leaves: [] };
      return { documents: [], leaves: [document.manifest.config, ...document.manifest.layers] };
    } catch (cause) {
      // An index may call anything a manifest; such a thing leads nowhere. But if the bytes are not
      // those that were stored, what they led to is unknown and nothing may be removed.
      const [algorithm, encoded] = splitDigest(digest);
      if (isVerifiable(algorithm) && this.#digestOf(algorithm, bytes) === encoded)
        return { documents: [], leaves: [] };
      throw new CortenError("data-loss", `nothing is collected: blob ${digest} has other content`, {
        cause,
        hint: DAMAGE_HINT,
      });
    }
  }

  #read(digest: Digest): Uint8Array | undefined {
    const path = this.#blobs.path(digest);
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined || !stat.isFile() || stat.size > MAX_DOCUMENT_SIZE) return undefined;
    return readFileSync(path);
  }
}

function isDocument(mediaType: string): boolean {
  return isIndexType(mediaType) || isManifestType(mediaType);
}
