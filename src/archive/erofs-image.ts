import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { CortenError } from "../spec/index.ts";
import type { ByteString } from "./byte-string.ts";
import { quoteName } from "./byte-string.ts";
import { findDirent, listDirents } from "./erofs-directory.ts";
import type { DecodedInode, DecodedSuperblock } from "./erofs-format.ts";
import {
  ARCHIVE_BLOCK,
  BLOCK_SIZE,
  decodeInode,
  decodeSuperblock,
  INDEX_HEAD,
  INODE_SIZE,
  Layout,
  NO_BLOCK,
  SLOT_SIZE,
} from "./erofs-format.ts";
import { decodeXattrs } from "./erofs-xattr.ts";
import type { SparseSegment } from "./tar-entry.ts";
import type { NodeAttributes, TreeNode } from "./tree.ts";

/** One file of an image. */
export interface ImageFile extends NodeAttributes {
  /** Names the file in its image: hard links have the same. */
  readonly slot: number;
  readonly type: TreeNode["type"];
  /** Length of the content in bytes; of a symbolic link, of its target. */
  readonly size: number;
  /** Number of names; of a directory, 2 and one for each directory in it. */
  readonly links: number;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  /** True for overlayfs's whiteout, a character device 0/0: the name is deleted from lower layers. */
  readonly whiteout: boolean;
  /** True for a directory that hides what lower layers have below it. */
  readonly opaque: boolean;
}

/** How much {@link ErofsImage.pieces} gives at once. */
const PIECE = 2 ** 20;

const inodes = new WeakMap<ImageFile, DecodedInode>();

/**
 * Reads an image that {@link ErofsWriter} made, without mounting it: which file a layer has under a
 * name, what stands in `/etc/passwd`. It knows what that writer writes and refuses the rest.
 *
 * All calls are synchronous and read a few blocks.
 */
export class ErofsImage implements Disposable {
  readonly path: string;
  readonly #descriptor: number;
  readonly #size: number;
  readonly #superblock: DecodedSuperblock;
  readonly #blockSize: number;
  /** The archive that holds the content of an indexed image. */
  readonly #archive: number | undefined;
  /** The root directory. */
  readonly root: ImageFile;
  #closed = false;

  /**
   * @param archive where the content of files is, for an indexed image. Default: beside it, `x.tar` of `x.erofs`
   * @throws not-found when there is no such file, data-loss when it is no image of ours or a damaged one
   */
  constructor(path: string, archive: string = archiveOf(path)) {
    this.path = path;
    this.#descriptor = openFile(path);
    try {
      this.#size = fstatSync(this.#descriptor).size;
      const superblock = decodeSuperblock(
        this.#bytes(0, Math.max(INDEX_HEAD, Math.min(BLOCK_SIZE, this.#size))),
      );
      if (superblock === undefined) throw this.#damaged("it has no valid superblock");
      this.#superblock = superblock;
      this.#blockSize = 2 ** superblock.blockBits;
      this.#archive = superblock.archiveBlocks === undefined ? undefined : openFile(archive);
      this.root = this.#file(superblock.rootSlot);
      if (this.root.type !== "directory") throw this.#damaged("its root is no directory");
    } catch (error) {
      this.#closeFiles();
      throw error;
    }
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
      const first = listDirents(this.#block(inode, middle)).next().value;
      if (first === undefined) throw this.#damaged(`directory block ${middle} is empty`);
      if (first.name <= name) low = middle;
      else high = middle - 1;
    }
    if (blocks === 0) return undefined;
    const slot = findDirent(this.#block(inode, low), name);
    return slot === undefined ? undefined : this.#file(slot);
  }

  /** Names and files of `directory` in byte order, without `.` and `..`. */
  *list(directory: ImageFile): Generator<readonly [name: ByteString, file: ImageFile], void, undefined> {
    const inode = this.#directory(directory);
    for (let block = 0; block * this.#blockSize < inode.size; block++) {
      for (const { name, slot } of listDirents(this.#block(inode, block))) {
        if (name !== "." && name !== "..") yield [name, this.#file(slot)];
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
    const chunk = this.#chunkSize(inode);
    const segments: SparseSegment[] = [];
    for (let offset = 0; offset < file.size; offset += chunk) {
      if (this.#chunkBlock(inode, offset / chunk) === NO_BLOCK) continue;
      segments.push({ offset, length: Math.min(chunk, file.size - offset) });
    }
    return segments;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#closeFiles();
  }

  #closeFiles(): void {
    closeSync(this.#descriptor);
    if (this.#archive !== undefined) closeSync(this.#archive);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #inode(file: ImageFile): DecodedInode {
    const inode = inodes.get(file);
    if (inode === undefined) throw new CortenError("invalid-argument", "file is of no open image");
    return inode;
  }

  #contentInode(file: ImageFile): DecodedInode {
    if (file.type !== "file" && file.type !== "symlink") {
      throw new CortenError("invalid-argument", `a ${file.type} in image ${this.path} has no content`);
    }
    return this.#inode(file);
  }

  #directory(file: ImageFile): DecodedInode {
    if (file.type !== "directory") {
      throw new CortenError("invalid-argument", `a ${file.type} in image ${this.path} has no names below it`);
    }
    return this.#inode(file);
  }

  #file(slot: number): ImageFile {
    const at = this.#superblock.metadataBlock * this.#blockSize + slot * SLOT_SIZE;
    const inode = decodeInode(this.#bytes(at, INODE_SIZE), at);
    if (inode === undefined) throw this.#damaged(`inode ${slot} is not one that Corten writes`);
    const xattrs = decodeXattrs(this.#bytes(at + INODE_SIZE, inode.xattrBytes));
    if (xattrs === undefined) throw this.#damaged(`attributes of inode ${slot} are cut off`);
    const { type, size, links, mode, uid, gid, mtime, deviceMajor, deviceMinor } = inode;
    const file: ImageFile = {
      slot,
      type,
      size,
      links,
      mode,
      uid,
      gid,
      mtime,
      xattrs,
      deviceMajor,
      deviceMinor,
      whiteout: type === "char-device" && deviceMajor === 0 && deviceMinor === 0,
      opaque: type === "directory" && xattrs.has("trusted.overlay.opaque"),
    };
    inodes.set(file, inode);
    return file;
  }

  #block(inode: DecodedInode, block: number): Buffer {
    const start = block * this.#blockSize;
    return this.#content(inode, start, Math.min(this.#blockSize, inode.size - start));
  }

  #content(inode: DecodedInode, start: number, length: number): Buffer {
    if (inode.layout === Layout.chunked) return this.#chunks(inode, start, length);
    const behind = inode.at + INODE_SIZE + inode.xattrBytes;
    const inline = inode.layout === Layout.inline ? inode.size - (inode.size % this.#blockSize) : inode.size;
    const whole = Math.max(0, Math.min(length, inline - start));
    const fromBlocks = this.#blocks(inode.location, start, whole);
    if (whole === length) return fromBlocks;
    const rest = this.#bytes(behind + start + whole - inline, length - whole);
    return whole === 0 ? rest : Buffer.concat([fromBlocks, rest]);
  }

  /** Content with holes. */
  #chunks(inode: DecodedInode, start: number, length: number): Buffer {
    const content = Buffer.alloc(length);
    const chunk = this.#chunkSize(inode);
    for (let done = 0; done < length; ) {
      const within = (start + done) % chunk;
      const size = Math.min(chunk - within, length - done);
      const block = this.#chunkBlock(inode, Math.floor((start + done) / chunk));
      if (block !== NO_BLOCK) content.set(this.#blocks(block, within, size), done);
      done += size;
    }
    return content;
  }

  #chunkBlock(inode: DecodedInode, chunk: number): number {
    const map = inode.at + INODE_SIZE + inode.xattrBytes;
    return this.#bytes(map + 4 * chunk, 4).readUInt32LE(0);
  }

  /** Bytes from `offset` on behind the start of a block, which may be one of the archive. */
  #blocks(block: number, offset: number, length: number): Buffer {
    if (this.#archive === undefined || block < ARCHIVE_BLOCK) {
      return this.#bytes(block * this.#blockSize + offset, length);
    }
    const at = (block - ARCHIVE_BLOCK) * this.#blockSize + offset;
    return this.#read(this.#archive, at, length);
  }

  #bytes(at: number, length: number): Buffer {
    // A damaged length must not become a buffer of that size.
    if (!(at + length <= this.#size)) throw this.#damaged(`it ends before byte ${at + length}`);
    return this.#read(this.#descriptor, at, length);
  }

  #read(descriptor: number, at: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    for (let done = 0; done < length; ) {
      const read = readSync(descriptor, bytes, done, length - done, at + done);
      if (read === 0) throw this.#damaged(`it ends before byte ${at + length}`);
      done += read;
    }
    return bytes;
  }

  #chunkSize({ location }: DecodedInode): number {
    return this.#blockSize * 2 ** location;
  }

  #damaged(problem: string): CortenError {
    return new CortenError("data-loss", `image ${quoteName(this.path)} is damaged: ${problem}`, {
      hint: "remove it; it is built again from its layer",
    });
  }
}

/** Where the content of an indexed image is by convention. */
export function archiveOf(path: string): string {
  return path.replace(/\.erofs$/, ".tar");
}

function openFile(path: string): number {
  try {
    return openSync(path, "r");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const kind = code === "ENOENT" ? "not-found" : "internal";
    throw new CortenError(kind, `cannot open image ${path}: ${code}`, { cause });
  }
}
