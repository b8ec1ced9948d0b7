import { CortenError } from "../spec/index.ts";
import { BlockFile } from "./block-file.ts";
import type { ByteString } from "./byte-string.ts";
import type { ContentSink, StoredContent } from "./erofs-content.ts";
import { FlatSink, NO_CONTENT, SparseSink, TailStore } from "./erofs-content.ts";
import {
  ARCHIVE_BLOCK,
  BLOCK_BITS,
  BLOCK_SIZE,
  encodeInode,
  encodeSuperblock,
  INDEX_HEAD,
  INODE_SIZE,
  Layout,
  SLOT_SIZE,
  TAR_BLOCK_BITS,
} from "./erofs-format.ts";
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
  readonly #blockBits: number;
  readonly #tails = new TailStore();
  #finished = false;

  /**
   * Creates the image file at `path`.
   *
   * @param indexed the content of files stands in a tar archive ({@link indexContent}), the image takes none
   * @throws already-exists when there is one
   */
  constructor(path: string, { indexed = false }: { readonly indexed?: boolean } = {}) {
    this.#file = new BlockFile(path);
    this.#blockBits = indexed ? TAR_BLOCK_BITS : BLOCK_BITS;
    this.#file.appendZeros(indexed ? INDEX_HEAD : BLOCK_SIZE);
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
   * @param archive length of the archive that holds the content, for an indexed image
   * @returns the image's length in bytes
   */
  async finish(root: DirectoryNode, uuid: Uint8Array, archive?: number): Promise<{ readonly size: number }> {
    const blockSize = 2 ** this.#blockBits;
    if (uuid.length !== 16) throw new CortenError("invalid-argument", "the uuid of an image has 16 bytes");
    const file = this.#file;
    file.align(blockSize);
    file.keepCached();
    const layout = layOut(root, file.position / blockSize, this.#blockBits);
    for (const content of layout.blocks) {
      file.align(blockSize);
      file.append(content());
      if (file.pressed) await file.drain();
    }
    file.align(blockSize);
    const metadata = file.position;
    for (const [i, inode] of layout.inodes.entries()) {
      file.appendZeros(metadata + inode.position - file.position);
      this.#writeInode(inode, i + 1);
      if (file.pressed) await file.drain();
    }
    // fsck.erofs looks for attributes behind every inode, even one that ends with the image.
    file.appendZeros(SLOT_SIZE);
    file.align(blockSize);
    const size = file.position;
    if (size / blockSize >= (archive === undefined ? 0xffff_ffff : ARCHIVE_BLOCK)) {
      throw new CortenError("resource-exhausted", `image ${file.path} is larger than EROFS can be`);
    }
    await file.finish(
      encodeSuperblock({
        rootSlot: layout.inodes[0]!.slot,
        inodes: layout.inodes.length,
        blocks: size / blockSize,
        metadataBlock: metadata / blockSize,
        uuid,
        chunked: layout.inodes.some((inode) => inode.layout === Layout.chunked),
        archive,
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
