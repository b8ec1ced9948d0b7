import type { ByteString } from "../archive/index.ts";
import { toByteString } from "../archive/index.ts";
import type { ErofsNode, ErofsReader } from "./erofs-reader.ts";

/** One layer to look through. */
export interface TreeLayer {
  readonly reader: ErofsReader;
  /** Paths of directories that hide what lower layers have below them. */
  readonly opaque: ReadonlySet<ByteString>;
}

/** One layer's occurrence of a merged file. */
interface Occurrence {
  readonly layer: TreeLayer;
  readonly node: ErofsNode;
}

/** A place in the merged tree: its path, and the occurrences that overlayfs would merge, the uppermost first. */
export interface Place {
  readonly path: ByteString;
  readonly occurrences: readonly [Occurrence, ...Occurrence[]];
}

/** As many symbolic links in one path as the kernel follows. */
const MAX_LINKS = 40;

/** The tree that overlayfs shows of several layers, for reading a file or two before there is a mount. */
export class MergedTree {
  /** undefined for the tree of no layers. */
  readonly #root: Place | undefined;

  /** @param layers the lowest first, as an image lists them */
  constructor(layers: readonly TreeLayer[]) {
    const occurrences: Occurrence[] = [];
    for (const layer of [...layers].reverse()) {
      occurrences.push({ layer, node: layer.reader.node(layer.reader.root) });
      if (layer.opaque.has("")) break;
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
    return top?.node.type === "file" ? top.layer.reader.content(top.node.number, limit) : undefined;
  }

  /** The names in a directory and what they mean, whiteouts applied. */
  *children(directory: Place): Generator<readonly [name: ByteString, place: Place]> {
    const seen = new Set([".", ".."]);
    for (const { layer, node } of directory.occurrences) {
      for (const { name } of layer.reader.entries(node.number)) {
        if (seen.has(name)) continue;
        seen.add(name);
        const place = lookUp(directory, name);
        if (place !== undefined) yield [name, place];
      }
    }
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
      if (top.node.type !== "symlink") {
        trail.push(child);
        continue;
      }
      if (++links > MAX_LINKS) return undefined;
      const target = top.layer.reader.content(top.node.number, 4096).toString("latin1");
      if (target.startsWith("/")) trail.splice(1);
      left.push(...target.split("/").reverse());
    }
    return trail.at(-1);
  }
}

function lookUp(directory: Place, name: ByteString): Place | undefined {
  const path = directory.path === "" ? name : `${directory.path}/${name}`;
  const occurrences: Occurrence[] = [];
  for (const { layer, node } of directory.occurrences) {
    if (node.type !== "directory") break;
    const number = layer.reader.find(node.number, name);
    if (number === undefined) continue;
    const child = layer.reader.node(number);
    if (child.type === "whiteout") break;
    // Only directories merge: anything else hides what is below it, and below a directory it hides nothing more.
    if (occurrences.length > 0 && child.type !== "directory") break;
    occurrences.push({ layer, node: child });
    if (child.type !== "directory" || layer.opaque.has(path)) break;
  }
  const [first, ...rest] = occurrences;
  return first === undefined ? undefined : { path, occurrences: [first, ...rest] };
}
