import type { Digest } from "../../spec/index.ts";
import { CortenError, parseDigest, splitDigest } from "../../spec/index.ts";

/** The file that skopeo's `dir:` transport looks for, with its version. */
export const VERSION_FILE = "version";
export const VERSION_TEXT = "Directory Transport Version: 1.1\n";
/** The image's own manifest or index. */
export const ROOT_FILE = "manifest.json";

/** The file of a blob: its digest without the algorithm, which is always sha256 there. */
export function blobFile(digest: Digest): string {
  const [algorithm, encoded] = splitDigest(parseDigest(digest));
  if (algorithm === "sha256") return encoded;
  throw new CortenError(
    "unimplemented",
    `a dir: place cannot hold ${digest}: only sha256 has a file name there`,
  );
}

/** The file of a manifest that an index lists. */
export function manifestFile(digest: Digest): string {
  return `${blobFile(digest)}.manifest.json`;
}
