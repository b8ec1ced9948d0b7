import { CortenError } from "../spec/index.ts";
import { quoteName } from "./byte-string.ts";
import type { Dirent } from "./erofs-directory.ts";
import { DirectoryContent } from "./erofs-directory.ts";
import { BLOCK_BITS, encodeDevice, FILE_TYPE, INODE_SIZE, Layout, SLOT_SIZE } from "./erofs-format.ts";
import { encodeXattrs } from "./erofs-xattr.ts";
import type { DirectoryNode, FileNode, TreeNode } from "./tree.ts";

/** One inode of the image to be: where it goes and what it says. */
export interface Inode {
  readonly node: TreeNode;
  /** The encoded attribute area. */
  readonly xattrs: Buffer;
  links: number;
  layout: Layout;
  size: number;
  /** Block number, device number or chunk format. */
  location: number;
  /** Bytes directly behind inode and attributes; their length is `tailLength`. */
  tail: (() => Uint8Array) | undefined;
  tailLength: number;
  /** Offset in the metadata area. */
  position: number;
  /** `position` in slots: the inode number. */
  slot: number;
}

/** What {@link layOut} decides. */
export interface ImageLayout {
  /** In the order of their positions. */
  readonly inodes: readonly Inode[];
  /** Content that gets blocks of its own in front of the metadata, in the order of these blocks. */
  readonly blocks: readonly (() => Uint8Array)[];
}

/** Names of at most 255 bytes without `/` and NUL; `.` and `..` are the encoder's own. */
function checkName(name: string): void {
  if (name === "" || name.length > 255 || /[/\0]/.test(name) || name === "." || name === "..") {
    throw new CortenError("invalid-argument", `file name ${quoteName(name)} is invalid`);
  }
}

/**
 * Gives every inode of the tree its place. Breadth first: the inodes of one directory stand side by
 * side, which is how `readdir` and `stat` visit them, and the root comes first, because the
 * superblock has 16 bits for its number.
 *
 * @param nextBlock first free block; directories that need whole blocks go there
 */
export function layOut(root: DirectoryNode, nextBlock: number, blockBits: number = BLOCK_BITS): ImageLayout {
  const placement = new Placement(nextBlock, blockBits);
  const first = placement.add(root);
  const queue: [inode: Inode, node: DirectoryNode, parent: Inode][] = [[first, root, first]];
  for (let i = 0; i < queue.length; i++) {
    const [inode, directory, parent] = queue[i]!;
    const dirents: Dirent[] = [
      { name: ".", slot: () => inode.slot, fileType: FILE_TYPE.directory },
      { name: "..", slot: () => parent.slot, fileType: FILE_TYPE.directory },
    ];
    const names = [...directory.children.keys()].sort();
    for (const name of names) {
      checkName(name);
      const node = directory.children.get(name)!;
      const child = placement.add(node);
      if (node.type === "directory") {
        if (child.links > 0) {
          throw new CortenError("invalid-argument", `directory ${quoteName(name)} stands in the tree twice`);
        }
        child.links = 1;
        inode.links++;
        queue.push([child, node, inode]);
      }
      child.links++;
      dirents.push({ name, slot: () => child.slot, fileType: FILE_TYPE[node.type] });
    }
    placement.setDirectory(inode, new DirectoryContent(dirents, 2 ** blockBits));
  }
  placement.place();
  return { inodes: placement.inodes, blocks: placement.blocks };
}

class Placement {
  readonly inodes: Inode[] = [];
  readonly blocks: (() => Uint8Array)[] = [];
  readonly #known = new Map<TreeNode, Inode>();
  readonly #blockBits: number;
  readonly #blockSize: number;
  #nextBlock: number;

  constructor(nextBlock: number, blockBits: number) {
    this.#nextBlock = nextBlock;
    this.#blockBits = blockBits;
    this.#blockSize = 2 ** blockBits;
  }

  /** The inode of `node`: a new one, or the one it has already where the node is a hard link. */
  add(node: TreeNode): Inode {
    const known = this.#known.get(node);
    if (known !== undefined) return known;
    const inode: Inode = {
      node,
      xattrs: encodeXattrs(node.xattrs),
      links: this.inodes.length === 0 ? 2 : 0,
      layout: Layout.plain,
      size: 0,
      location: 0,
      tail: undefined,
      tailLength: 0,
      position: 0,
      slot: 0,
    };
    this.inodes.push(inode);
    this.#known.set(node, inode);
    if (node.type === "file") setFile(inode, node, this.#blockBits);
    else if (node.type === "symlink") this.#setContent(inode, Buffer.from(node.target, "latin1"));
    else if (node.type === "char-device" || node.type === "block-device") {
      inode.location = encodeDevice(node.major, node.minor);
    }
    return inode;
  }

  /** The content of a directory: whole blocks to the data, a last part that fits behind the inode there. */
  setDirectory(inode: Inode, content: DirectoryContent): void {
    const { size } = content;
    const tail = size % this.#blockSize;
    inode.size = size;
    const whole = size - tail;
    const inline = tail > 0 && INODE_SIZE + inode.xattrs.length + tail <= this.#blockSize;
    if (inline) {
      inode.layout = Layout.inline;
      inode.tailLength = tail;
      inode.tail = () => content.encode().subarray(whole);
    }
    if (whole > 0 || !inline) {
      const length = inline ? whole : size;
      inode.location = this.#reserve(length, () => content.encode().subarray(0, length));
    }
  }

  /** Content of less than a block that the inode itself brings along. */
  #setContent(inode: Inode, content: Buffer): void {
    inode.size = content.length;
    if (INODE_SIZE + inode.xattrs.length + content.length <= this.#blockSize) {
      inode.layout = Layout.inline;
      inode.tailLength = content.length;
      inode.tail = () => content;
      return;
    }
    inode.location = this.#reserve(content.length, () => content);
  }

  #reserve(length: number, content: () => Uint8Array): number {
    const block = this.#nextBlock;
    this.blocks.push(content);
    this.#nextBlock += Math.ceil(length / this.#blockSize);
    return block;
  }

  /**
   * Assigns positions. What stands behind an inode in place of blocks must not cross a block boundary,
   * and of a symbolic link not even the whole may: older kernels read it from the inode's own block.
   */
  place(): void {
    // The first slot stays empty: inode number 0 means "no entry" to some programs.
    let position = INODE_SIZE;
    for (const inode of this.inodes) {
      const head = INODE_SIZE + inode.xattrs.length;
      const together = inode.layout === Layout.inline ? head + inode.tailLength : INODE_SIZE;
      if ((position % this.#blockSize) + together > this.#blockSize)
        position = Math.ceil(position / this.#blockSize) * this.#blockSize;
      inode.position = position;
      inode.slot = position / SLOT_SIZE;
      position += Math.ceil((head + inode.tailLength) / SLOT_SIZE) * SLOT_SIZE;
    }
  }
}

function setFile(inode: Inode, node: FileNode, blockBits: number): void {
  const { size, block, tail, chunks } = node.content;
  inode.size = size;
  inode.location = block;
  if (chunks !== undefined) {
    inode.layout = Layout.chunked;
    // How many times a block doubles to make a chunk; a plain list of block numbers follows.
    inode.location = chunks.bits - blockBits;
    inode.tailLength = chunks.blocks.byteLength;
    inode.tail = () => encodeChunks(chunks.blocks);
  } else if (tail.length > 0) {
    inode.layout = Layout.inline;
    inode.tailLength = tail.length;
    inode.tail = () => tail;
  }
}

function encodeChunks(blocks: Uint32Array): Buffer {
  const bytes = Buffer.alloc(blocks.byteLength);
  for (let i = 0; i < blocks.length; i++) bytes.writeUInt32LE(blocks[i]!, 4 * i);
  return bytes;
}
