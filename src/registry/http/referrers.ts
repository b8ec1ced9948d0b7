import type { Descriptor, Digest } from "../../spec/index.ts";
import { isCortenError, isIndexType, MediaType, parseIndex, splitDigest } from "../../spec/index.ts";
import type { Referrer } from "../metadata/metadata.ts";
import { requestedDigest } from "./blobs.ts";
import type { Exchange } from "./exchange.ts";
import { nextLink, pageRequest } from "./paging.ts";

/** Longest list of referrers in one response, in bytes: clients read no manifest that is larger than 4 MiB. */
const MAX_BYTES = 3 * 1024 * 1024;
/** Referrers read at a time. */
const BATCH = 1000;

/** GET of what refers to a manifest (end-12a, end-12b): an index, empty when there is nothing. */
export async function listReferrers(exchange: Exchange, repository: string, text: string): Promise<void> {
  exchange.authorize(repository, "read");
  const subject = requestedDigest(text);
  const artifactType = exchange.parameter("artifactType") || undefined;
  const { after, limit } = pageRequest(exchange);
  const page = {
    ...(after === undefined ? {} : { after }),
    ...(artifactType === undefined ? {} : { artifactType }),
  };
  const count = Math.min(limit, BATCH);
  const [indexed, tagged, elsewhere] = await Promise.all([
    exchange.service.metadata.referrers(repository, subject, { ...page, limit: count + 1 }),
    fallbackEntries(exchange, repository, subject, page),
    copiedEntries(exchange, repository, subject, page),
  ]);
  const all = merged(indexed.map(toDescriptor), [...tagged, ...elsewhere]);
  const manifests = fitting(all, count);
  const headers: Record<string, string> = { "Content-Type": MediaType.imageIndex };
  if (artifactType !== undefined) headers["OCI-Filters-Applied"] = "artifactType";
  const last = manifests.at(-1);
  if (all.length > manifests.length && last !== undefined) {
    const filter = artifactType === undefined ? {} : { artifactType };
    headers["Link"] = nextLink(`/v2/${repository}/referrers/${subject}`, last.digest, limit, filter);
  }
  exchange.warn(headers, repository, "read", subject);
  exchange.json(200, headers, { schemaVersion: 2, mediaType: MediaType.imageIndex, manifests });
}

/**
 * What clients have listed under the fallback tag because the registry that the repository was copied
 * from knew no referrers: it must not be lost (distribution-spec, "Enabling the Referrers API").
 */
async function fallbackEntries(
  exchange: Exchange,
  repository: string,
  subject: Digest,
  page: { readonly after?: string; readonly artifactType?: string },
): Promise<readonly Descriptor[]> {
  const index = await exchange.service.metadata.readManifest(repository, fallbackTag(subject));
  if (index === undefined || !isIndexType(index.mediaType)) return [];
  try {
    const { manifests } = parseIndex(index.bytes, index.mediaType, {
      maxSize: exchange.service.limits.manifestSize,
    });
    return inPage(manifests, page);
  } catch (error) {
    // A tag that only looks like one of these.
    if (isCortenError(error)) return [];
    throw error;
  }
}

/** What the registry lists that the repository is a copy from. */
async function copiedEntries(
  exchange: Exchange,
  repository: string,
  subject: Digest,
  page: { readonly after?: string; readonly artifactType?: string },
): Promise<readonly Descriptor[]> {
  if (exchange.origin === undefined) return [];
  return inPage((await exchange.service.proxy?.referrers(repository, subject)) ?? [], page);
}

function inPage(
  descriptors: readonly Descriptor[],
  page: { readonly after?: string; readonly artifactType?: string },
): readonly Descriptor[] {
  return descriptors.filter(
    ({ digest, artifactType }) =>
      (page.after === undefined || digest > page.after) &&
      (page.artifactType === undefined || artifactType === page.artifactType),
  );
}

/** The tag under which clients list referrers by themselves (distribution-spec, "Referrers Tag Schema"). */
function fallbackTag(subject: Digest): string {
  const [algorithm, encoded] = splitDigest(subject);
  return `${algorithm.slice(0, 32)}-${encoded.slice(0, 64)}`.replace(/[^a-zA-Z0-9._-]/g, "-");
}

function toDescriptor({ mediaType, digest, size, artifactType, annotations }: Referrer): Descriptor {
  return {
    mediaType,
    digest,
    size,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

/** Both lists by digest, each digest once; what the registry has read out of the manifest itself comes first. */
function merged(indexed: readonly Descriptor[], tagged: readonly Descriptor[]): readonly Descriptor[] {
  if (tagged.length === 0) return indexed;
  const byDigest = new Map(tagged.map((descriptor) => [descriptor.digest, descriptor]));
  for (const descriptor of indexed) byDigest.set(descriptor.digest, descriptor);
  return [...byDigest.values()].sort((a, b) => (a.digest < b.digest ? -1 : 1));
}

/** The first `count` of them, fewer when they would make the answer too large; one at least. */
function fitting(descriptors: readonly Descriptor[], count: number): readonly Descriptor[] {
  const fit: Descriptor[] = [];
  let size = 0;
  for (const descriptor of descriptors) {
    size += JSON.stringify(descriptor).length;
    if (fit.length === count || (size > MAX_BYTES && fit.length > 0)) break;
    fit.push(descriptor);
  }
  return fit;
}
