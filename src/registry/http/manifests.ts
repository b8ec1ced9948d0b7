import type { Digest } from "../../spec/index.ts";
import { isTag } from "../../spec/index.ts";
import type {
  ManifestRecord,
  PutManifestOptions,
  PutManifestResult,
  TagRefusal,
} from "../metadata/metadata.ts";
import { requestedDigest } from "./blobs.ts";
import { readBody } from "./body.ts";
import { DistributionError } from "./distribution-error.ts";
import type { Exchange } from "./exchange.ts";
import { canonicalDigest, digestLike, type ReadManifest, readPushedManifest } from "./manifest-document.ts";
import { verifiableDigest } from "./uploads.ts";

/** GET and HEAD of a manifest (end-3). */
export async function getManifest(exchange: Exchange, repository: string, reference: string): Promise<void> {
  const tag = checkedTag(reference, "MANIFEST_UNKNOWN");
  exchange.authorize(repository, "read", tag);
  const { metadata, proxy } = exchange.service;
  const note = await proxy?.refreshManifest(repository, reference);
  if (note !== undefined) exchange.notes.push(note);
  if (exchange.method === "HEAD") {
    const record = await metadata.manifest(repository, reference);
    if (record === undefined) throw unknownManifest(repository, reference);
    sendHead(exchange, repository, reference, record);
    exchange.response.end();
    return;
  }
  const manifest = await metadata.readManifest(repository, reference);
  if (manifest === undefined) throw unknownManifest(repository, reference);
  const { digest, mediaType, size } = manifest;
  if (exchange.request.headers["if-none-match"] === `"${digest}"`) {
    exchange.service.pulls.note(repository, digest, tag);
    exchange.empty(304, { ETag: `"${digest}"`, "Docker-Content-Digest": digest });
    return;
  }
  exchange.service.pulls.note(repository, digest, tag);
  sendHead(exchange, repository, reference, manifest);
  exchange.response.end(manifest.bytes);
  if (!exchange.attended) return;
  const tags = tag === undefined ? {} : { tags: [tag] };
  exchange.tell({ kind: "manifest-pulled", repository, digest, mediaType, size, ...tags });
}

function sendHead(
  exchange: Exchange,
  repository: string,
  reference: string,
  { digest, mediaType, size }: ManifestRecord,
): void {
  const headers = {
    "Content-Type": mediaType,
    "Content-Length": size,
    "Docker-Content-Digest": digest,
    ETag: `"${digest}"`,
  };
  exchange.warn(headers, repository, "read", reference);
  exchange.head(200, headers);
}

/** PUT of a manifest (end-7a), by digest with tags in the query too (end-7b). */
export async function putManifest(exchange: Exchange, repository: string, reference: string): Promise<void> {
  const tags = wantedTags(exchange, reference);
  exchange.authorize(repository, rightToPut(exchange, repository, tags), tags[0]);
  exchange.refuseCopy(repository);
  const { limits, metadata, options } = exchange.service;
  const bytes = await readBody(exchange.request, limits.manifestSize, "the manifest");
  const digest = await digestOf(bytes, reference);
  const read = await readPushedManifest(
    bytes,
    exchange.request.headers["content-type"],
    digest,
    limits.manifestSize,
  );
  const { manifest } = read;
  const { mediaType, size } = manifest;
  const event = { kind: "manifest-pushed" as const, repository, digest, mediaType, size, tags };
  const announce = exchange.announcing<PutManifestResult>(({ outcome }) =>
    outcome === "stored" ? event : undefined,
  );
  const result = await metadata.putManifest(repository, manifest, {
    tags,
    required: requiredContent(read, options.require ?? "blobs"),
    mayTag: (tag, change) => exchange.allows(repository, change, tag),
    ...quotaOption(exchange, repository),
    ...(announce === undefined ? {} : { announce }),
  });
  if (result.outcome !== "stored") throw notStored(exchange, repository, digest, result);
  const headers: Record<string, string | number> = {
    Location: `/v2/${repository}/manifests/${digest}`,
    "Docker-Content-Digest": digest,
  };
  if (manifest.subject !== undefined) headers["OCI-Subject"] = manifest.subject;
  const named = reference.includes(":") ? tags : [];
  if (named.length > 0) (headers as Record<string, unknown>)["OCI-Tag"] = named;
  exchange.warn(headers, repository, "create", tags[0] ?? digest);
  exchange.empty(201, headers);
  exchange.tell(event);
}

/** The tags that a PUT sets. @throws MANIFEST_INVALID; 414 for too many */
function wantedTags(exchange: Exchange, reference: string): readonly string[] {
  const own = checkedTag(reference, "MANIFEST_INVALID");
  const more = exchange.parameters("tag");
  const tags = [...new Set(own === undefined ? more : [own, ...more])];
  const wrong = tags.find((tag) => !isTag(tag));
  if (wrong !== undefined) {
    throw new DistributionError("MANIFEST_INVALID", `"${wrong.slice(0, 150)}" is not a tag`);
  }
  const { tagsPerPut } = exchange.service.limits;
  if (tags.length > tagsPerPut) {
    throw new DistributionError(
      "SIZE_INVALID",
      `${tags.length} tags are more than the ${tagsPerPut} allowed at once`,
      {
        status: 414,
      },
    );
  }
  return tags;
}

function quotaOption(exchange: Exchange, repository: string): Pick<PutManifestOptions, "quota"> {
  const quota = exchange.quota(repository);
  return quota === undefined ? {} : { quota };
}

/** Whether a tag is new is known only in the transaction; before it, either right lets a push begin. */
function rightToPut(exchange: Exchange, repository: string, tags: readonly string[]): "create" | "update" {
  const [tag] = tags;
  if (tag === undefined || exchange.allows(repository, "create", tag)) return "create";
  return exchange.allows(repository, "update", tag) ? "update" : "create";
}

async function digestOf(bytes: Uint8Array, reference: string): Promise<Digest> {
  if (!reference.includes(":")) return canonicalDigest(bytes);
  const wanted = verifiableDigest(reference);
  const found = await digestLike(bytes, wanted);
  if (found === wanted) return found;
  throw new DistributionError("DIGEST_INVALID", `the manifest has the digest ${found}, not ${wanted}`);
}

function requiredContent(
  { manifest, requiredBlobs }: ReadManifest,
  require: "all" | "blobs" | "nothing",
): readonly Digest[] {
  if (require === "nothing") return [];
  return require === "blobs" ? requiredBlobs : [...requiredBlobs, ...manifest.manifests];
}

function notStored(
  exchange: Exchange,
  repository: string,
  digest: Digest,
  result: Exclude<PutManifestResult, { outcome: "stored" }>,
): DistributionError {
  if (result.outcome === "refused") return exchange.denied(repository, "update", result.tag);
  const first = result.digests[0]!;
  return new DistributionError(
    "MANIFEST_BLOB_UNKNOWN",
    `manifest ${digest} references ${first}, which repository ${repository} does not have`,
    { detail: { digests: result.digests.slice(0, 100) } },
  );
}

/** DELETE of a manifest with its tags, or of a tag alone (end-9). */
export async function deleteManifest(
  exchange: Exchange,
  repository: string,
  reference: string,
): Promise<void> {
  const tag = checkedTag(reference, "MANIFEST_UNKNOWN");
  exchange.authorize(repository, "delete", tag);
  const { metadata } = exchange.service;
  if (tag !== undefined) {
    const eventOf = (digest: Digest) => ({ kind: "tag-deleted" as const, repository, digest, tags: [tag] });
    const announce = exchange.announcing<Digest | undefined>((digest) => digest && eventOf(digest));
    const digest = await metadata.removeTag(repository, tag, announce);
    if (digest === undefined) throw unknownManifest(repository, tag);
    exchange.empty(202, {});
    exchange.tell(eventOf(digest));
    return;
  }
  const digest = requestedDigest(reference);
  const eventOf = (tags: readonly string[]) => ({
    kind: "manifest-deleted" as const,
    repository,
    digest,
    tags,
  });
  const announce = exchange.announcing<readonly string[] | TagRefusal | undefined>((tags) =>
    tags === undefined || "refusedTag" in tags ? undefined : eventOf(tags),
  );
  const tags = await metadata.removeManifest(repository, digest, exchange.mayLoseTag(repository), announce);
  if (tags === undefined) throw unknownManifest(repository, digest);
  if ("refusedTag" in tags) throw exchange.denied(repository, "delete", tags.refusedTag);
  exchange.empty(202, { "Docker-Content-Digest": digest });
  exchange.tell(eventOf(tags));
}

/** A reference that is a tag; undefined when it is a digest. @throws the code, or DIGEST_INVALID, when it is neither */
function checkedTag(reference: string, code: "MANIFEST_UNKNOWN" | "MANIFEST_INVALID"): string | undefined {
  if (reference.includes(":")) {
    requestedDigest(reference);
    return undefined;
  }
  if (isTag(reference)) return reference;
  throw new DistributionError(code, `"${reference.slice(0, 150)}" is neither a tag nor a digest`);
}

function unknownManifest(repository: string, reference: string): DistributionError {
  return new DistributionError("MANIFEST_UNKNOWN", `repository ${repository} has no manifest ${reference}`, {
    detail: { reference },
  });
}
