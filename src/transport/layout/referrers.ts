import type { Digest } from "../../spec/index.ts";
import { CortenError, isIndexType, isManifestType, parseDocument } from "../../spec/index.ts";
import type { FoundReferrer, ReferrerOptions } from "../referrer.ts";
import { cosignTags, ReferrerList, referrerOf, subjectOf, taggedReferrer } from "../referrer.ts";
import { blobPath, namesOf, readDocument, readLayoutIndex } from "./contents.ts";
import type { LayoutFiles } from "./files.ts";

/** Documents of one layout that are looked at, however its indexes are woven (CVE-2026-53493). */
const MAX_DOCUMENTS = 10_000;

/** The manifests of a layout that are about `digest`: those that its index leads to and that have it as subject. */
export async function layoutReferrers(
  files: LayoutFiles,
  digest: Digest,
  options: ReferrerOptions = {},
): Promise<readonly FoundReferrer[]> {
  const list = new ReferrerList(`list referrers of ${digest} in ${files.name}`, options);
  const tags = cosignTags(digest);
  const seen = new Set<Digest>();
  const queue = [...(await readLayoutIndex(files)).manifests];
  for (const entry of queue) {
    options.signal?.throwIfAborted();
    if (seen.has(entry.digest) || !(isIndexType(entry.mediaType) || isManifestType(entry.mediaType)))
      continue;
    seen.add(entry.digest);
    if (seen.size > MAX_DOCUMENTS) {
      throw new CortenError("resource-exhausted", `${files.name} has more than ${MAX_DOCUMENTS} manifests`);
    }
    // Layouts may be sparse (image-layout.md).
    if ((await files.size(blobPath(entry))) === undefined) continue;
    const bytes = await readDocument(files, entry);
    const parsed = parseDocument(bytes, entry.mediaType, { what: `${files.name}: ${entry.digest}` });
    const document = { descriptor: entry, bytes };
    const tag = namesOf(entry).find((name) => tags.includes(name));
    if (subjectOf(parsed)?.digest === digest) list.add([referrerOf(document, parsed)]);
    else if (tag !== undefined) list.add([taggedReferrer(document, parsed, tag)]);
    if (parsed.kind === "index") queue.push(...parsed.index.manifests);
  }
  return list.descriptors;
}
