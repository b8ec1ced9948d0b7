import { randomUUID } from "node:crypto";
import type { Digest } from "../../spec/index.ts";
import type { UploadRecord } from "../metadata/metadata.ts";
import { QuotaExceeded } from "../metadata/quota-exceeded.ts";
import type { BlobUpload, StoredBlob } from "../storage/blob-storage.ts";
import { announcedLength, bodyChunks, tooLarge } from "./body.ts";
import { DistributionError } from "./distribution-error.ts";
import type { Exchange } from "./exchange.ts";
import { parseChunkRange } from "./range.ts";

/** How long a claim lasts unless it is renewed: after the death of a server the client waits so long at most. */
const CLAIM_MS = 60_000;
const RENEW_AFTER_MS = 15_000;

/** Throws when an upload of that size has no room. */
type Room = (size: number) => void;

/** An upload that one request works on: nobody else does meanwhile, on whatever server. */
export class UploadSession implements AsyncDisposable {
  readonly #exchange: Exchange;
  readonly #record: UploadRecord;
  readonly #holder: string;
  readonly #upload: BlobUpload;
  #renewed = Date.now();

  private constructor(exchange: Exchange, record: UploadRecord, holder: string, upload: BlobUpload) {
    this.#exchange = exchange;
    this.#record = record;
    this.#holder = holder;
    this.#upload = upload;
  }

  /** Claims an upload. @throws BLOB_UPLOAD_UNKNOWN; BLOB_UPLOAD_INVALID with 409 while another request has it */
  static async open(exchange: Exchange, repository: string, id: string): Promise<UploadSession> {
    const { metadata, blobs } = exchange.service;
    const holder = randomUUID();
    const record = await metadata.claimUpload(repository, id, { holder, until: Date.now() + CLAIM_MS });
    if (record === undefined) throw unknownUpload(id);
    if (record === "busy") {
      throw new DistributionError("BLOB_UPLOAD_INVALID", `another request is working on upload ${id}`, {
        status: 409,
        headers: { "Retry-After": "1" },
      });
    }
    try {
      assertOwner(exchange, record);
      return new UploadSession(exchange, record, holder, await blobs.openUpload(id, record.algorithm));
    } catch (error) {
      await metadata.releaseUpload(id, holder);
      throw error;
    }
  }

  get size(): number {
    return this.#upload.size;
  }

  /**
   * Appends the request's body. What a broken connection has brought is kept: the client can ask how far
   * it came.
   *
   * @throws 416 when the chunk does not begin where the upload ends; SIZE_INVALID; 413
   */
  async appendBody(): Promise<void> {
    try {
      await this.#appendWithin(await this.#room());
    } catch (error) {
      if (error instanceof QuotaExceeded) await this.#abandon();
      throw error;
    }
  }

  async #appendWithin(room: Room): Promise<void> {
    const { request } = this.#exchange;
    const range = parseChunkRange(request.headers["content-range"]);
    const length = announcedLength(request);
    if (range !== undefined && range.start !== this.size) throw this.#outOfOrder(range.start);
    const expected = range === undefined ? length : range.end - range.start;
    if (length !== undefined && length !== expected) {
      throw new DistributionError(
        "SIZE_INVALID",
        `the body has ${length} bytes, but Content-Range is of ${expected}`,
      );
    }
    const maxSize = this.#exchange.service.limits.blobSize;
    const end = expected === undefined ? undefined : this.size + expected;
    if ((end ?? 0) > maxSize) throw tooLarge("the blob", maxSize);
    room(end ?? 0);
    if (length === 0) return;
    for await (const chunk of bodyChunks(request)) {
      const size = this.size + chunk.length;
      if (size > maxSize) throw tooLarge("the blob", maxSize);
      room(size);
      if (end !== undefined && size > end) {
        throw new DistributionError(
          "SIZE_INVALID",
          `the body is longer than the ${expected} bytes announced`,
        );
      }
      await this.#upload.append(chunk);
      if (Date.now() - this.#renewed > RENEW_AFTER_MS) await this.#renew();
    }
    if (end !== undefined && this.size !== end) {
      throw new DistributionError("SIZE_INVALID", `the body ended ${end - this.size} bytes too early`);
    }
  }

  flush(): Promise<void> {
    return this.#upload.flush();
  }

  /** Verifies the content and makes it a blob of the repository, of which one copy is kept. @throws DIGEST_INVALID; the upload is gone then */
  async finish(digest: Digest): Promise<StoredBlob> {
    const { id, repository } = this.#record;
    const stored = await this.#upload.finish(digest);
    const { metadata, sweep } = this.#exchange.service;
    const kept = await metadata.addBlob(repository, digest, stored, id, {
      quota: this.#exchange.quota(repository),
      announce: this.#exchange.announcing(({ size }) => ({ kind: "blob-pushed", repository, digest, size })),
    });
    if (kept.key !== stored.key) sweep();
    return kept;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#upload[Symbol.asyncDispose]();
    } finally {
      await this.#exchange.service.metadata.releaseUpload(this.#record.id, this.#holder);
    }
  }

  /** The quota at the beginning of the request; what counts is asked again when the blob is added. */
  async #room(): Promise<Room> {
    const { repository } = this.#record;
    const quota = this.#exchange.quota(repository);
    if (quota === undefined) return () => undefined;
    const usage = await this.#exchange.service.metadata.usage(repository);
    return (size) => {
      const excess = QuotaExceeded.find(repository, usage, quota, size);
      if (excess !== undefined) throw excess;
    };
  }

  async #abandon(): Promise<void> {
    const { metadata, sweep } = this.#exchange.service;
    await metadata.endUpload(this.#record.id);
    sweep();
  }

  async #renew(): Promise<void> {
    this.#renewed = Date.now();
    const { id, repository } = this.#record;
    const claim = { holder: this.#holder, until: Date.now() + CLAIM_MS };
    const record = await this.#exchange.service.metadata.claimUpload(repository, id, claim);
    if (typeof record !== "object") throw unknownUpload(id);
  }

  #outOfOrder(start: number): DistributionError {
    const { id, repository } = this.#record;
    return new DistributionError(
      "BLOB_UPLOAD_INVALID",
      `the chunk begins at byte ${start}, but the upload has ${this.size} bytes`,
      { status: 416, headers: uploadHeaders(repository, id, this.size) },
    );
  }
}

/** Somebody else's upload does not exist for who asks. @throws BLOB_UPLOAD_UNKNOWN */
export function assertOwner(exchange: Exchange, record: UploadRecord): void {
  if (record.owner !== exchange.identity.name) throw unknownUpload(record.id);
}

export function unknownUpload(id: string): DistributionError {
  return new DistributionError(
    "BLOB_UPLOAD_UNKNOWN",
    `there is no upload ${id.slice(0, 100)}: it has ended or expired`,
  );
}

/** What every response about a living upload says. An empty one is `0-0`: the header has no form for nothing. */
export function uploadHeaders(repository: string, id: string, size: number): Record<string, string> {
  return {
    Location: `/v2/${repository}/blobs/uploads/${id}`,
    Range: `0-${Math.max(0, size - 1)}`,
    "Docker-Upload-UUID": id,
  };
}
