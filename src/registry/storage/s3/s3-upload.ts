import { randomUUID } from "node:crypto";
import { type ContentHash, openHash } from "../../../content/index.ts";
import type { Digest, DigestAlgorithm } from "../../../spec/index.ts";
import { verifiableAlgorithm } from "../../../spec/index.ts";
import type { BlobUpload, StoredBlob } from "../blob-storage.ts";
import type { RunningHashes } from "../running-hashes.ts";
import { assertDigest } from "../verification.ts";
import { beginMultipart, completeMultipart, type Part, putPart } from "./multipart.ts";
import type { S3Client } from "./s3-client.ts";
import { openObject, putObject, removeObject } from "./s3-objects.ts";
import { readState, removeState, sizeOfParts, type UploadState, writeState } from "./upload-state.ts";

/** Parts on their way to the bucket at one time, each held in memory. */
const IN_FLIGHT = 2;
/** S3 takes ten thousand parts: after each thousand they get twice as large, so a blob may be as large as an object. */
const PARTS_OF_ONE_SIZE = 1000;

export interface S3UploadOptions {
  readonly client: S3Client;
  readonly hashes: RunningHashes;
  readonly partSize: number;
}

/**
 * An upload into a bucket. Content goes in parts straight to the key that the blob is to have; a blob smaller than a
 * part is one PUT at the end.
 */
export class S3Upload implements BlobUpload {
  readonly #id: string;
  readonly #options: S3UploadOptions;
  readonly #algorithm: DigestAlgorithm;
  #uploadID: string | undefined;
  #parts: Part[];
  #tail: Uint8Array[];
  #tailSize: number;
  #size: number;
  readonly #sending: Promise<Part>[] = [];
  /** Undefined when another server has appended: then the end reads everything back. */
  #hash: ContentHash | undefined;
  /** A state of this upload is in the bucket. */
  #stored: boolean;
  #dirty = false;

  private constructor(
    id: string,
    algorithm: DigestAlgorithm,
    begun: UploadState | ContentHash,
    options: S3UploadOptions,
  ) {
    const state = "parts" in begun ? begun : undefined;
    this.#id = id;
    this.#options = options;
    this.#algorithm = algorithm;
    this.#uploadID = state?.uploadID;
    this.#parts = [...(state?.parts ?? [])];
    this.#tail = state === undefined || state.tail.length === 0 ? [] : [state.tail];
    this.#tailSize = state?.tail.length ?? 0;
    this.#size = sizeOfParts(this.#parts) + this.#tailSize;
    this.#stored = state !== undefined;
    // By the state's version, not the upload's key: after a digest that was wrong, another server may have begun anew.
    const running = state === undefined ? undefined : options.hashes.take(state.version, this.#size);
    if (!("parts" in begun)) this.#hash = begun;
    else if (running?.algorithm === algorithm) this.#hash = running.hash;
  }

  static async open(id: string, algorithm: DigestAlgorithm, options: S3UploadOptions): Promise<S3Upload> {
    const state = await readState(options.client, id);
    return new S3Upload(id, algorithm, state ?? (await openHash(algorithm)), options);
  }

  get size(): number {
    return this.#size;
  }

  async append(chunk: Uint8Array): Promise<void> {
    this.#hash?.update(chunk);
    this.#tail.push(chunk);
    this.#tailSize += chunk.length;
    this.#size += chunk.length;
    this.#dirty = true;
    if (this.#tailSize >= this.#partSize) await this.#sendPart();
  }

  async flush(): Promise<void> {
    if (!this.#dirty) return;
    await this.#settle();
    const state: UploadState = {
      version: randomUUID(),
      ...(this.#uploadID === undefined ? {} : { uploadID: this.#uploadID }),
      parts: this.#parts,
      tail: Buffer.concat(this.#tail),
    };
    await writeState(this.#options.client, this.#id, state);
    this.#stored = true;
    this.#dirty = false;
    if (this.#hash !== undefined) {
      const running = { hash: this.#hash.copy(), algorithm: this.#algorithm, size: this.#size };
      this.#options.hashes.keep(state.version, running);
    }
  }

  async finish(digest: Digest, verified?: () => void): Promise<StoredBlob> {
    const algorithm = verifiableAlgorithm(digest);
    const known = algorithm === this.#algorithm ? this.#hash : undefined;
    if (known !== undefined) {
      assertDigest(known.copy(), digest);
      verified?.();
    }
    if (this.#uploadID === undefined) await this.#storeWhole(digest, algorithm, known !== undefined);
    else await this.#complete(this.#uploadID, digest, algorithm, known !== undefined);
    if (known === undefined) verified?.();
    this.#dirty = false;
    if (this.#stored) await removeState(this.#options.client, this.#id);
    return { key: this.#id, size: this.#size };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.flush();
  }

  get #key(): string {
    return `blobs/${this.#id}`;
  }

  get #partSize(): number {
    const sent = this.#parts.length + this.#sending.length;
    return this.#options.partSize * 2 ** Math.floor(sent / PARTS_OF_ONE_SIZE);
  }

  /** Sends the tail as the next part; returns when few enough are on their way. */
  async #sendPart(): Promise<void> {
    const { client } = this.#options;
    this.#uploadID ??= await beginMultipart(client, this.#key);
    const number = this.#parts.length + this.#sending.length + 1;
    const body = Buffer.concat(this.#tail);
    this.#tail = [];
    this.#tailSize = 0;
    const sending = putPart(client, this.#key, this.#uploadID, number, body);
    // A failure is met where the part is waited for; until then it is nobody's unhandled rejection.
    sending.catch(() => undefined);
    this.#sending.push(sending);
    if (this.#sending.length > IN_FLIGHT) await this.#arrived();
  }

  async #arrived(): Promise<void> {
    const first = this.#sending.shift();
    if (first === undefined) return;
    try {
      this.#parts.push(await first);
    } catch (error) {
      await this.#cutOff();
      throw error;
    }
  }

  /** A part is missing: the upload ends before it, and whoever goes on sends again what came after. */
  async #cutOff(): Promise<void> {
    await Promise.allSettled(this.#sending.splice(0));
    this.#tail = [];
    this.#tailSize = 0;
    this.#size = sizeOfParts(this.#parts);
    this.#hash = undefined;
  }

  async #settle(): Promise<void> {
    while (this.#sending.length > 0) await this.#arrived();
  }

  async #storeWhole(digest: Digest, algorithm: DigestAlgorithm, verified: boolean): Promise<void> {
    const content = Buffer.concat(this.#tail);
    if (!verified) {
      const hash = await openHash(algorithm);
      hash.update(content);
      assertDigest(hash, digest);
    }
    await putObject(this.#options.client, this.#key, content);
  }

  /**
   * Parts cannot be read before they are an object. So where the hash is not known the object is made first and read
   * back; when it is not what was promised it goes again, and the session is left without bytes.
   */
  async #complete(
    uploadID: string,
    digest: Digest,
    algorithm: DigestAlgorithm,
    verified: boolean,
  ): Promise<void> {
    const { client } = this.#options;
    if (this.#tailSize > 0) await this.#sendPart();
    await this.#settle();
    await completeMultipart(client, this.#key, uploadID, this.#parts);
    if (verified) return;
    try {
      const hash = await openHash(algorithm);
      for await (const chunk of (await openObject(client, this.#key)) ?? []) hash.update(chunk as Buffer);
      assertDigest(hash, digest);
    } catch (error) {
      await removeObject(client, this.#key);
      await removeState(client, this.#id);
      await this.#forget();
      throw error;
    }
  }

  async #forget(): Promise<void> {
    this.#uploadID = undefined;
    this.#parts = [];
    this.#tail = [];
    this.#tailSize = 0;
    this.#size = 0;
    this.#hash = await openHash(this.#algorithm);
    this.#stored = false;
    this.#dirty = false;
  }
}
