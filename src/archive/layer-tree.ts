import { CortenError } from "../spec/index.ts";
import type { ByteString } from "./byte-string.ts";
import { quoteName } from "./byte-string.ts";
import type { StoredContent } from "./erofs-content.ts";
import { LayerDirectoryNode } from "./layer-directory.ts";
import { refuseEntry } from "./layer-fault.ts";
import type { BorrowedFile } from "./layer-node.ts";
import { makeNode, makeWhiteout, nodeBelow } from "./layer-node.ts";
import { NAME_MAX, readBaseName, splitPath } from "./layer-path.ts";
import type { FileBelow, LayersBelow } from "./layers-below.ts";
import { layerXattrs, OPAQUE_VALUE, OPAQUE_XATTR } from "./overlay-xattr.ts";
import type { TarEntry } from "./tar-entry.ts";
import type { NodeAttributes, TreeNode } from "./tree.ts";

/** What stands in the way of a path: no directory, and no link to one. */
interface Obstacle {
  readonly name: ByteString;
  readonly type: TreeNode["type"];
}

/** The kernel follows as many symbolic links in one path. */
const SYMLINKS_MAX = 40;

/**
 * The tree that one layer describes (image-spec, layer.md). It exists in memory only, so that no
 * name in a layer can reach the host: symbolic links are followed inside this tree, as the engines
 * that unpack to disk follow them inside the root they unpack to. The order of entries decides which
 * of two equal names remains; whiteouts apply to lower layers wherever they stand.
 */
export class LayerTree {
  readonly root = new LayerDirectoryNode(undefined, "");
  /** Files of lower layers whose content has to be copied before the tree is written. */
  readonly borrowed: BorrowedFile[] = [];
  /** Names of attributes that no image can hold, for the caller to report. */
  readonly droppedXattrs = new Set<ByteString>();
  /** Names that were looked at so far: what the layer has cost. */
  looked = 0;
  readonly #nodeLimit: number;
  readonly #below: LayersBelow | undefined;
  /** What was looked up in lower layers: thousands of entries may lie below one link. */
  readonly #known = new Map<ByteString, FileBelow | undefined>();
  #nodes = 1;

  /** @param below the layers it is unpacked upon; without them, as if there were none */
  constructor(nodeLimit: number, below?: LayersBelow) {
    this.#nodeLimit = nodeLimit;
    this.#below = below;
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
    const base = splitPath(entry.path)?.at(-1);
    return base !== undefined && readBaseName(base).kind === "file";
  }

  /**
   * Applies one entry.
   *
   * @param content of a file for which {@link wantsContent} is true
   * @throws invalid-argument on an entry that makes no sense, naming it and its byte offset;
   * failed-precondition on a hard link into another layer when no lower layers are known
   */
  apply(entry: TarEntry, attributes: NodeAttributes, content: StoredContent | undefined): void {
    const components = splitPath(entry.path);
    if (components === undefined) throw refuseEntry(entry, "climbs out of the root with its ..");
    const base = components.pop();
    if (base === undefined) {
      // A layer whose root is a symbolic link made umoci write to the host (CVE-2021-29136).
      if (entry.type !== "directory") throw refuseEntry(entry, `makes the root a ${entry.type}`);
      this.root.describe(attributes);
      return;
    }
    if (components.some((name) => readBaseName(name).kind === "aufs")) return;
    const meaning = readBaseName(base);
    if (meaning.kind === "aufs") return;
    const found = this.#walk(components, entry);
    if (!(found instanceof LayerDirectoryNode)) {
      // umoci lists the files of a directory as deleted although its name is a file's now; containerd and umoci
      // itself find nothing to delete there.
      if (meaning.kind !== "file") return;
      throw refuseEntry(entry, `lies below ${quoteName(found.name)}, which is a ${found.type}`);
    }
    const directory = found;
    if (meaning.kind === "opaque") directory.opaque = true;
    else if (meaning.kind === "whiteout") {
      const { name } = meaning;
      if (name === "" || name === "." || name === "..") throw refuseEntry(entry, "is a whiteout of no name");
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
        existing.describe(attributes);
        return;
      }
      const made = new LayerDirectoryNode(directory, base);
      made.describe(attributes);
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
    directory.borrowed.delete(base);
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
   * system, and layers of distributions with `lib -> usr/lib` depend on it. So do links of lower
   * layers, which show through where this one has nothing.
   */
  #walk(components: readonly ByteString[], entry: TarEntry): LayerDirectoryNode | Obstacle {
    return this.#follow(components, entry, (directory, name) => this.#makeDirectory(directory, name, entry))!;
  }

  #makeDirectory(directory: LayerDirectoryNode, name: ByteString, entry: TarEntry): LayerDirectoryNode {
    checkLength(name, entry);
    this.#count(entry);
    const made = new LayerDirectoryNode(directory, name);
    directory.children.set(name, made);
    return made;
  }

  #follow(
    components: readonly ByteString[],
    entry: TarEntry,
    missing: (directory: LayerDirectoryNode, name: ByteString) => LayerDirectoryNode | undefined,
  ): LayerDirectoryNode | Obstacle | undefined {
    let current: LayerDirectoryNode = this.root;
    let links = 0;
    // A stack with the next component on top; a link's target goes on top of what is left.
    const left = [...components].reverse();
    for (let name = left.pop(); name !== undefined; name = left.pop()) {
      this.looked++;
      if (name === "" || name === ".") continue;
      if (name === "..") {
        current = current.parent ?? current;
        continue;
      }
      const child = current.children.get(name);
      const target = child?.type === "symlink" ? child.target : this.#linkBelow(current, name, child);
      if (child instanceof LayerDirectoryNode) current = child;
      else if (target !== undefined) {
        if (++links > SYMLINKS_MAX) throw refuseEntry(entry, "leads through too many symbolic links");
        if (target.startsWith("/")) current = this.root;
        for (const part of target.split("/").reverse()) left.push(part);
      } else if (child === undefined) {
        const made = missing(current, name);
        if (made === undefined) return undefined;
        current = made;
      } else return { name, type: child.type };
    }
    return current;
  }

  /** The target of a lower layer's symbolic link that shows through because this layer has no `child` there. */
  #linkBelow(
    directory: LayerDirectoryNode,
    name: ByteString,
    child: TreeNode | undefined,
  ): ByteString | undefined {
    if (child !== undefined) return undefined;
    const found = this.#fileBelow(directory, name);
    return found?.file.type === "symlink" ? found.image.read(found.file, 4095).toString("latin1") : undefined;
  }

  #fileBelow(directory: LayerDirectoryNode, name: ByteString): FileBelow | undefined {
    if (this.#below === undefined || directory.hidesBelow(name)) return undefined;
    const path = directory.pathOf(name);
    if (this.#known.has(path)) return this.#known.get(path);
    const found = this.#below.lookup(path);
    this.#known.set(path, found);
    return found;
  }

  /** The file that a hard link names; its own last component is not followed, as by link(2). */
  #linkTarget(entry: TarEntry): TreeNode {
    const components = splitPath(entry.linkPath);
    if (components === undefined) {
      throw refuseEntry(entry, `is a hard link to ${quoteName(entry.linkPath)}, outside the root`);
    }
    const base = components.pop();
    if (base === undefined) throw refuseEntry(entry, "is a hard link to a directory");
    const directory = this.#follow(components, entry, (parent, name) =>
      this.#fileBelow(parent, name)?.file.type === "directory"
        ? this.#makeDirectory(parent, name, entry)
        : undefined,
    );
    const target =
      directory instanceof LayerDirectoryNode
        ? (directory.children.get(base) ?? this.#borrow(directory, base, entry))
        : undefined;
    if (target === undefined) throw this.#noTarget(entry);
    if (target.type === "directory") throw refuseEntry(entry, "is a hard link to a directory");
    return target;
  }

  /**
   * Puts a lower layer's file into this layer under its own name: link(2) makes overlayfs copy the file up, too,
   * for otherwise the new name and the old one would be two files.
   */
  #borrow(directory: LayerDirectoryNode, name: ByteString, entry: TarEntry): TreeNode | undefined {
    const below = this.#fileBelow(directory, name);
    if (below === undefined) return undefined;
    if (below.file.type === "directory") throw refuseEntry(entry, "is a hard link to a directory");
    const node = nodeBelow(below, (file) => this.borrowed.push(file));
    this.#set(directory, name, node, entry);
    directory.borrowed.add(name);
    return node;
  }

  #noTarget(entry: TarEntry): CortenError {
    const link = `layer entry ${quoteName(entry.path)} at byte ${entry.offset} is a hard link to ${quoteName(entry.linkPath)}`;
    return this.#below === undefined
      ? new CortenError("failed-precondition", `${link}, which is not in this layer`, {
          hint: "the layer can be unpacked only together with the layers below it",
        })
      : new CortenError("invalid-argument", `${link}, which is neither in this layer nor in one below it`);
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
      this.looked += directory.whiteouts.size + directory.children.size;
      for (const name of directory.whiteouts) {
        const child = directory.children.get(name);
        // The layer's own file of that name hides the lower one; a directory would be merged with it.
        if (child instanceof LayerDirectoryNode) child.opaque = true;
        else if (directory.borrowed.has(name)) directory.children.set(name, whiteout);
        // In an opaque directory there is nothing left to hide, and overlayfs would list the device.
        else if (child === undefined && !directory.opaque) directory.children.set(name, whiteout);
      }
      if (directory.opaque) {
        for (const name of directory.borrowed) directory.children.delete(name);
        directory.xattrs = new Map([...directory.xattrs, [OPAQUE_XATTR, OPAQUE_VALUE]]);
      }
      for (const [name, child] of directory.children) {
        if (child instanceof LayerDirectoryNode) found.push([path === "" ? name : `${path}/${name}`, child]);
      }
    }
    return found;
  }
}

function checkLength(name: ByteString, entry: TarEntry): void {
  if (name.length > NAME_MAX)
    throw refuseEntry(entry, `has a component of ${name.length} bytes, more than ${NAME_MAX}`);
  // A directory called `.wh.x` would be a file here and a whiteout to other readers.
  if (name.startsWith(".wh.")) throw refuseEntry(entry, "has a whiteout for a directory");
}
