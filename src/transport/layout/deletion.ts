import type { Descriptor, ImageIndex } from "../../spec/index.ts";
import {
  CortenError,
  isIndexType,
  isManifestType,
  MAX_DOCUMENT_SIZE,
  parseDocument,
} from "../../spec/index.ts";
import type { DiskPlace } from "../address.ts";
import { printPlace } from "../address.ts";
import type { TransportOptions } from "../place.ts";
import { streamOf } from "../stream.ts";
import { blobPath, chooseEntry, entryAt, readDocument, readLayoutIndex, readSmall } from "./contents.ts";
import { LayoutDirectory } from "./directory.ts";
import { indexWithout } from "./new-index.ts";

/** Documents of one layout that are looked at, however its indexes are woven (CVE-2026-53493). */
const MAX_DOCUMENTS = 10_000;

/**
 * Deletes an image from a layout directory: its entry, and the blobs that no other entry leads to.
 *
 * @param place an image by name or position, or the only one
 * @throws not-found when it is not there; failed-precondition when there are several to choose from
 */
export async function deleteFromLayout(
  place: DiskPlace & { readonly kind: "layout" },
  { signal }: TransportOptions = {},
): Promise<void> {
  await using files = await LayoutDirectory.open(printPlace(place), place.path, { create: false });
  const index = await readLayoutIndex(files);
  const entry =
    place.index === undefined
      ? chooseEntry(index, place.ref, files.name)
      : entryAt(index, place.index, files.name);
  const position = index.manifests.indexOf(entry);
  const others = index.manifests.filter((_, at) => at !== position);
  const gone = await blobsOf(files, [entry], signal);
  const kept = await blobsOf(files, others, signal);
  const old = await readSmall(files, "index.json", MAX_DOCUMENT_SIZE);
  if (old === undefined) throw new CortenError("not-found", `${files.name} has no index.json any more`);
  // The entry first: a blob without an entry is litter, an entry without its blobs a broken image.
  await files.write("index.json", streamOf(indexWithout(old, position)));
  for (const path of gone) if (!kept.has(path)) await files.remove(path);
}

/** The paths of the blobs that entries lead to, their own included. */
async function blobsOf(
  files: LayoutDirectory,
  entries: ImageIndex["manifests"],
  signal: AbortSignal | undefined,
): Promise<Set<string>> {
  const paths = new Set<string>();
  const read = new Set<string>();
  const stack = [...entries];
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    signal?.throwIfAborted();
    const path = blobPath(next);
    paths.add(path);
    if (!isIndexType(next.mediaType) && !isManifestType(next.mediaType)) continue;
    // Layouts may be sparse (image-layout.md).
    if (read.has(path) || (await files.size(path)) === undefined) continue;
    read.add(path);
    if (read.size > MAX_DOCUMENTS) {
      throw new CortenError("resource-exhausted", `${files.name} has more than ${MAX_DOCUMENTS} manifests`);
    }
    stack.push(...(await partsOf(files, next)));
  }
  return paths;
}

async function partsOf(files: LayoutDirectory, descriptor: Descriptor): Promise<readonly Descriptor[]> {
  const bytes = await readDocument(files, descriptor);
  const parsed = parseDocument(bytes, descriptor.mediaType, { what: `${files.name}: ${descriptor.digest}` });
  return parsed.kind === "index"
    ? parsed.index.manifests
    : [parsed.manifest.config, ...parsed.manifest.layers];
}
