import type { Metadata } from "../metadata/metadata.ts";
import type { BlobStorage } from "../storage/blob-storage.ts";

/**
 * Removes bytes that no row knows of, which a server left that died between bytes and rows. A key that is unknown now
 * stays so, as the row of an upload comes before its first byte; the age is a further guard.
 *
 * @param before files changed later are left alone, in milliseconds since 1970
 * @returns how many went
 */
export async function removeUnknownFiles(
  metadata: Metadata,
  blobs: BlobStorage,
  before: number,
  signal?: AbortSignal,
): Promise<number> {
  let removed = 0;
  for await (const { key, modified } of blobs.list()) {
    signal?.throwIfAborted();
    if (modified >= before || !(await metadata.isUnknown(key))) continue;
    await blobs.remove(key);
    removed++;
  }
  return removed;
}
