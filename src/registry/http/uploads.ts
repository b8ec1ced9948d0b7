import { randomUUID } from "node:crypto";
import type { Digest, DigestAlgorithm } from "../../spec/index.ts";
import { isRepository, isVerifiable, splitDigest } from "../../spec/index.ts";
import { QuotaExceeded } from "../metadata/quota-exceeded.ts";
import { requestedDigest } from "./blobs.ts";
import { DistributionError } from "./distribution-error.ts";
import type { Exchange } from "./exchange.ts";
import { assertOwner, UploadSession, unknownUpload, uploadHeaders } from "./upload-session.ts";

/** Repositories looked at for one that the client may read, when it asks for a mount from anywhere. */
const MOUNT_CANDIDATES = 100;

/** POST: a new upload (end-4a, end-4c), a blob in one request (end-4b), or a mount (end-11). */
export async function postUpload(exchange: Exchange, repository: string): Promise<void> {
  exchange.authorize(repository, "create");
  exchange.refuseCopy(repository);
  const mount = exchange.parameter("mount");
  if (mount !== undefined && (await mounted(exchange, repository, requestedDigest(mount)))) return;
  const text = exchange.parameter("digest");
  const digest = text === undefined ? undefined : verifiableDigest(text);
  const algorithm = algorithmOf(exchange.parameter("digest-algorithm") ?? digest?.split(":", 1)[0]);
  const { metadata, limits } = exchange.service;
  if ((await metadata.countUploads(repository)) >= limits.uploads) {
    throw new DistributionError(
      "TOOMANYREQUESTS",
      `repository ${repository} has ${limits.uploads} unfinished uploads`,
      {
        headers: { "Retry-After": "60" },
      },
    );
  }
  const id = randomUUID();
  const { name: owner } = exchange.identity;
  const record = { id, repository, algorithm, touched: Date.now() };
  await metadata.beginUpload(owner === undefined ? record : { ...record, owner });
  if (digest !== undefined) {
    await completed(exchange, repository, id, digest);
    return;
  }
  exchange.empty(202, uploadHeaders(repository, id, 0));
}

/** PATCH: the next bytes (end-5), as a chunk with Content-Range or as a stream without. */
export async function patchUpload(exchange: Exchange, repository: string, id: string): Promise<void> {
  exchange.authorize(repository, "create");
  let size: number;
  {
    await using session = await UploadSession.open(exchange, repository, id);
    await session.appendBody();
    await session.flush();
    size = session.size;
  }
  exchange.empty(202, uploadHeaders(repository, id, size));
}

/** PUT: the last bytes, if there are still some, and the digest (end-6). */
export async function putUpload(exchange: Exchange, repository: string, id: string): Promise<void> {
  exchange.authorize(repository, "create");
  const text = exchange.parameter("digest");
  if (text === undefined) {
    throw new DistributionError("DIGEST_INVALID", "the query has no digest, which ends an upload");
  }
  await completed(exchange, repository, id, verifiableDigest(text));
}

async function completed(exchange: Exchange, repository: string, id: string, digest: Digest): Promise<void> {
  let size: number;
  {
    await using session = await UploadSession.open(exchange, repository, id);
    await session.appendBody();
    try {
      ({ size } = await session.finish(digest));
    } catch (error) {
      throw await refusedContent(exchange, id, error);
    }
  }
  sendCreated(exchange, repository, digest);
  exchange.tell({ kind: "blob-pushed", repository, digest, size });
}

/** Content that is not what was promised, or for which there is no room, cannot become right: the upload goes. */
async function refusedContent(exchange: Exchange, id: string, error: unknown): Promise<unknown> {
  const { code, message } = error as { code?: unknown; message?: string };
  if (code === "not-found") return unknownUpload(id);
  const isTooMuch = error instanceof QuotaExceeded;
  if (code !== "data-loss" && !isTooMuch) return error;
  await exchange.service.metadata.endUpload(id);
  exchange.service.sweep();
  if (isTooMuch) return error;
  return new DistributionError("DIGEST_INVALID", message ?? "the content has another digest", {
    cause: error,
  });
}

/** GET: how far an upload has come (end-13). */
export async function getUpload(exchange: Exchange, repository: string, id: string): Promise<void> {
  exchange.authorize(repository, "create");
  const record = await exchange.service.metadata.upload(repository, id);
  if (record === undefined) throw unknownUpload(id);
  assertOwner(exchange, record);
  exchange.empty(204, uploadHeaders(repository, id, (await exchange.service.blobs.size(id)) ?? 0));
}

/** DELETE: an upload that nobody will finish (end-14). */
export async function deleteUpload(exchange: Exchange, repository: string, id: string): Promise<void> {
  exchange.authorize(repository, "create");
  const { metadata, sweep } = exchange.service;
  {
    // The claim waits for nobody: a cancel while bytes arrive is refused.
    await using _session = await UploadSession.open(exchange, repository, id);
    await metadata.endUpload(id);
  }
  sweep();
  exchange.empty(204, {});
}

/**
 * Makes a blob of another repository one of this, without a transfer. Whoever asks must be able to read
 * it there (CVE-2024-39897); without `from`, any repository that they can read will do.
 *
 * @returns false when nothing was mounted: the client then uploads
 */
async function mounted(exchange: Exchange, repository: string, digest: Digest): Promise<boolean> {
  const from = await mountSource(exchange, repository, digest);
  const { metadata } = exchange.service;
  if (from === undefined) return false;
  const event = { kind: "blob-mounted" as const, repository, digest, from };
  const options = {
    quota: exchange.quota(repository),
    announce: exchange.announcing<boolean>((done) => (done ? event : undefined)),
  };
  if (!(await metadata.mountBlob(repository, digest, from, options))) return false;
  sendCreated(exchange, repository, digest);
  exchange.tell(event);
  return true;
}

async function mountSource(
  exchange: Exchange,
  repository: string,
  digest: Digest,
): Promise<string | undefined> {
  const from = exchange.parameter("from");
  if (from !== undefined) return isRepository(from) && exchange.allows(from, "read") ? from : undefined;
  const candidates = await exchange.service.metadata.repositoriesOf(digest, { limit: MOUNT_CANDIDATES });
  return candidates.find((name) => name === repository || exchange.allows(name, "read"));
}

function sendCreated(exchange: Exchange, repository: string, digest: Digest): void {
  exchange.empty(201, {
    Location: `/v2/${repository}/blobs/${digest}`,
    "Docker-Content-Digest": digest,
  });
}

/** A digest whose content can be verified. @throws DIGEST_INVALID */
export function verifiableDigest(text: string): Digest {
  const digest = requestedDigest(text);
  algorithmOf(splitDigest(digest)[0]);
  return digest;
}

function algorithmOf(name: string | undefined): DigestAlgorithm {
  if (name === undefined) return "sha256";
  if (isVerifiable(name)) return name;
  throw new DistributionError(
    "DIGEST_INVALID",
    `digest algorithm "${name.slice(0, 50)}" is not supported: sha256, sha512 and blake3 are`,
  );
}
