import { CortenError } from "../spec/index.ts";
import type { ByteString } from "./byte-string.ts";
import { quoteName } from "./byte-string.ts";
import type { StoredContent } from "./erofs-content.ts";
import { NAME_MAX, readBaseName, splitPath } from "./layer-path.ts";
import { layerXattrs, OPAQUE_VALUE, OPAQUE_XATTR } from "./overlay-xattr.ts";
import type { TarEntry, TarTime } from "./tar-entry.ts";
import { NO_XATTRS } from "./tar-entry.ts";
import type { DirectoryNode, NodeAttributes, TreeNode } from "./tree.ts";

const EPOCH: TarTime = { seconds: 0, nanoseconds: 0 };

/** The kernel follows as many symbolic links in one path. */
const SYMLINKS_MAX = 40;

/** The whiteout of overlayfs is a character device 0/0; one inode with many names serves a layer. */
function makeWhiteout(): TreeNode {
  return {
    type: "char-device",
    mode: 0,
    uid: 0,
    gid: 0,
    mtime: EPOCH,
    xattrs: NO_XATTRS,
    major: 0,
    minor: 0,
  };
}

/** A directory of a layer while entries still arrive. */
export class LayerDirectoryNode implements DirectoryNode {
  readonly type = "directory";
  readonly children = new Map<ByteString, TreeNode>();
  readonly parent: LayerDirectoryNode | undefined;
  mode = 0o755;
  uid = 0;
  gid = 0;
  mtime: TarTime = EPOCH;
  xattrs: ReadonlyMap<ByteString, Uint8Array> = NO_XATTRS;
  /** True while no entry has described it: the archive only named something below it. */
  implied = true;
  /** True when it hides what lower layers have below it. */
  opaque = false;
  /** Names below it that hide what lower layers have. */
  readonly whiteouts = new Set<ByteString>();

  constructor(parent: LayerDirectoryNode | undefined) {
    this.parent = parent;
  }
}

/**
 * The tree that one layer describes (image-spec, layer.md). It exists in memory only, so that no
 * name in a layer can reach the host: symbolic links are followed inside this tree, as the engines
 * that unpack to disk follow them inside the root they unpack to. The order of entries decides which
 * of two equal names remains; whiteouts apply to lower layers wherever they stand.
 */
export class LayerTree {
  readonly root = new LayerDirectoryNode(undefined);
  /** Names of attributes that no image can hold, for the caller to report. */
  readonly droppedXattrs = new Set<ByteString>();
  readonly #nodeLimit: number;
  #nodes = 1;

  constructor(nodeLimit: number) {
    this.#nodeLimit = nodeLimit;
  }

  /** The attributes under which the content of `entry` will be stored. */
  attributes(entry: TarEntry): NodeAttributes {
    const { mode, uid, gid, mtime } = entry;
    const xattrs = layerXattrs(entry.xattrs, (name) => {
      // Names are the attacker's; the set is for a message and need not hold all of them.
      if (this.droppedXattrs.size < 16) this.droppedXattrs.add(name);
    });
    return { mode, uid, gid, mtime, xattrs };
  }

  /** True when `entry` is a file whose content belongs to the layer, not a whiteout. */
  wantsContent(entry: TarEntry): boolean {
    if (entry.type !== "file") return false;
    const base = splitPath(entry.path).at(-1);
    return base !== undefined && readBaseName(base).kind === "file";
  }

  /**
   * Applies one entry.
   *
   * @param content of a file for which {@link wantsContent} is true
   * @throws invalid-argument on an entry that makes no sense, naming it and its byte offset
   */
  apply(entry: TarEntry, attributes: NodeAttributes, content: StoredContent | undefined): void {
    const components = splitPath(entry.path);
    const base = components.pop();
    if (base === undefined) {
      // A layer whose root is a symbolic link made umoci write to the host (CVE-2021-29136).
      if (entry.type !== "directory") throw refuse(entry, `makes the root a ${entry.type}`);
      describe(this.root, attributes);
      return;
    }
    if (components.some((name) => readBaseName(name).kind === "aufs")) return;
    const directory = this.#walk(components, entry);
    const meaning = readBaseName(base);
    if (meaning.kind === "aufs") return;
    if (meaning.kind === "opaque") directory.opaque = true;
    else if (meaning.kind === "whiteout") {
      const { name } = meaning;
      if (name === "" || name === "." || name === "..") throw refuse(entry, "is a whiteout of no name");
      if (!directory.whiteouts.has(name)) this.#count(entry);
      directory.whiteouts.add(name);
    } else {
      checkLength(base, entry);
      this.#put(directory, base, entry, attributes, content);
    }
  }

  #put(
    directory: LayerDirectoryNode,
    base: ByteString,
    entry: TarEntry,
    attributes: NodeAttributes,
    content: StoredContent | undefined,
  ): void {
    const existing = directory.children.get(base);
    if (entry.type === "directory") {
      if (existing instanceof LayerDirectoryNode) {
        describe(existing, attributes);
        return;
      }
      const made = new LayerDirectoryNode(directory);
      describe(made, attributes);
      this.#set(directory, base, made, entry);
      return;
    }
    if (entry.type === "hardlink") {
      const target = this.#linkTarget(entry);
      if (target !== existing) this.#set(directory, base, target, entry);
      return;
    }
    this.#set(directory, base, makeNode(entry, attributes, content), entry);
  }

  #set(directory: LayerDirectoryNode, base: ByteString, node: TreeNode, entry: TarEntry): void {
    this.#count(entry);
    directory.children.set(base, node);
  }

  #count(entry: TarEntry): void {
    if (++this.#nodes > this.#nodeLimit) {
      throw new CortenError(
        "resource-exhausted",
        `layer entry ${quoteName(entry.path)} at byte ${entry.offset}: layer has more than ${this.#nodeLimit} files`,
        { hint: 'if the image is trusted, raise the limit "entries"' },
      );
    }
  }

  /**
   * The directory that the components lead to; missing ones are made. A symbolic link among them is
   * followed inside the tree: that is what containerd, Docker and umoci do inside the root file
   * system, and layers of distributions with `lib -> usr/lib` depend on it.
   */
  #walk(components: readonly ByteString[], entry: TarEntry): LayerDirectoryNode {
    return this.#follow(components, entry, (directory, name) => {
      checkLength(name, entry);
      this.#count(entry);
      const made = new LayerDirectoryNode(directory);
      directory.children.set(name, made);
      return made;
    })!;
  }

  #follow(
    components: readonly ByteString[],
    entry: TarEntry,
    missing: (directory: LayerDirectoryNode, name: ByteString) => LayerDirectoryNode | undefined,
  ): LayerDirectoryNode | undefined {
    let current: LayerDirectoryNode = this.root;
    let links = 0;
    // A stack with the next component on top; a link's target goes on top of what is left.
    const left = [...components].reverse();
    for (let name = left.pop(); name !== undefined; name = left.pop()) {
      if (name === "" || name === ".") continue;
      if (name === "..") {
        current = current.parent ?? current;
        continue;
      }
      const child = current.children.get(name);
      if (child instanceof LayerDirectoryNode) current = child;
      else if (child === undefined) {
        const made = missing(current, name);
        if (made === undefined) return undefined;
        current = made;
      } else if (child.type === "symlink") {
        if (++links > SYMLINKS_MAX) throw refuse(entry, "leads through too many symbolic links");
        if (child.target.startsWith("/")) current = this.root;
        for (const part of child.target.split("/").reverse()) left.push(part);
      } else throw refuse(entry, `lies below ${quoteName(name)}, which is a ${child.type}`);
    }
    return current;
  }

  /** The file that a hard link names; its own last component is not followed, as by link(2). */
  #linkTarget(entry: TarEntry): TreeNode {
    const components = splitPath(entry.linkPath);
    const base = components.pop();
    const directory = base === undefined ? undefined : this.#follow(components, entry, () => undefined);
    const target = base === undefined ? this.root : directory?.children.get(base);
    if (target === undefined) {
      throw new CortenError(
        "invalid-argument",
        `layer entry ${quoteName(entry.path)} at byte ${entry.offset} is a hard link to ${quoteName(entry.linkPath)}, which is not in this layer`,
        { hint: "a hard link cannot reach into another layer: build the layer with the file itself in it" },
      );
    }
    if (target.type === "directory") throw refuse(entry, `is a hard link to a directory`);
    return target;
  }

  /**
   * Turns whiteouts and opaque marks into what overlayfs understands; nothing can be applied
   * afterwards. One visit for each directory: a layer with 100,000 opaque marks is no more work
   * than one with as many files (CVE-2026-95838).
   *
   * @returns every directory with its path (the root's is empty), parents first
   */
  seal(): (readonly [path: ByteString, directory: LayerDirectoryNode])[] {
    const found: [ByteString, LayerDirectoryNode][] = [["", this.root]];
    const whiteout = makeWhiteout();
    for (let i = 0; i < found.length; i++) {
      const [path, directory] = found[i]!;
      for (const name of directory.whiteouts) {
        const child = directory.children.get(name);
        // The layer's own file of that name hides the lower one; a directory would be merged with it.
        if (child instanceof LayerDirectoryNode) child.opaque = true;
        // In an opaque directory there is nothing left to hide, and overlayfs would list the device.
        else if (child === undefined && !directory.opaque) directory.children.set(name, whiteout);
      }
      if (directory.opaque) {
        directory.xattrs = new Map([...directory.xattrs, [OPAQUE_XATTR, OPAQUE_VALUE]]);
      }
      for (const [name, child] of directory.children) {
        if (child instanceof LayerDirectoryNode) found.push([path === "" ? name : `${path}/${name}`, child]);
      }
    }
    return found;
  }
}

function describe(directory: LayerDirectoryNode, attributes: NodeAttributes): void {
  directory.mode = attributes.mode;
  directory.uid = attributes.uid;
  directory.gid = attributes.gid;
  directory.mtime = attributes.mtime;
  directory.xattrs = attributes.xattrs;
  directory.implied = false;
}

function makeNode(entry: TarEntry, attributes: NodeAttributes, content: StoredContent | undefined): TreeNode {
  switch (entry.type) {
    case "file":
      if (content === undefined) throw new CortenError("internal", `no content for ${quoteName(entry.path)}`);
      return { type: "file", ...attributes, content };
    case "symlink":
      if (entry.linkPath.length >= 4096) throw refuse(entry, "has a target longer than Linux allows");
      return { type: "symlink", ...attributes, target: entry.linkPath };
    case "char-device":
    case "block-device": {
      const { deviceMajor: major, deviceMinor: minor } = entry;
      if (major > 0xfff || minor > 0xf_ffff) {
        throw refuse(entry, `has the device number ${major}:${minor}, which Linux does not have`);
      }
      return { type: entry.type, ...attributes, major, minor };
    }
    case "fifo":
      return { type: "fifo", ...attributes };
    default:
      throw new CortenError("internal", `entry type ${entry.type} makes no file`);
  }
}

function checkLength(name: ByteString, entry: TarEntry): void {
  if (name.length > NAME_MAX)
    throw refuse(entry, `has a component of ${name.length} bytes, more than ${NAME_MAX}`);
  // A directory called `.wh.x` would be a file here and a whiteout to other readers.
  if (name.startsWith(".wh.")) throw refuse(entry, "has a whiteout for a directory");
}

function refuse(entry: TarEntry, problem: string): CortenError {
  return new CortenError(
    "invalid-argument",
    `layer entry ${quoteName(entry.path)} at byte ${entry.offset} ${problem}`,
  );
}
