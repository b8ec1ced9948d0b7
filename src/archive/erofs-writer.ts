import { CortenError } from "../spec/index.ts";
import { BlockFile } from "./block-file.ts";
import type { ByteString } from "./byte-string.ts";
import type { ContentSink, StoredContent } from "./erofs-content.ts";
import { FlatSink, NO_CONTENT, SparseSink, TailStore } from "./erofs-content.ts";
import { BLOCK_SIZE, encodeInode, encodeSuperblock, INODE_SIZE, Layout, SLOT_SIZE } from "./erofs-format.ts";
import type { Inode } from "./erofs-layout.ts";
import { layOut } from "./erofs-layout.ts";
import { encodeXattrs } from "./erofs-xattr.ts";
import type { SparseSegment } from "./tar-entry.ts";
import type { DirectoryNode } from "./tree.ts";

/**
 * Writes an EROFS image from front to back, in one pass: the content of files as it comes, then the
 * directories and inodes, and the superblock in the block that was kept free for it. Until
 * {@link finish} has written that, no kernel takes the file for an image.
 *
 * Let go of it with `await using`: a file that was not finished is removed.
 */
export class ErofsWriter implements AsyncDisposable {
  readonly #file: BlockFile;
  readonly #tails = new TailStore();
  #finished = false;

  /** Creates the image file at `path`. @throws already-exists when there is one */
  constructor(path: string) {
    this.#file = new BlockFile(path);
    this.#file.appendZeros(BLOCK_SIZE);
  }

  /** True when writes have piled up: {@link drain} before giving more content. */
  get pressed(): boolean {
    return this.#file.pressed;
  }

  /** Waits until the disk has caught up. @throws resource-exhausted when it is full */
  drain(): Promise<void> {
    return this.#file.drain();
  }

  /**
   * Takes in the content of one file piece by piece; only one at a time.
   *
   * @param size length in bytes, holes included
   * @param xattrs the attributes of the file, which share its room behind the inode
   * @param segments where data is, for a file with holes
   */
  content(
    size: number,
    xattrs: ReadonlyMap<ByteString, Uint8Array>,
    segments?: readonly SparseSegment[],
  ): ContentSink {
    if (size === 0) return { write: () => undefined, end: () => NO_CONTENT };
    if (segments !== undefined) return new SparseSink(this.#file, size, segments);
    const room = BLOCK_SIZE - INODE_SIZE - encodeXattrs(xattrs).length;
    return new FlatSink(this.#file, this.#tails, size, room);
  }

  /** Stores content that is in memory. */
  store(bytes: Uint8Array, xattrs: ReadonlyMap<ByteString, Uint8Array> = new Map()): StoredContent {
    const sink = this.content(bytes.length, xattrs);
    sink.write(bytes, 0);
    return sink.end();
  }

  /**
   * Writes the tree below `root` and makes the image durable (fsync; the caller renames it and syncs
   * the directory).
   *
   * @param uuid 16 bytes that tell this image from others; overlay wants them distinct
   * @returns the image's length in bytes
   */
  async finish(root: DirectoryNode, uuid: Uint8Array): Promise<{ readonly size: number }> {
    if (uuid.length !== 16) throw new CortenError("invalid-argument", "the uuid of an image has 16 bytes");
    const file = this.#file;
    file.align(BLOCK_SIZE);
    const layout = layOut(root, file.position / BLOCK_SIZE);
    for (const content of layout.blocks) {
      file.align(BLOCK_SIZE);
      file.append(content());
      if (file.pressed) await file.drain();
    }
    file.align(BLOCK_SIZE);
    const metadata = file.position;
    for (const [i, inode] of layout.inodes.entries()) {
      file.appendZeros(metadata + inode.position - file.position);
      this.#writeInode(inode, i + 1);
      if (file.pressed) await file.drain();
    }
    // fsck.erofs looks for attributes behind every inode, even one that ends with the image.
    file.appendZeros(SLOT_SIZE);
    file.align(BLOCK_SIZE);
    const size = file.position;
    if (size / BLOCK_SIZE > 0xffff_ffff) {
      throw new CortenError("resource-exhausted", `image ${file.path} is larger than EROFS can be`);
    }
    await file.finish(
      encodeSuperblock({
        rootSlot: layout.inodes[0]!.slot,
        inodes: layout.inodes.length,
        blocks: size / BLOCK_SIZE,
        metadataBlock: metadata / BLOCK_SIZE,
        uuid,
        chunked: layout.inodes.some((inode) => inode.layout === Layout.chunked),
      }),
    );
    this.#finished = true;
    return { size };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#finished) await this.#file.discard();
  }

  #writeInode(inode: Inode, serial: number): void {
    const { node, xattrs } = inode;
    const head = Buffer.alloc(INODE_SIZE);
    encodeInode(head, node.type, node, {
      layout: inode.layout,
      size: inode.size,
      location: inode.location,
      links: inode.links,
      xattrBytes: xattrs.length,
      serial,
    });
    this.#file.append(head);
    if (xattrs.length > 0) this.#file.append(xattrs);
    const tail = inode.tail?.();
    if (tail !== undefined) this.#file.append(tail);
  }
}
