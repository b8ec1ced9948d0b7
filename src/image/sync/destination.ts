import { join, posix } from "node:path";
import { parseReference } from "../../spec/index.ts";
import type { Place } from "../../transport/index.ts";

/** Where a sync writes to: below a name in a registry, a directory for each image, or one layout. */
export interface SyncDestination {
  readonly kind: "docker" | "dir" | "oci";
  /** A registry with a path or not, or a directory. */
  readonly base: string;
  /** Keep the whole name of the source, registry and path included, so that equal names do not meet. */
  readonly scoped: boolean;
}

/**
 * Where an image goes, as skopeo decides it.
 *
 * @param name the image's name at the source, with its tag or digest
 * @throws invalid-argument when that is no name in a registry
 */
export function destinationOf({ kind, base, scoped }: SyncDestination, name: string): Place {
  const suffix = scoped ? name : posix.basename(name);
  if (kind === "docker") return { kind: "registry", reference: parseReference(posix.join(base, suffix)) };
  if (kind === "oci") return { kind: "layout", path: base, ref: suffix };
  return { kind: "directory", path: join(base, suffix) };
}
