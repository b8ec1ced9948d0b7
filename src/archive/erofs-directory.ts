import type { ByteString } from "./byte-string.ts";
import { BLOCK_SIZE } from "./erofs-format.ts";

const DIRENT = 12;

/** One name in a directory. */
export interface Dirent {
  readonly name: ByteString;
  /** The inode number; known only when every inode has its place. */
  readonly slot: () => number;
  readonly fileType: number;
}

/**
 * The content of a directory: blocks, each with a row of fixed-size entries and behind it their
 * names. The kernel searches them by halves, so that names ascend in byte order over all blocks,
 * `.` and `..` among them.
 */
export class DirectoryContent {
  /** Length in bytes: all blocks are full size but the last, which ends with its last name. */
  readonly size: number;
  readonly #dirents: readonly Dirent[];
  /** Index of each block's first entry, and behind them the number of entries. */
  readonly #starts: readonly number[];

  readonly #blockSize: number;

  /** @param dirents in any order, `.` and `..` included */
  constructor(dirents: readonly Dirent[], blockSize: number = BLOCK_SIZE) {
    this.#blockSize = blockSize;
    // Byte strings compare by code unit, which is by byte.
    this.#dirents = [...dirents].sort((a, b) => (a.name < b.name ? -1 : 1));
    const starts: number[] = [0];
    let used = 0;
    for (const [i, { name }] of this.#dirents.entries()) {
      const length = DIRENT + name.length;
      if (used + length > blockSize) {
        starts.push(i);
        used = 0;
      }
      used += length;
    }
    this.size = (starts.length - 1) * blockSize + used;
    this.#starts = [...starts, this.#dirents.length];
  }

  /** The bytes of the whole content. */
  encode(): Buffer {
    const content = Buffer.alloc(this.size);
    for (let block = 0; block < this.#starts.length - 1; block++) {
      const first = this.#starts[block]!;
      const count = this.#starts[block + 1]! - first;
      const base = block * this.#blockSize;
      let nameAt = count * DIRENT;
      for (let i = 0; i < count; i++) {
        const { name, slot, fileType } = this.#dirents[first + i]!;
        const at = base + i * DIRENT;
        const number = slot();
        content.writeUInt32LE(number >>> 0, at);
        content.writeUInt32LE(Math.floor(number / 2 ** 32), at + 4);
        content.writeUInt16LE(nameAt, at + 8);
        content[at + 10] = fileType;
        content.write(name, base + nameAt, "latin1");
        nameAt += name.length;
      }
    }
    return content;
  }
}

/** The entries of one block of a directory's content; `block` ends with the last name. */
export function* listDirents(
  block: Buffer,
): Generator<{ readonly name: ByteString; readonly slot: number }, void, undefined> {
  if (block.length < DIRENT) return;
  const names = block.readUInt16LE(8);
  const count = Math.min(names, block.length) / DIRENT;
  for (let i = 0; i + 1 <= count; i++) {
    const at = i * DIRENT;
    const start = block.readUInt16LE(at + 8);
    const end = i + 2 <= count ? block.readUInt16LE(at + DIRENT + 8) : block.length;
    const name = block.toString("latin1", start, end);
    // A block that is not the last one is filled up with zeros behind its last name.
    const nul = name.indexOf("\0");
    yield { name: nul < 0 ? name : name.slice(0, nul), slot: Number(block.readBigUInt64LE(at)) };
  }
}

/** The inode number of `name` in one block of a directory's content. */
export function findDirent(block: Buffer, name: ByteString): number | undefined {
  for (const dirent of listDirents(block)) if (dirent.name === name) return dirent.slot;
  return undefined;
}

/** An entry of a directory as it stands there. */
export interface RawDirent {
  readonly name: ByteString;
  readonly slot: number;
  readonly fileType: number;
}

/**
 * The entries of one block of a directory's content, judged: every one has a name of its own, within the block, behind
 * the last one's, and the names ascend.
 *
 * @param after the last name of the block before
 * @returns what is wrong, if anything is
 */
export function judgeDirents(block: Buffer, after: ByteString | undefined): readonly RawDirent[] | string {
  const names = block.length < DIRENT ? 0 : block.readUInt16LE(8);
  if (names === 0 || names % DIRENT !== 0 || names > block.length)
    return "has a block with a wrong number of names";
  const dirents: RawDirent[] = [];
  let last = after;
  for (let at = 0; at < names; at += DIRENT) {
    const start = block.readUInt16LE(at + 8);
    const end = at + DIRENT < names ? block.readUInt16LE(at + DIRENT + 8) : block.length;
    if (start < names || end <= start || end > block.length) return "has a name that is not in its block";
    const text = block.toString("latin1", start, end);
    const nul = at + DIRENT < names ? -1 : text.indexOf("\0");
    const name = nul < 0 ? text : text.slice(0, nul);
    if (name === "" || name.length > 255 || /[/\0]/.test(name)) return "has a name that cannot be one";
    if (last !== undefined && name <= last) return "has names out of order";
    last = name;
    dirents.push({ name, slot: Number(block.readBigUInt64LE(at)), fileType: block[at + 10]! });
  }
  return dirents;
}
