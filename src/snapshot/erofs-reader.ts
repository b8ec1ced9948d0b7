import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import type { ByteString } from "../archive/index.ts";
import { CortenError } from "../spec/index.ts";

/** A file inside an image, by its inode number. */
export interface ErofsNode {
  readonly type: "directory" | "file" | "symlink" | "whiteout" | "other";
  readonly size: number;
  readonly number: number;
  /** The twelve permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since 1970. */
  readonly mtime: number;
}

interface Inode extends ErofsNode {
  readonly layout: number;
  /** First block, or chunk format. */
  readonly location: number;
  /** Byte offset of what follows inode and attributes. */
  readonly behind: number;
}

const BLOCK_SIZE = 4096;
const SUPER_MAGIC = 0xe0f5_e1e2;
const HOLE = 0xffff_ffff;
const DIRENT_SIZE = 12;
/** Larger directories and files are not what this reader is for. */
const MAX_READ = 64 * 1024 * 1024;
const PIECE = 1024 * 1024;

/**
 * Looks files up in an EROFS image without mounting it: enough to read a layer's /etc/passwd before there is a
 * container. Knows what Corten's own encoder writes (no compression, 4096-byte blocks). Let go of it with `using`.
 *
 * @throws data-loss, by every method, when the image is damaged
 */
export class ErofsReader implements Disposable {
  readonly root: number;
  readonly #path: string;
  readonly #fd: number;
  readonly #size: number;
  readonly #metadata: number;

  constructor(path: string) {
    this.#path = path;
    this.#fd = openSync(path, "r");
    this.#size = fstatSync(this.#fd).size;
    try {
      const superblock = this.#read(1024, 128);
      if (superblock.readUInt32LE(0) !== SUPER_MAGIC || superblock[12] !== 12)
        throw this.#damaged("superblock");
      this.root = superblock.readUInt16LE(14);
      this.#metadata = superblock.readUInt32LE(40) * BLOCK_SIZE;
    } catch (error) {
      closeSync(this.#fd);
      throw error;
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }

  node(number: number): ErofsNode {
    return this.#inode(number);
  }

  /** The inode number of `name` in a directory; undefined when it has none of that name. */
  find(directory: number, name: ByteString): number | undefined {
    for (const entry of this.entries(directory)) if (entry.name === name) return entry.number;
    return undefined;
  }

  /** The first `limit` bytes of a file, or a symlink's target. */
  content(number: number, limit: number): Buffer {
    return this.#content(this.#inode(number), limit);
  }

  /** The whole content of a file, piece by piece. */
  *pieces(number: number): Generator<Buffer> {
    const inode = this.#inode(number);
    if (inode.layout === 4) {
      yield* this.#chunkPieces(inode);
      return;
    }
    const whole = inode.layout === 2 ? inode.size - (inode.size % BLOCK_SIZE) : inode.size;
    for (let at = 0; at < whole; at += PIECE) {
      yield this.#read(inode.location * BLOCK_SIZE + at, Math.min(PIECE, whole - at));
    }
    if (whole < inode.size) yield this.#read(inode.behind, inode.size - whole);
  }

  /** What a directory holds, `.` and `..` included. */
  *entries(directory: number): Generator<{ readonly name: ByteString; readonly number: number }> {
    const content = this.#content(this.#inode(directory), MAX_READ);
    for (let base = 0; base < content.length; base += BLOCK_SIZE) {
      const block = content.subarray(base, base + BLOCK_SIZE);
      if (block.length < DIRENT_SIZE) throw this.#damaged("directory");
      const count = block.readUInt16LE(8) / DIRENT_SIZE;
      if (!Number.isInteger(count) || count < 1 || count * DIRENT_SIZE > block.length)
        throw this.#damaged("directory");
      for (let i = 0; i < count; i++) {
        const at = i * DIRENT_SIZE;
        const from = block.readUInt16LE(at + 8);
        const to = i + 1 < count ? block.readUInt16LE(at + DIRENT_SIZE + 8) : block.length;
        if (from > to || to > block.length) throw this.#damaged("directory");
        // The last name of a full block ends with it or with a NUL.
        const name = block.toString("latin1", from, to).split("\0", 1)[0]!;
        yield { name, number: block.readUInt32LE(at) + block.readUInt32LE(at + 4) * 2 ** 32 };
      }
    }
  }

  #inode(number: number): Inode {
    const at = this.#metadata + number * 32;
    const head = this.#read(at, 64);
    const format = head.readUInt16LE(0);
    const extended = (format & 1) === 1;
    const attributes = head.readUInt16LE(2);
    const size = head.readUInt32LE(8) + (extended ? head.readUInt32LE(12) * 2 ** 32 : 0);
    const location = head.readUInt32LE(16);
    const behind = at + (extended ? 64 : 32) + (attributes === 0 ? 0 : 12 + (attributes - 1) * 4);
    const mode = head.readUInt16LE(4);
    return {
      type: typeOf(mode, location),
      size,
      number,
      mode: mode & 0o7777,
      uid: extended ? head.readUInt32LE(24) : head.readUInt16LE(24),
      gid: extended ? head.readUInt32LE(28) : head.readUInt16LE(26),
      mtime: extended ? Number(head.readBigInt64LE(32)) + head.readUInt32LE(40) / 1e9 : 0,
      layout: (format >> 1) & 7,
      location,
      behind,
    };
  }

  #content(inode: Inode, limit: number): Buffer {
    const length = Math.min(inode.size, limit, MAX_READ);
    // Only a file with holes is longer than its image.
    if (inode.layout !== 4 && inode.size > this.#size) throw this.#damaged(`inode ${inode.number}`);
    if (inode.layout === 0) return this.#read(inode.location * BLOCK_SIZE, length);
    if (inode.layout === 2) {
      const whole = inode.size - (inode.size % BLOCK_SIZE);
      const blocks = this.#read(inode.location * BLOCK_SIZE, Math.min(whole, length));
      return Buffer.concat([blocks, this.#read(inode.behind, length - blocks.length)]);
    }
    if (inode.layout === 4) return this.#chunks(inode, length);
    throw this.#damaged(`inode ${inode.number}`);
  }

  *#chunkPieces(inode: Inode): Generator<Buffer> {
    const chunkSize = BLOCK_SIZE * 2 ** (inode.location & 31);
    const map = Math.ceil(inode.behind / 4) * 4;
    for (let at = 0; at < inode.size; at += chunkSize) {
      const block = this.#read(map + (at / chunkSize) * 4, 4).readUInt32LE(0);
      const end = Math.min(chunkSize, inode.size - at);
      for (let from = 0; from < end; from += PIECE) {
        const length = Math.min(PIECE, end - from);
        yield block === HOLE ? Buffer.alloc(length) : this.#read(block * BLOCK_SIZE + from, length);
      }
    }
  }

  #chunks(inode: Inode, length: number): Buffer {
    const chunkSize = BLOCK_SIZE * 2 ** (inode.location & 31);
    const count = Math.ceil(length / chunkSize);
    const map = this.#read(Math.ceil(inode.behind / 4) * 4, count * 4);
    const content = Buffer.alloc(length);
    for (let i = 0; i < count; i++) {
      const block = map.readUInt32LE(i * 4);
      const size = Math.min(chunkSize, length - i * chunkSize);
      if (block !== HOLE) this.#read(block * BLOCK_SIZE, size).copy(content, i * chunkSize);
    }
    return content;
  }

  #read(position: number, length: number): Buffer {
    if (!(position + length <= this.#size)) throw this.#damaged("something lies beyond its end");
    const buffer = Buffer.alloc(length);
    for (let done = 0; done < length; ) {
      const got = readSync(this.#fd, buffer, done, length - done, position + done);
      if (got === 0) throw this.#damaged("it ends too early");
      done += got;
    }
    return buffer;
  }

  #damaged(what: string): CortenError {
    return new CortenError("data-loss", `EROFS image ${this.#path} is damaged: ${what}`, {
      hint: "remove the file: it is built again from the image's layer",
    });
  }
}

function typeOf(mode: number, location: number): ErofsNode["type"] {
  switch (mode & 0o170000) {
    case 0o040000:
      return "directory";
    case 0o100000:
      return "file";
    case 0o120000:
      return "symlink";
    case 0o020000:
      // overlayfs hides a name with a character device 0:0.
      return location === 0 ? "whiteout" : "other";
    default:
      return "other";
  }
}
