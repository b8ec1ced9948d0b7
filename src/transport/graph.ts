import type { Descriptor, Digest, ParsedDocument } from "../spec/index.ts";
import { CortenError, isIndexType, isManifestType, parseDocument } from "../spec/index.ts";
import type { Document, ImageSource, TransportOptions } from "./place.ts";

/** A manifest or index of an image, as {@link walkDocuments} meets it. */
export interface ImageNode {
  readonly document: Document;
  readonly parsed: ParsedDocument;
}

/** Options of {@link walkDocuments}. */
export interface WalkOptions extends TransportOptions {
  /** Which entries of an index to follow. Default: all that are manifests or indexes. */
  readonly follow?: (entry: Descriptor) => boolean;
  /** Deepest nesting of indexes. Default: 8. */
  readonly maxDepth?: number;
  /** Most documents in one image. Default: 2048. */
  readonly maxDocuments?: number;
}

/**
 * Visits the manifests and indexes that `root` leads to, every one once however often it is listed,
 * the parts before the index that lists them, `root` last. Indexes that list indexes that list … can
 * name more documents than there are atoms; depth and number are capped (CVE-2026-53493).
 *
 * @throws resource-exhausted beyond a cap; what the validators throw for a bad document
 */
export async function* walkDocuments(
  source: ImageSource,
  root: Document,
  options: WalkOptions = {},
): AsyncGenerator<ImageNode, void, undefined> {
  const { maxDepth = 8, maxDocuments = 2048, follow = () => true, signal } = options;
  const seen = new Set<Digest>();

  async function* visit(document: Document, depth: number): AsyncGenerator<ImageNode, void, undefined> {
    const { digest, mediaType } = document.descriptor;
    const parsed = parseDocument(document.bytes, mediaType, { what: `${source.name}: ${digest}` });
    if (parsed.kind === "index") {
      for (const entry of parsed.index.manifests) {
        // Entries of other types must not be an error (image-spec, image-index.md); they are content, not structure.
        if (!isIndexType(entry.mediaType) && !isManifestType(entry.mediaType)) continue;
        if (seen.has(entry.digest) || !follow(entry)) continue;
        seen.add(entry.digest);
        if (depth === maxDepth) throw tooMuch(source, `indexes nested deeper than ${maxDepth} levels`);
        if (seen.size > maxDocuments) throw tooMuch(source, `more than ${maxDocuments} manifests`);
        const bytes = await source.manifest(entry, signal === undefined ? {} : { signal });
        yield* visit({ descriptor: entry, bytes }, depth + 1);
      }
    }
    yield { document, parsed };
  }

  seen.add(root.descriptor.digest);
  yield* visit(root, 0);
}

function tooMuch(source: ImageSource, what: string): CortenError {
  return new CortenError("resource-exhausted", `${source.name}: the image has ${what}`);
}
