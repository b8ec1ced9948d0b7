import { CortenError } from "../spec/index.ts";
import type { ByteString } from "./byte-string.ts";
import { findDirent, listDirents } from "./erofs-directory.ts";
import { archiveOf, ErofsFile } from "./erofs-file.ts";
import type { DecodedInode, DecodedSuperblock, SuperblockFault } from "./erofs-format.ts";
import {
  ARCHIVE_BLOCK,
  BLOCK_SIZE,
  COMPACT_INODE_SIZE,
  decodeInode,
  decodeSuperblock,
  INODE_SIZE,
  Layout,
  NO_BLOCK,
  SLOT_SIZE,
} from "./erofs-format.ts";
import type { ImageFile } from "./erofs-image-file.ts";
import { fileOfInode, inodeOfFile } from "./erofs-image-file.ts";
import { decodeXattrs } from "./erofs-xattr.ts";
import type { SparseSegment } from "./tar-entry.ts";

/** How much {@link ErofsImage.pieces} gives at once. */
const PIECE = 2 ** 20;

/** Of a chunk-based inode: how many times a block doubles to a chunk, and that its map has entries of 8 bytes. */
const CHUNK_BITS = 0x1f;
const CHUNK_INDEXES = 0x20;
const CHUNKS_AT_ONCE = 4096;

/** The map of a chunk-based file that is looked at. */
interface ChunkMap {
  /** Bytes of a chunk. */
  readonly chunk: number;
  /** Where the map begins in the image. */
  readonly at: number;
  /** Bytes of an entry: 4, a block number, or 8, whose second half is one. */
  readonly entry: number;
}

/**
 * Reads an image without mounting it: which file a layer has under a name, what stands in `/etc/passwd`. It knows what
 * {@link ErofsWriter} writes and uncompressed images of others, and refuses the rest. What is read is not judged beyond
 * that; {@link checkErofs} does it.
 *
 * All calls are synchronous and read a few blocks.
 */
export class ErofsImage implements Disposable {
  readonly #bytes: ErofsFile;
  readonly superblock: DecodedSuperblock;
  readonly #blockSize: number;
  /** The root directory. */
  readonly root: ImageFile;

  /**
   * @param archive where the content of files is, for an indexed image; null: there must be none. Default: beside it,
   *   `x.tar` of `x.erofs`
   * @throws not-found when there is no such file, data-loss when it is no image that can be read, or a damaged one
   */
  constructor(path: string, archive: string | null = archiveOf(path)) {
    this.#bytes = new ErofsFile(path);
    try {
      const head = this.#bytes.bytes(0, Math.min(BLOCK_SIZE, this.#bytes.size));
      const superblock = decodeSuperblock(head);
      if ("problem" in superblock) throw this.#refused(superblock);
      this.superblock = superblock;
      this.#blockSize = 2 ** superblock.blockBits;
      if (superblock.archiveBlocks !== undefined) {
        if (archive === null) throw this.damaged("its content is in another file");
        this.#bytes.openArchive(archive);
      }
      this.root = this.file(superblock.rootSlot);
      if (this.root.type !== "directory") throw this.damaged("its root is no directory");
    } catch (error) {
      this.#bytes.close();
      throw error;
    }
  }

  get path(): string {
    return this.#bytes.path;
  }

  /** Length in bytes. */
  get size(): number {
    return this.#bytes.size;
  }

  /** The file called `name` in `directory`; links are not followed. */
  lookup(directory: ImageFile, name: ByteString): ImageFile | undefined {
    const inode = this.#directory(directory);
    const blocks = Math.ceil(inode.size / this.#blockSize);
    // The last block whose first name is not beyond the one that is looked for.
    let low = 0;
    let high = blocks - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      const first = listDirents(this.directoryBlock(inode, middle)).next().value;
      if (first === undefined) throw this.damaged(`directory block ${middle} is empty`);
      if (first.name <= name) low = middle;
      else high = middle - 1;
    }
    if (blocks === 0) return undefined;
    const slot = findDirent(this.directoryBlock(inode, low), name);
    return slot === undefined ? undefined : this.file(slot);
  }

  /** Names and files of `directory` in byte order, without `.` and `..`. */
  *list(directory: ImageFile): Generator<readonly [name: ByteString, file: ImageFile], void, undefined> {
    const inode = this.#directory(directory);
    for (let block = 0; block * this.#blockSize < inode.size; block++) {
      for (const { name, slot } of listDirents(this.directoryBlock(inode, block))) {
        if (name !== "." && name !== "..") yield [name, this.file(slot)];
      }
    }
  }

  /**
   * The content of a file, or the target of a symbolic link.
   *
   * @param limit most bytes that the caller is ready to hold
   * @throws resource-exhausted when there is more
   */
  read(file: ImageFile, limit: number): Buffer {
    if (file.size > limit) {
      throw new CortenError(
        "resource-exhausted",
        `file in image ${this.path} has ${file.size} bytes, more than ${limit}`,
      );
    }
    return this.readStart(file, limit);
  }

  /** The first `length` bytes of what {@link read} gives, or all when there are fewer. */
  readStart(file: ImageFile, length: number): Buffer {
    return this.#content(this.#contentInode(file), 0, Math.min(file.size, length));
  }

  /**
   * The whole content of a file in pieces of at most a mebibyte, in ascending order; holes are left out.
   */
  *pieces(file: ImageFile): Generator<{ readonly bytes: Buffer; readonly position: number }> {
    const inode = this.#contentInode(file);
    for (const { offset, length } of this.segments(file) ?? [{ offset: 0, length: file.size }]) {
      for (let done = 0; done < length; done += PIECE) {
        const position = offset + done;
        const size = Math.min(PIECE, length - done);
        yield { bytes: this.#content(inode, position, size), position };
      }
    }
  }

  /** Where a file with holes has data, whole chunks; undefined for a file without. */
  segments(file: ImageFile): SparseSegment[] | undefined {
    const inode = this.#contentInode(file);
    if (inode.layout !== Layout.chunked) return undefined;
    const { chunk } = this.chunkMap(inode);
    const segments: SparseSegment[] = [];
    for (let first = 0; first * chunk < file.size; first += CHUNKS_AT_ONCE) {
      for (const [i, block] of this.chunkBlocks(inode, first, CHUNKS_AT_ONCE).entries()) {
        const offset = (first + i) * chunk;
        if (block !== NO_BLOCK) segments.push({ offset, length: Math.min(chunk, file.size - offset) });
      }
    }
    return segments;
  }

  close(): void {
    this.#bytes.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** How a file is stored. */
  inode(file: ImageFile): DecodedInode {
    const inode = inodeOfFile(file);
    if (inode === undefined) throw new CortenError("invalid-argument", "file is of no open image");
    return inode;
  }

  #contentInode(file: ImageFile): DecodedInode {
    if (file.type !== "file" && file.type !== "symlink") {
      throw new CortenError("invalid-argument", `a ${file.type} in image ${this.path} has no content`);
    }
    return this.inode(file);
  }

  #directory(file: ImageFile): DecodedInode {
    if (file.type !== "directory") {
      throw new CortenError("invalid-argument", `a ${file.type} in image ${this.path} has no names below it`);
    }
    return this.inode(file);
  }

  /** The file with a number. */
  file(slot: number): ImageFile {
    const at = this.superblock.metadataBlock * this.#blockSize + slot * SLOT_SIZE;
    const room = Math.min(INODE_SIZE, Math.max(COMPACT_INODE_SIZE, this.size - at));
    const inode = decodeInode(this.#bytes.bytes(at, room), at, this.superblock.time);
    if (inode === undefined) {
      throw this.#refused({
        problem: `inode ${slot} is compressed, or of a form that is not known`,
        known: false,
      });
    }
    const area = this.#bytes.bytes(inode.end, inode.xattrBytes);
    const xattrs = decodeXattrs(area, (id, length) => this.#sharedXattr(id, length));
    if (xattrs === undefined) throw this.damaged(`attributes of inode ${slot} are cut off`);
    return fileOfInode(slot, inode, xattrs);
  }

  /** A block of a directory's content. */
  directoryBlock(inode: DecodedInode, block: number): Buffer {
    const start = block * this.#blockSize;
    return this.#content(inode, start, Math.min(this.#blockSize, inode.size - start));
  }

  /** The blocks of a file's chunks from number `first` on, at most `count`; a hole has {@link NO_BLOCK}. */
  chunkBlocks(inode: DecodedInode, first: number, count: number): readonly number[] {
    const { chunk, at, entry } = this.chunkMap(inode);
    const end = Math.min(first + count, Math.ceil(inode.size / chunk));
    if (end <= first) return [];
    const map = this.#bytes.bytes(at + first * entry, (end - first) * entry);
    return Array.from({ length: end - first }, (_, i) => map.readUInt32LE((i + 1) * entry - 4));
  }

  /** How a chunk-based file is divided. */
  chunkMap({ location, end, xattrBytes }: DecodedInode): ChunkMap {
    const chunk = this.#blockSize * 2 ** (location & CHUNK_BITS);
    const behind = end + xattrBytes;
    if ((location & CHUNK_INDEXES) === 0) return { chunk, at: behind, entry: 4 };
    return { chunk, at: Math.ceil(behind / 8) * 8, entry: 8 };
  }

  /** An entry of the area of shared attributes; attributes of a file are cut off where it is. */
  #sharedXattr(id: number, length: number): Buffer {
    return this.#bytes.bytes(this.superblock.xattrBlock * this.#blockSize + 4 * id, length);
  }

  #content(inode: DecodedInode, start: number, length: number): Buffer {
    if (inode.layout === Layout.chunked) return this.#chunks(inode, start, length);
    const inline = inode.layout === Layout.inline ? inode.size - (inode.size % this.#blockSize) : inode.size;
    const whole = Math.max(0, Math.min(length, inline - start));
    // Without whole blocks the location means nothing: mkfs.erofs writes -1.
    const fromBlocks = whole === 0 ? Buffer.alloc(0) : this.#blocks(inode.location, start, whole);
    if (whole === length) return fromBlocks;
    const rest = this.#bytes.bytes(inode.end + inode.xattrBytes + start + whole - inline, length - whole);
    return whole === 0 ? rest : Buffer.concat([fromBlocks, rest]);
  }

  /** Content with holes. */
  #chunks(inode: DecodedInode, start: number, length: number): Buffer {
    const content = Buffer.alloc(length);
    const { chunk } = this.chunkMap(inode);
    for (let done = 0; done < length; ) {
      const within = (start + done) % chunk;
      const size = Math.min(chunk - within, length - done);
      const [block = NO_BLOCK] = this.chunkBlocks(inode, Math.floor((start + done) / chunk), 1);
      if (block !== NO_BLOCK) content.set(this.#blocks(block, within, size), done);
      done += size;
    }
    return content;
  }

  /** Bytes from `offset` on behind the start of a block, which may be one of the archive. */
  #blocks(block: number, offset: number, length: number): Buffer {
    if (this.superblock.archiveBlocks === undefined || block < ARCHIVE_BLOCK) {
      return this.#bytes.bytes(block * this.#blockSize + offset, length);
    }
    return this.#bytes.archiveBytes((block - ARCHIVE_BLOCK) * this.#blockSize + offset, length);
  }

  #refused({ problem, known }: SuperblockFault): CortenError {
    return known ? this.damaged(problem) : this.#bytes.unsupported(problem);
  }

  /** The error for an image that is not what it should be. */
  damaged(problem: string): CortenError {
    return this.#bytes.damaged(problem);
  }
}
