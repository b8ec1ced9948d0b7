import { readdir } from "node:fs/promises";
import { basename, join, relative } from "node:path";
import { CortenError } from "../../spec/index.ts";
import type { DiskPlace } from "../../transport/index.ts";

const MAX_DIRECTORIES = 100_000;

/** An image of a tree of `dir:` places. */
export interface DirectoryImage {
  readonly place: DiskPlace & { readonly kind: "directory" };
  /** The path below the tree's top, which is the image's name with its tag; its own name where it is the top itself. */
  readonly name: string;
}

/**
 * The images below a directory: each in a directory with a `manifest.json`, as `sync` writes them. Symbolic links are
 * not followed.
 *
 * @throws not-found when there is no such directory or no image in it
 */
export async function findDirectoryImages(top: string): Promise<readonly DirectoryImage[]> {
  const found: DirectoryImage[] = [];
  const stack = [top];
  let visited = 0;
  for (let path = stack.pop(); path !== undefined; path = stack.pop()) {
    visited++;
    if (visited > MAX_DIRECTORIES) {
      throw new CortenError("resource-exhausted", `${top} has more than ${MAX_DIRECTORIES} directories`);
    }
    const entries = await readdir(path, { withFileTypes: true }).catch((cause) => {
      const { code } = cause as NodeJS.ErrnoException;
      throw new CortenError("not-found", `cannot read the directory ${path}: ${code}`, { cause });
    });
    if (entries.some((entry) => entry.name === "manifest.json" && entry.isFile())) {
      const name = relative(top, path) || basename(path);
      found.push({ place: { kind: "directory", path }, name });
      continue;
    }
    const below = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
    stack.push(
      ...below
        .sort()
        .reverse()
        .map((name) => join(path, name)),
    );
  }
  if (found.length > 0) return found;
  throw new CortenError("not-found", `there is no image below ${top}`, {
    hint: "each image is a directory with a manifest.json",
  });
}
