import type { ByteString, ErofsImage, FileBelow } from "../archive/index.ts";
import { toByteString } from "../archive/index.ts";

/** A place in the merged tree: its path, and the occurrences that overlayfs would merge, the uppermost first. */
export interface Place {
  readonly path: ByteString;
  readonly occurrences: readonly [FileBelow, ...FileBelow[]];
}

/** As many symbolic links in one path as the kernel follows. */
const MAX_LINKS = 40;

/** The longest target of a symbolic link. */
const MAX_TARGET = 4095;

/** The tree that overlayfs shows of several layers, for reading a file or two before there is a mount. */
export class MergedTree {
  /** undefined for the tree of no layers. */
  readonly #root: Place | undefined;

  /** @param layers the lowest first, as an image lists them */
  constructor(layers: readonly ErofsImage[]) {
    const occurrences: FileBelow[] = [];
    for (const image of [...layers].reverse()) {
      occurrences.push({ image, file: image.root });
      if (image.root.opaque) break;
    }
    const [first, ...rest] = occurrences;
    this.#root = first === undefined ? undefined : { path: "", occurrences: [first, ...rest] };
  }

  /**
   * The content of a regular file, at most `limit` bytes; undefined when there is none at `path`. Symbolic links are
   * followed inside the tree and never out of it.
   */
  readFile(path: string, limit: number): Buffer | undefined {
    const top = this.resolve(path)?.occurrences[0];
    return top?.file.type === "file" ? top.image.readStart(top.file, limit) : undefined;
  }

  /** The names in a directory and what they mean, whiteouts applied. */
  *children(directory: Place): Generator<readonly [name: ByteString, place: Place]> {
    const seen = new Set<ByteString>();
    for (const { image, file } of directory.occurrences) {
      for (const [name] of image.list(file)) {
        if (seen.has(name)) continue;
        seen.add(name);
        const place = lookUp(directory, name);
        if (place !== undefined) yield [name, place];
      }
    }
  }

  /** What is at `path`, the root's being empty; symbolic links are not followed, wherever they stand. */
  lookup(path: ByteString): FileBelow | undefined {
    let place = this.#root;
    for (const name of path === "" ? [] : path.split("/")) place = place && lookUp(place, name);
    return place?.occurrences[0];
  }

  /** What is at `path`, symbolic links followed inside the tree; undefined when nothing is. */
  resolve(path: string): Place | undefined {
    if (this.#root === undefined) return undefined;
    const trail: Place[] = [this.#root];
    const left = toByteString(path).split("/").reverse();
    let links = 0;
    for (let name = left.pop(); name !== undefined; name = left.pop()) {
      if (name === "" || name === ".") continue;
      if (name === "..") {
        if (trail.length > 1) trail.pop();
        continue;
      }
      const child = lookUp(trail.at(-1)!, name);
      if (child === undefined) return undefined;
      const top = child.occurrences[0];
      if (top.file.type !== "symlink") {
        trail.push(child);
        continue;
      }
      if (++links > MAX_LINKS) return undefined;
      const target = top.image.readStart(top.file, MAX_TARGET).toString("latin1");
      if (target.startsWith("/")) trail.splice(1);
      left.push(...target.split("/").reverse());
    }
    return trail.at(-1);
  }
}

function lookUp(directory: Place, name: ByteString): Place | undefined {
  const path = directory.path === "" ? name : `${directory.path}/${name}`;
  const occurrences: FileBelow[] = [];
  for (const { image, file } of directory.occurrences) {
    if (file.type !== "directory") break;
    const child = image.lookup(file, name);
    if (child === undefined) continue;
    if (child.whiteout) break;
    // Only directories merge: anything else hides what is below it, and below a directory it hides nothing more.
    if (occurrences.length > 0 && child.type !== "directory") break;
    occurrences.push({ image, file: child });
    if (child.type !== "directory" || child.opaque) break;
  }
  const [first, ...rest] = occurrences;
  return first === undefined ? undefined : { path, occurrences: [first, ...rest] };
}
