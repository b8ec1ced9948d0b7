import type { ByteString, LayerDirectory, NodeAttributes } from "../archive/index.ts";

/** What the fix-up needs to know of one layer. */
export interface StackedLayer {
  readonly directories: readonly LayerDirectory[];
  readonly whiteouts: readonly ByteString[];
  /** True when the layer has something at `path` that is no directory; whiteouts may count or not. */
  hasOtherFile(path: ByteString): boolean;
}

/**
 * The attributes that overlayfs would show wrongly.
 *
 * A layer may name `a/b/file` without naming `a/b`: the directory is implied, and whoever unpacks the layers one
 * over the other keeps the owner, mode and times that `a/b` has from below. In an image of its own the layer has to
 * make the directory up, and overlayfs shows the attributes of the uppermost one. So for each merged directory
 * whose uppermost occurrence is implied while a lower one that is still visible is not, the lower one's attributes
 * are the right ones; a further image on top that holds only these directories brings them back.
 *
 * @param layers the lowest first
 * @returns the directories of that further image with the right attributes, all their parents among them; empty
 *   when none is needed
 */
export function findFixUps(layers: readonly StackedLayer[]): Map<ByteString, NodeAttributes> {
  const top = [...layers].reverse().map((layer) => new IndexedLayer(layer));
  const wrong: ByteString[] = [];
  const seen = new Set<ByteString>();
  for (const [depth, layer] of top.entries()) {
    for (const { path, implied } of layer.source.directories) {
      if (seen.has(path)) continue;
      seen.add(path);
      // A directory of a lower layer that an upper one hides is not shown at all.
      if (!implied || !isVisible(top.slice(0, depth), path)) continue;
      if (describing(top.slice(depth), path) !== undefined) wrong.push(path);
    }
  }
  const fixes = new Map<ByteString, NodeAttributes>();
  for (const path of wrong) {
    for (const place of withParents(path)) {
      if (!fixes.has(place)) fixes.set(place, merged(top, place));
    }
  }
  return fixes;
}

class IndexedLayer {
  readonly source: StackedLayer;
  readonly #directories: Map<ByteString, LayerDirectory>;
  readonly #whiteouts: Set<ByteString>;

  constructor(source: StackedLayer) {
    this.source = source;
    this.#directories = new Map(source.directories.map((directory) => [directory.path, directory]));
    this.#whiteouts = new Set(source.whiteouts);
  }

  directory(path: ByteString): LayerDirectory | undefined {
    return this.#directories.get(path);
  }

  /**
   * True when what lower layers have at `path` does not show through this one. An opaque directory hides what is
   * below it, not itself: `.wh..wh..opq` deletes the siblings of that name and leaves their directory its attributes.
   */
  hides(path: ByteString): boolean {
    for (const place of withParents(path)) {
      if (place !== path && this.#directories.get(place)?.opaque === true) return true;
      if (this.#whiteouts.has(place)) return true;
      if (this.#directories.get(place) === undefined && this.source.hasOtherFile(place)) return true;
    }
    return false;
  }
}

function isVisible(above: readonly IndexedLayer[], path: ByteString): boolean {
  return !above.some((layer) => layer.hides(path));
}

/** The uppermost entry that describes `path`, as far down as the layers let it show through. */
function describing(layers: readonly IndexedLayer[], path: ByteString): LayerDirectory | undefined {
  for (const layer of layers) {
    const directory = layer.directory(path);
    if (directory?.implied === false) return directory;
    if (layer.hides(path)) return undefined;
  }
  return undefined;
}

function merged(layers: readonly IndexedLayer[], path: ByteString): NodeAttributes {
  const first = layers.findIndex((layer) => layer.directory(path) !== undefined);
  const { mode, uid, gid, mtime, xattrs } =
    describing(layers.slice(Math.max(first, 0)), path) ?? layers[first]!.directory(path)!;
  return { mode, uid, gid, mtime, xattrs };
}

/** The path and those above it, the root first. */
function withParents(path: ByteString): ByteString[] {
  const places = [""];
  for (let at = path.indexOf("/"); at >= 0; at = path.indexOf("/", at + 1)) places.push(path.slice(0, at));
  if (path !== "") places.push(path);
  return places;
}
