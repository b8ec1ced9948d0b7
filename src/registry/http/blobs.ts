import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { Digest } from "../../spec/index.ts";
import { parseDigest } from "../../spec/index.ts";
import type { BlobRecord } from "../metadata/metadata.ts";
import type { ByteRange } from "../storage/blob-storage.ts";
import { DistributionError } from "./distribution-error.ts";
import type { Exchange } from "./exchange.ts";
import { parseRange } from "./range.ts";

/** A digest of a request. @throws DIGEST_INVALID before it becomes part of anything (CVE-2024-3727) */
export function requestedDigest(text: string): Digest {
  try {
    return parseDigest(text);
  } catch (cause) {
    throw new DistributionError("DIGEST_INVALID", (cause as Error).message, { cause });
  }
}

/** GET and HEAD of a blob (end-2). */
export async function getBlob(exchange: Exchange, repository: string, text: string): Promise<void> {
  exchange.authorize(repository, "read");
  const digest = requestedDigest(text);
  const { metadata } = exchange.service;
  let record = await metadata.blob(repository, digest);
  if (record === undefined && exchange.origin !== undefined) {
    if (await sendFetched(exchange, repository, digest)) return;
    record = await metadata.blob(repository, digest);
  }
  if (record === undefined) throw unknownBlob(repository, digest);
  const { request } = exchange;
  const etag = `"${digest}"`;
  if (request.headers["if-none-match"] === etag) {
    exchange.empty(304, { ETag: etag, "Docker-Content-Digest": digest });
    return;
  }
  const ifRange = request.headers["if-range"];
  const range =
    ifRange === undefined || ifRange === etag ? parseRange(request.headers.range, record.size) : undefined;
  if (exchange.method === "HEAD") {
    if (!(await keepFromCollection(exchange, repository, digest, record)))
      throw unknownBlob(repository, digest);
    sendHead(exchange, repository, digest, record.size, range);
    exchange.response.end();
    return;
  }
  const wanted = range ?? { start: 0, end: record.size };
  let content = await exchange.service.blobs.read(record.key, wanted);
  if (content === undefined) {
    // Deleted and pushed again meanwhile, it has another key.
    record = await metadata.blob(repository, digest);
    content = record === undefined ? undefined : await exchange.service.blobs.read(record.key, wanted);
    if (record !== undefined && content === undefined) {
      throw new Error(`the bytes of blob ${digest} of ${repository} are missing from storage: ${record.key}`);
    }
    if (record === undefined || content === undefined) throw unknownBlob(repository, digest);
  }
  sendHead(exchange, repository, digest, record.size, range);
  await sendBody(exchange.response, content, wanted.end - wanted.start);
  exchange.tell({ kind: "blob-pulled", repository, digest, size: record.size });
}

/**
 * Answers with a blob of the registry that the repository is a copy from, as its bytes come. False when it is here now, or is
 * not there: then the repository's own blobs decide.
 */
async function sendFetched(exchange: Exchange, repository: string, digest: Digest): Promise<boolean> {
  const { proxy } = exchange.service;
  if (exchange.method === "HEAD") {
    const size = await proxy?.blobSize(repository, digest);
    if (size === undefined) return false;
    sendHead(exchange, repository, digest, size, undefined);
    exchange.response.end();
    return true;
  }
  const fetched = await proxy?.fetchBlob(repository, digest);
  if (fetched?.content === undefined) return false;
  // A range of what is not here yet: answering with everything is allowed (RFC 9110, 14.2).
  sendHead(exchange, repository, digest, fetched.size, undefined);
  await sendBody(exchange.response, fetched.content, fetched.size);
  exchange.tell({ kind: "blob-pulled", repository, digest, size: fetched.size });
  return true;
}

/**
 * A client that hears that a blob is here will not push it: it must stay until the manifest comes. False when it was
 * collected in this moment.
 */
async function keepFromCollection(
  exchange: Exchange,
  repository: string,
  digest: Digest,
  record: BlobRecord,
): Promise<boolean> {
  const { limits, metadata } = exchange.service;
  if (Date.now() - record.touched <= limits.grace / 4) return true;
  return await metadata.touchBlob(repository, digest);
}

function sendHead(
  exchange: Exchange,
  repository: string,
  digest: Digest,
  size: number,
  range: ByteRange | undefined,
): void {
  const headers: Record<string, string | number> = {
    "Content-Type": "application/octet-stream",
    "Content-Length": range === undefined ? size : range.end - range.start,
    "Docker-Content-Digest": digest,
    "Accept-Ranges": "bytes",
    // Content under a digest never changes, but not everybody may read it.
    "Cache-Control": "private, max-age=31536000, immutable",
    ETag: `"${digest}"`,
  };
  if (range !== undefined) headers["Content-Range"] = `bytes ${range.start}-${range.end - 1}/${size}`;
  exchange.warn(headers, repository, "read", digest);
  exchange.head(range === undefined ? 200 : 206, headers);
}

/** Sends chunks as fast as the client takes them; one that goes away ends the reading. */
async function sendBody(
  response: ServerResponse,
  content: AsyncIterable<Uint8Array>,
  length: number,
): Promise<void> {
  let sent = 0;
  for await (const chunk of content) {
    sent += chunk.length;
    if (sent === length) {
      response.end(chunk);
      return;
    }
    // Whoever has gone already emits nothing more that could be waited for.
    if (response.destroyed) return;
    if (!response.write(chunk)) await drained(response);
    if (response.destroyed) return;
  }
  if (length === 0) response.end();
  // A body that is too short must not look whole.
  else response.destroy();
}

async function drained(response: ServerResponse): Promise<void> {
  const controller = new AbortController();
  const signal = controller.signal;
  try {
    await Promise.race([once(response, "drain", { signal }), once(response, "close", { signal })]);
  } finally {
    controller.abort();
  }
}

/** DELETE of a blob (end-10): out of this repository; its bytes go when no other has it. */
export async function deleteBlob(exchange: Exchange, repository: string, text: string): Promise<void> {
  exchange.authorize(repository, "delete");
  const digest = requestedDigest(text);
  const { metadata } = exchange.service;
  const event = { kind: "blob-deleted" as const, repository, digest };
  const removed = await metadata.removeBlob(
    repository,
    digest,
    exchange.mayLoseTag(repository),
    exchange.announcing((result) => (result === true ? event : undefined)),
  );
  if (removed === false) throw unknownBlob(repository, digest);
  if (removed !== true) throw exchange.denied(repository, "delete", removed.refusedTag);
  exchange.service.sweep();
  exchange.empty(202, { "Docker-Content-Digest": digest });
  exchange.tell(event);
}

function unknownBlob(repository: string, digest: Digest): DistributionError {
  return new DistributionError("BLOB_UNKNOWN", `repository ${repository} has no blob ${digest}`, {
    detail: { digest },
  });
}
