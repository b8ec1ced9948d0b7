import { randomUUID } from "node:crypto";
import type { Digest } from "../../spec/index.ts";
import { CortenError, MediaType, verifiableAlgorithm } from "../../spec/index.ts";
import type { RegistryRepository } from "../../transport/index.ts";
import type { Metadata } from "../metadata/metadata.ts";
import type { BlobStorage } from "../storage/blob-storage.ts";
import { LiveCopy } from "./live-copy.ts";

/** Where a blob comes from and goes to. */
export interface DownloadOptions {
  readonly from: RegistryRepository;
  readonly metadata: Metadata;
  readonly blobs: BlobStorage;
  /** The repository here. */
  readonly repository: string;
  readonly digest: Digest;
  readonly size: number;
  /** Largest blob that is stored. */
  readonly maxSize: number;
}

/** A blob on its way: who asked for it first reads along, others wait until it is stored. */
export interface BlobDownload {
  readonly content: AsyncIterable<Uint8Array>;
  /** Resolves when the blob is one of the repository's; its failure is also that of {@link content}. */
  readonly stored: Promise<void>;
}

/**
 * Fetches a blob into storage. It goes on when the client that wanted it goes away. What a killed server leaves is an
 * upload that nobody goes on with, which expires.
 *
 * @throws (by `stored`) data-loss when the bytes are not what the digest names
 */
export function downloadBlob(options: DownloadOptions): BlobDownload {
  const live = new LiveCopy();
  const stored = storeBlob(options, live).then(
    () => live.end(),
    (error) => {
      live.fail(error);
      throw error;
    },
  );
  return { content: live.read(), stored };
}

/**
 * Fetches a blob into storage and makes it one of the repository's.
 *
 * @param live who reads along
 * @throws data-loss when the bytes are not what the digest names; resource-exhausted when there are too many
 */
export async function storeBlob(options: DownloadOptions, live?: LiveCopy): Promise<void> {
  const { from, metadata, blobs, repository, digest, size, maxSize } = options;
  if (size > maxSize) {
    throw new CortenError(
      "resource-exhausted",
      `blob ${digest} of ${from.name} has ${size} bytes, more than ${maxSize}`,
    );
  }
  const id = randomUUID();
  const algorithm = verifiableAlgorithm(digest);
  await metadata.beginUpload({ id, repository, owner: "an upstream", algorithm, touched: Date.now() });
  try {
    await using upload = await blobs.openUpload(id, algorithm);
    let received = 0;
    let held: Uint8Array | undefined;
    for await (const chunk of await from.blob({ mediaType: MediaType.layer, digest, size })) {
      received += chunk.length;
      if (received > size)
        throw new CortenError("data-loss", `blob ${digest} of ${from.name} is longer than ${size} bytes`);
      // The last chunk is kept back until all is verified: no reader sees the whole of something else.
      if (held !== undefined) await live?.write(held);
      held = chunk;
      await upload.append(chunk);
    }
    // Who reads along does not wait for the disk: an answer promises nothing about what this registry keeps.
    const stored = await upload.finish(digest, () => {
      if (held !== undefined) live?.writeLast(held);
    });
    await metadata.addBlob(repository, digest, stored, id);
  } catch (error) {
    await metadata.endUpload(id);
    throw error;
  }
}
