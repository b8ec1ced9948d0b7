import { statSync } from "node:fs";
import { join } from "node:path";
import type { Digest } from "../spec/index.ts";
import { isCortenError } from "../spec/index.ts";
import type { Blobs } from "./blobs.ts";
import { listBlobs, namesIn } from "./collect.ts";
import { loadDigestFunction } from "./content-hash.ts";
import type { Database } from "./database.ts";
import type { Root } from "./graph.ts";
import { ReachableBlobs } from "./graph.ts";
import { markReplacements } from "./replaced.ts";

/** What a content directory takes on disk. */
export interface ContentUsage {
  /** Bytes on disk of each blob, which a hole or a compressing file system makes fewer than its length. */
  readonly blobs: ReadonlyMap<Digest, number>;
  /** Bytes on disk of what interrupted and running pulls have so far. */
  readonly partials: number;
}

export function contentUsage(directory: string, blobs: Blobs): ContentUsage {
  const sizes = listBlobs(directory).map((digest) => [digest, bytesOnDisk(blobs.path(digest))] as const);
  const ingest = join(directory, "ingest");
  return {
    blobs: new Map(sizes),
    partials: namesIn(ingest).reduce((sum, name) => sum + bytesOnDisk(join(ingest, name)), 0),
  };
}

/**
 * The blobs that `root` leads to, in the store or not, itself among them, and the archives that are here for packed layers. Below a document that is damaged nothing is
 * known, which must not keep the others from being looked at.
 */
export async function reachableFrom(
  database: Database,
  blobs: Blobs,
  root: Root,
): Promise<ReadonlySet<Digest>> {
  const found = new ReachableBlobs(blobs, await loadDigestFunction());
  try {
    found.add(root);
    markReplacements(database, blobs, found);
  } catch (error) {
    if (!isCortenError(error, "data-loss")) throw error;
  }
  return found.digests;
}

function bytesOnDisk(file: string): number {
  return (statSync(file, { throwIfNoEntry: false })?.blocks ?? 0) * 512;
}
