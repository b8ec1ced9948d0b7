import { mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import type { Digest } from "../spec/index.ts";
import { isCortenError, MediaType, splitDigest } from "../spec/index.ts";
import type { Blobs } from "./blobs.ts";
import { hasherOf, matches } from "./blobs.ts";
import { explainFile } from "./file-error.ts";

/**
 * Hashes a blob's file again. Undefined: it is right, or gone meanwhile, or its algorithm is not one that can be verified.
 *
 * @returns what is wrong with it
 */
export async function examineBlob(
  blobs: Blobs,
  digest: Digest,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const size = blobs.size(digest);
  if (size === undefined) return undefined;
  try {
    const hash = await hasherOf(digest);
    const call = signal === undefined ? {} : { signal };
    for await (const chunk of blobs.open({ mediaType: MediaType.empty, digest, size }, call))
      hash.update(chunk);
    return matches(hash, digest) ? undefined : "has other content than its digest says";
  } catch (error) {
    if (isCortenError(error, "unimplemented") || blobs.size(digest) === undefined) return undefined;
    if (error instanceof Error && isUnreadable(error)) return `cannot be read: ${error.message}`;
    throw error;
  }
}

/** Takes a damaged blob out of the content, for people to look at. One rename: it is here or there. */
export function quarantineBlob(root: string, blobs: Blobs, digest: Digest): string | undefined {
  const directory = join(root, "quarantine");
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, splitDigest(digest).join("-"));
  try {
    renameSync(blobs.path(digest), path);
    return path;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw explainFile(error, `cannot put ${blobs.path(digest)} aside`);
  }
}

/** The disk itself is damaged, which is worth telling and no reason to stop. */
function isUnreadable(error: Error): boolean {
  const { code } = (error.cause ?? error) as NodeJS.ErrnoException;
  return code === "EIO" || code === "EBADMSG" || code === "EUCLEAN";
}
