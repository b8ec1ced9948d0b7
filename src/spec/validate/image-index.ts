import type { Descriptor } from "../image.ts";
import { MediaType } from "../media-types.ts";
import { examineAnnotations } from "./annotations.ts";
import { examineDescriptor, examineMediaType } from "./descriptor.ts";
import type { Examined } from "./examined.ts";
import { examineHead } from "./head.ts";

/** An index as far as it is usable. */
export interface ExaminedIndex {
  readonly kind: "index";
  readonly manifests: readonly (Descriptor | undefined)[];
  readonly subject: Descriptor | undefined;
}

/** Judges an image index (image-index.md). */
export function examineIndex(root: Examined, announced: string | undefined): ExaminedIndex {
  examineHead(root, announced, [MediaType.imageIndex, MediaType.dockerManifestList]);
  for (const name of ["layers", "config"]) {
    const other = root.field(name);
    if (other.value !== undefined) other.report("document-kind", "does not belong in an index");
  }
  const manifests = root.required("manifests");
  examineMediaType(root.optional("artifactType"));
  const subject = root.optional("subject");
  const annotations = root.optional("annotations");
  if (annotations !== undefined) examineAnnotations(annotations);
  const items = manifests?.items() ?? [];
  const found = items.map(examineDescriptor);
  reportEqualPlatforms(items, found);
  return {
    kind: "index",
    manifests: found,
    subject: subject === undefined ? undefined : examineDescriptor(subject),
  };
}

/** Two images for one platform: who asks for it gets the first, and the second is never used. */
function reportEqualPlatforms(items: readonly Examined[], found: readonly (Descriptor | undefined)[]): void {
  const first = new Map<string, number>();
  for (const [index, entry] of found.entries()) {
    const platform = entry?.platform;
    if (entry === undefined || platform === undefined || platform.os === "unknown") continue;
    // The same content listed twice is no choice, and artifacts are chosen by their type.
    const key = JSON.stringify([items[index]!.field("platform").value, entry.mediaType, entry.artifactType]);
    const before = first.get(key);
    if (before === undefined) first.set(key, index);
    else if (found[before]?.digest !== entry.digest) {
      items[index]!.report("platform-duplicate", `is for the platform of /manifests/${before} as well`);
    }
  }
}
