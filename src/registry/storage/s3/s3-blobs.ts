import type { DigestAlgorithm } from "../../../spec/index.ts";
import { CortenError } from "../../../spec/index.ts";
import type { BlobStorage, BlobUpload, ByteRange, StoredFile } from "../blob-storage.ts";
import { RunningHashes } from "../running-hashes.ts";
import { abortMultipart, listMultiparts } from "./multipart.ts";
import { S3Client } from "./s3-client.ts";
import { listObjects, objectSize, openObject, removeObject } from "./s3-objects.ts";
import type { S3Options } from "./s3-options.ts";
import { S3Upload } from "./s3-upload.ts";
import { readState, removeState, stateSize } from "./upload-state.ts";

const MIB = 1024 * 1024;

/**
 * Blobs in a bucket of an S3-compatible service: `blobs/KEY`, and `uploads/ID` for what is not finished. Nothing is
 * ever copied or renamed, listing is left to the search for leftovers, and servers share a bucket freely.
 */
export class S3Blobs implements BlobStorage {
  readonly #client: S3Client;
  readonly #hashes = new RunningHashes();
  readonly #partSize: number;

  /** @throws invalid-argument naming the option */
  constructor(options: S3Options) {
    const { partSize = 8 * MIB } = options;
    if (partSize < 5 * MIB || partSize > 512 * MIB)
      throw new CortenError("invalid-argument", `s3: partSize is ${partSize}, not 5 MiB to 512 MiB`);
    if (!URL.canParse(options.endpoint) || !/^https?:/.test(options.endpoint))
      throw new CortenError(
        "invalid-argument",
        `s3: endpoint "${options.endpoint}" is not an http or https address`,
      );
    if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(options.bucket))
      throw new CortenError("invalid-argument", `s3: bucket "${options.bucket}" is not a bucket's name`);
    this.#client = new S3Client(options);
    this.#partSize = partSize;
  }

  async read(key: string, range: ByteRange): Promise<AsyncIterable<Uint8Array> | undefined> {
    // S3 has no range without bytes.
    if (range.end <= range.start) return (await this.size(key)) === undefined ? undefined : nothing();
    const response = await openObject(this.#client, blobKey(key), range);
    return response === undefined ? undefined : whole(response, key, range.end - range.start);
  }

  async size(key: string): Promise<number | undefined> {
    return (await objectSize(this.#client, blobKey(key))) ?? stateSize(this.#client, key);
  }

  async remove(key: string): Promise<void> {
    const finished = (await objectSize(this.#client, blobKey(key))) !== undefined;
    if (finished) await removeObject(this.#client, blobKey(key));
    const state = await readState(this.#client, key);
    if (finished && state === undefined) return;
    // A server that died before it stored a state has begun parts that only a listing shows.
    for await (const begun of listMultiparts(this.#client, blobKey(key)))
      if (begun.key === blobKey(key)) await abortMultipart(this.#client, begun.key, begun.uploadID);
    if (state !== undefined) await removeState(this.#client, key);
  }

  async *list(): AsyncGenerator<StoredFile, void, undefined> {
    yield* listObjects(this.#client, "blobs/");
    const seen = new Set<string>();
    for await (const state of listObjects(this.#client, "uploads/")) {
      seen.add(state.key);
      yield state;
    }
    for await (const { key, begun } of listMultiparts(this.#client, "blobs/")) {
      const name = key.slice("blobs/".length);
      if (!seen.has(name)) yield { key: name, size: 0, modified: begun };
      seen.add(name);
    }
  }

  openUpload(key: string, algorithm: DigestAlgorithm): Promise<BlobUpload> {
    return S3Upload.open(key, algorithm, {
      client: this.#client,
      hashes: this.#hashes,
      partSize: this.#partSize,
    });
  }

  async check(): Promise<void> {
    await this.#client.send({ method: "HEAD" });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.close();
  }
}

const blobKey = (key: string) => `blobs/${key}`;

async function* nothing(): AsyncGenerator<Uint8Array, void, undefined> {}

/** A body that ends early is an error: its reader must not take a piece for the whole. */
async function* whole(
  body: AsyncIterable<Uint8Array>,
  key: string,
  size: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let read = 0;
  for await (const chunk of body) {
    read += chunk.length;
    yield chunk;
  }
  if (read !== size)
    throw new CortenError("unavailable", `blob ${key}: the bucket sent ${read} bytes of ${size}`);
}
