import type { Descriptor, ImageIndex, Platform } from "../spec/index.ts";
import { CortenError, isIndexType, isManifestType } from "../spec/index.ts";
import { formatPlatform, platformRank } from "./platform.ts";

/** Deepest nesting of indexes that is followed; two levels are the most seen. */
const MAX_DEPTH = 8;
/** Indexes read for one image: a graph of small indexes may name millions (CVE-2026-53493). */
const MAX_INDEXES = 256;

/** Reads an index; undefined when it is not there, which a sparse index allows. */
export type LoadIndex = (descriptor: Descriptor) => Promise<ImageIndex | undefined>;

/**
 * All manifests of an index in its order, those of nested indexes in their place. Each index is read
 * once. Entries that are neither manifest nor index are left out: the standard lets an index name
 * anything.
 *
 * @throws resource-exhausted when the indexes are nested too deeply or are too many
 */
export async function flattenIndex(root: Descriptor, load: LoadIndex): Promise<Descriptor[]> {
  const seen = new Set<string>();
  const manifests: Descriptor[] = [];
  const visit = async (descriptor: Descriptor, depth: number): Promise<void> => {
    if (seen.has(descriptor.digest)) return;
    seen.add(descriptor.digest);
    if (depth > MAX_DEPTH || seen.size > MAX_INDEXES) {
      throw new CortenError(
        "resource-exhausted",
        `index ${root.digest} leads to more than ${MAX_INDEXES} indexes or is nested deeper than ${MAX_DEPTH}`,
      );
    }
    const index = await load(descriptor);
    for (const entry of index?.manifests ?? []) {
      if (isIndexType(entry.mediaType)) await visit(entry, depth + 1);
      else if (isManifestType(entry.mediaType)) manifests.push(entry);
    }
  };
  await visit(root, 0);
  return manifests;
}

/**
 * The manifest for `platform`: the best match, the first of equals. Entries that say no platform come
 * last. Attestations (`unknown/unknown`) and artifacts are no images to run.
 */
export function chooseManifest(manifests: readonly Descriptor[], platform: Platform): Descriptor | undefined {
  let best: { readonly rank: number; readonly descriptor: Descriptor } | undefined;
  for (const descriptor of manifests) {
    const rank = rankOf(descriptor, platform);
    if (rank !== undefined && (best === undefined || rank < best.rank)) best = { rank, descriptor };
  }
  return best?.descriptor;
}

function rankOf(descriptor: Descriptor, platform: Platform): number | undefined {
  if (isAttestation(descriptor)) return undefined;
  if (descriptor.platform === undefined) return descriptor.artifactType === undefined ? Infinity : undefined;
  return platformRank(platform, descriptor.platform);
}

/** BuildKit's attestations stand in the index beside the images that they are about. */
export function isAttestation(descriptor: Descriptor): boolean {
  const { platform, annotations } = descriptor;
  return (
    (platform?.os === "unknown" && platform.architecture === "unknown") ||
    annotations?.["vnd.docker.reference.type"] === "attestation-manifest"
  );
}

/** The error when nothing fits; it lists what there is. */
export function noSuchPlatform(
  what: string,
  manifests: readonly Descriptor[],
  platform: Platform,
): CortenError {
  const offered = manifests
    .filter((descriptor) => !isAttestation(descriptor) && descriptor.platform !== undefined)
    .map((descriptor) => formatPlatform(descriptor.platform!));
  const shown = [...new Set(offered)].slice(0, 20).join(", ");
  return new CortenError("not-found", `${what} has no image for ${formatPlatform(platform)}`, {
    hint: shown === "" ? "it offers no platform at all" : `it offers ${shown}`,
  });
}
