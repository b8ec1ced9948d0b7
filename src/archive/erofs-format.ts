import { crc32c } from "./crc32c.ts";
import type { TarTime } from "./tar-entry.ts";
import type { NodeAttributes, TreeNode } from "./tree.ts";

/**
 * The on-disk structures of EROFS (Linux, fs/erofs/erofs_fs.h), all little-endian. Corten writes
 * the plain subset: no compression, 64-byte inodes, blocks of 4096 bytes, which every kernel since
 * 5.15 can mount. An *indexed* image has no content of files: that stands in a second file, a tar archive, and so its
 * blocks are tar's, of 512 bytes (Linux 6.12, where both are files). Read is what others write without compression, too:
 * 32-byte inodes, shared attributes, smaller blocks.
 */
export const BLOCK_BITS = 12;
export const BLOCK_SIZE = 4096;
export const TAR_BLOCK_BITS = 9;
/** What stands in front of the metadata of an indexed image: superblock and table of devices. */
export const INDEX_HEAD = 2048;
/** Where the blocks of the archive begin in the common numbering: behind 128 GiB of metadata. */
export const ARCHIVE_BLOCK = 2 ** 28;
/** Inode numbers ("nid") count slots of this size from the start of the metadata. */
export const SLOT_SIZE = 32;
export const INODE_SIZE = 64;
/** Of the compact form, which has no time of its own. */
export const COMPACT_INODE_SIZE = 32;
/** The block number of a hole. */
export const NO_BLOCK = 0xffff_ffff;

const SUPER_OFFSET = 1024;
const SUPER_MAGIC = 0xe0f5_e1e2;
const COMPAT_CHECKSUM = 0x1;
const COMPAT_MTIME = 0x2;
/** Says how compressed data would be padded; mkfs.erofs sets it without any, too. */
const INCOMPAT_ZERO_PADDING = 0x1;
const INCOMPAT_CHUNKED = 0x4;
const INCOMPAT_DEVICES = 0x8;
/** Behind the superblock's 128 bytes and their block; counted in the slots' own size. */
const DEVICE_OFFSET = 1536;
const DEVICE_SLOT = 128;

/** How an inode's content is laid out (`i_format`, bits 1 to 3). */
export const Layout = { plain: 0, inline: 2, chunked: 4 } as const;
export type Layout = (typeof Layout)[keyof typeof Layout];

const MODE_BITS: Readonly<Record<TreeNode["type"], number>> = {
  fifo: 0o010000,
  "char-device": 0o020000,
  directory: 0o040000,
  "block-device": 0o060000,
  file: 0o100000,
  symlink: 0o120000,
};

/** The `file_type` of directory entries: the kernel's FT_ numbers. */
export const FILE_TYPE: Readonly<Record<TreeNode["type"], number>> = {
  file: 1,
  directory: 2,
  "char-device": 3,
  "block-device": 4,
  fifo: 5,
  symlink: 7,
};

/** What the superblock says beside constants. */
export interface Superblock {
  readonly rootSlot: number;
  readonly inodes: number;
  readonly blocks: number;
  readonly metadataBlock: number;
  readonly uuid: Uint8Array;
  /** True when a file is stored in chunks. */
  readonly chunked: boolean;
  /** Length in bytes of the archive that holds the content, for an indexed image. */
  readonly archive: number | undefined;
}

/** The image's first block, with the superblock at its place. */
export function encodeSuperblock(fields: Superblock): Buffer {
  const { archive } = fields;
  const block = Buffer.alloc(archive === undefined ? BLOCK_SIZE : INDEX_HEAD);
  const at = SUPER_OFFSET;
  block.writeUInt32LE(SUPER_MAGIC, at);
  block.writeUInt32LE(COMPAT_CHECKSUM | COMPAT_MTIME, at + 8);
  block[at + 12] = archive === undefined ? BLOCK_BITS : TAR_BLOCK_BITS;
  block.writeUInt16LE(fields.rootSlot, at + 14);
  block.writeBigUInt64LE(BigInt(fields.inodes), at + 16);
  block.writeUInt32LE(fields.blocks, at + 36);
  block.writeUInt32LE(fields.metadataBlock, at + 40);
  block.set(fields.uuid, at + 48);
  const chunked = fields.chunked ? INCOMPAT_CHUNKED : 0;
  block.writeUInt32LE(archive === undefined ? chunked : chunked | INCOMPAT_DEVICES, at + 80);
  if (archive !== undefined) {
    block.writeUInt16LE(1, at + 86);
    block.writeUInt16LE(DEVICE_OFFSET / DEVICE_SLOT, at + 88);
    block.writeUInt32LE(Math.ceil(archive / 2 ** TAR_BLOCK_BITS), DEVICE_OFFSET + 64);
    block.writeUInt32LE(ARCHIVE_BLOCK, DEVICE_OFFSET + 68);
  }
  block.writeUInt32LE(crc32c(checksummed(block)), at + 4);
  return block;
}

/** What the checksum covers: the rest of the superblock's block, or a small block's length; its own field as zeros. */
function checksummed(block: Buffer): Buffer {
  const size = 2 ** block[SUPER_OFFSET + 12]!;
  return block.subarray(SUPER_OFFSET, size > SUPER_OFFSET ? size : SUPER_OFFSET + size);
}

/** What an inode has beside its attributes. */
export interface InodeFields {
  readonly layout: Layout;
  readonly size: number;
  /** Block number, device number or chunk format, by type and layout. */
  readonly location: number;
  readonly links: number;
  /** Bytes of the attribute area behind the inode. */
  readonly xattrBytes: number;
  /** A number for 32-bit programs, counted from 1. */
  readonly serial: number;
}

/** Writes the extended (64-byte) inode of a file of `type` to the start of `target`. */
export function encodeInode(
  target: Buffer,
  type: TreeNode["type"],
  attributes: NodeAttributes,
  fields: InodeFields,
): void {
  const { seconds, nanoseconds } = attributes.mtime;
  target.writeUInt16LE(1 | (fields.layout << 1), 0);
  // Counted as the 12-byte header and 4-byte words behind it.
  target.writeUInt16LE(fields.xattrBytes === 0 ? 0 : (fields.xattrBytes - 12) / 4 + 1, 2);
  target.writeUInt16LE(MODE_BITS[type] | attributes.mode, 4);
  writeUInt64(target, fields.size, 8);
  target.writeUInt32LE(fields.location, 16);
  target.writeUInt32LE(fields.serial, 20);
  target.writeUInt32LE(attributes.uid, 24);
  target.writeUInt32LE(attributes.gid, 28);
  writeUInt64(target, seconds, 32);
  target.writeUInt32LE(nanoseconds, 40);
  target.writeUInt32LE(fields.links, 44);
}

/** The device number as inodes hold it: 12 bits of major, 20 of minor (the kernel's new_encode_dev). */
export function encodeDevice(major: number, minor: number): number {
  return ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;
}

/** Two's complement in 64 bits; exact for every safe integer, and without a BigInt for each inode. */
function writeUInt64(target: Buffer, value: number, offset: number): void {
  target.writeUInt32LE(value >>> 0, offset);
  target.writeUInt32LE(Math.floor(value / 2 ** 32) >>> 0, offset + 4);
}

/** What {@link decodeSuperblock} finds. */
export interface DecodedSuperblock
  extends Pick<Superblock, "rootSlot" | "inodes" | "blocks" | "metadataBlock"> {
  readonly blockBits: number;
  /** Where shared attributes begin. */
  readonly xattrBlock: number;
  /** The time of all files whose inodes have none. */
  readonly time: TarTime;
  /** Blocks of the archive that holds the content, for an indexed image. */
  readonly archiveBlocks: number | undefined;
}

/** Why an image cannot be read. */
export interface SuperblockFault {
  readonly problem: string;
  /** False where the image may be sound, but of a form that this room does not know. */
  readonly known: boolean;
}

/** Reads an image's first block, unless it is damaged or of a form that this room does not read. */
export function decodeSuperblock(block: Buffer): DecodedSuperblock | SuperblockFault {
  const at = SUPER_OFFSET;
  if (block.length < at + 128 || block.readUInt32LE(at) !== SUPER_MAGIC)
    return broken("it has no superblock of EROFS");
  const blockBits = block[at + 12]!;
  if (blockBits < TAR_BLOCK_BITS || blockBits > BLOCK_BITS) {
    return strange(`its blocks are of 2^${blockBits} bytes, not of 512 to 4096`);
  }
  if (block.length < Math.max(INDEX_HEAD, 2 ** blockBits)) return broken("it ends within its first block");
  if (block[at + 90] !== 0) return strange("its directories have blocks of their own size");
  const features = block.readUInt32LE(at + 80);
  const unknown = features & ~(INCOMPAT_ZERO_PADDING | INCOMPAT_CHUNKED | INCOMPAT_DEVICES);
  if (unknown !== 0) {
    return strange(
      `it has features that are not known (0x${(unknown >>> 0).toString(16)}), such as compression`,
    );
  }
  if ((block.readUInt32LE(at + 8) & COMPAT_CHECKSUM) !== 0) {
    const checked = Buffer.from(checksummed(block));
    checked.writeUInt32LE(0, 4);
    if (block.readUInt32LE(at + 4) !== crc32c(checked))
      return broken("the checksum of its superblock is wrong");
  }
  const indexed = (features & INCOMPAT_DEVICES) !== 0;
  if (indexed && !isOurDevice(block))
    return strange("its content is on devices that are not Corten's archives");
  return {
    rootSlot: block.readUInt16LE(at + 14),
    inodes: Number(block.readBigUInt64LE(at + 16)),
    time: { seconds: Number(block.readBigInt64LE(at + 24)), nanoseconds: block.readUInt32LE(at + 32) },
    blocks: block.readUInt32LE(at + 36),
    metadataBlock: block.readUInt32LE(at + 40),
    xattrBlock: block.readUInt32LE(at + 44),
    blockBits,
    archiveBlocks: indexed ? block.readUInt32LE(DEVICE_OFFSET + 64) : undefined,
  };
}

function broken(problem: string): SuperblockFault {
  return { problem, known: true };
}

function strange(problem: string): SuperblockFault {
  return { problem, known: false };
}

function isOurDevice(block: Buffer): boolean {
  return (
    block[SUPER_OFFSET + 12] === TAR_BLOCK_BITS &&
    block.readUInt16LE(SUPER_OFFSET + 86) === 1 &&
    block.readUInt16LE(SUPER_OFFSET + 88) === DEVICE_OFFSET / DEVICE_SLOT &&
    block.readUInt32LE(DEVICE_OFFSET + 68) === ARCHIVE_BLOCK
  );
}

/** An inode as read from an image; its attributes' names and values follow it there. */
export interface DecodedInode extends Omit<NodeAttributes, "xattrs">, Omit<InodeFields, "serial"> {
  readonly type: TreeNode["type"];
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  /** Byte offset of the inode in the image. */
  readonly at: number;
  /** Byte offset of what follows the inode: attributes, then content or a map of it. */
  readonly end: number;
}

/**
 * Reads an inode that stands at byte `at`; undefined when it is of a form that this room does not read, such as
 * compressed.
 *
 * @param time of files whose inodes have none
 */
export function decodeInode(bytes: Buffer, at: number, time: TarTime): DecodedInode | undefined {
  const format = bytes.readUInt16LE(0);
  const compact = (format & 1) === 0;
  if (bytes.length < (compact ? COMPACT_INODE_SIZE : INODE_SIZE)) return undefined;
  const layout = Object.values(Layout).find((known) => known === format >> 1);
  const mode = bytes.readUInt16LE(4);
  const type = (Object.keys(MODE_BITS) as TreeNode["type"][]).find((t) => MODE_BITS[t] === (mode & 0o170000));
  if (layout === undefined || type === undefined) return undefined;
  const words = bytes.readUInt16LE(2);
  const location = bytes.readUInt32LE(16);
  const device = type === "char-device" || type === "block-device" ? location : 0;
  const common = {
    type,
    layout,
    at,
    xattrBytes: words === 0 ? 0 : 12 + 4 * (words - 1),
    mode: mode & 0o7777,
    location,
    deviceMajor: (device >>> 8) & 0xfff,
    deviceMinor: ((device & 0xff) | ((device >>> 12) & 0xfff00)) >>> 0,
  };
  if (compact) {
    return {
      ...common,
      end: at + COMPACT_INODE_SIZE,
      size: bytes.readUInt32LE(8),
      uid: bytes.readUInt16LE(24),
      gid: bytes.readUInt16LE(26),
      mtime: time,
      links: bytes.readUInt16LE(6),
    };
  }
  return {
    ...common,
    end: at + INODE_SIZE,
    size: Number(bytes.readBigUInt64LE(8)),
    uid: bytes.readUInt32LE(24),
    gid: bytes.readUInt32LE(28),
    mtime: { seconds: Number(bytes.readBigInt64LE(32)), nanoseconds: bytes.readUInt32LE(40) },
    links: bytes.readUInt32LE(44),
  };
}
