/**
 * The executor's streaming mode: entries of a file system, one after the other, that the operation `applyStream` writes
 * below a root. It is how a layer is unpacked where it cannot be mounted: by an ordinary user in a user namespace, and
 * on kernels that cannot mount an image file.
 *
 * All numbers are little-endian. The stream begins with a head of 16 bytes: magic "cortenST", u32 version, u32 reserved.
 * Each entry is a record of 64 bytes, followed by its path, its text and its data; the last one is of the kind `end`.
 *
 *     0 u16 kind    2 u16 flags   4 u32 mode (permission bits)   8 u32 uid   12 u32 gid   16 u32 major   20 u32 minor
 *    24 i64 mtime, seconds       32 u32 nanoseconds   36 u32 path, bytes   40 u32 text, bytes   44 u32 reserved
 *    48 u64 data, bytes          56 u64 position
 */

import { CortenError } from "../../spec/index.ts";

export const STREAM_MAGIC = "cortenST";
export const STREAM_VERSION = 1;
export const STREAM_ENTRY_SIZE = 64;
/** Bytes of a path or of a link's target. */
export const MAX_PATH = 4095;
/** Bytes of an extended attribute's value: the kernel's own limit. */
export const MAX_ATTRIBUTE = 65_536;

export const STREAM_KINDS = {
  end: 0,
  /** A directory; one that is there is kept, anything else that is there is replaced. */
  directory: 1,
  /**
   * A regular file with its data; what is there is replaced, as by all kinds below. Where the position is beyond the data
   * it is the file's length, and a hole follows the data.
   */
  file: 2,
  /** Text is the target. */
  symlink: 3,
  /** Text is the path of the file that gets one more name. */
  hardLink: 4,
  /** A character device; 0:0 is overlayfs's whiteout. */
  characterDevice: 5,
  blockDevice: 6,
  fifo: 7,
  /** Text is the name and data the value of an extended attribute of a file or directory that is there. */
  attribute: 8,
  /** Owner, mode and time of what is there, as the flags say: for directories, when they are full. */
  status: 9,
  /** Removes what is there, with all that is below. */
  remove: 10,
  /** Data at a position of a regular file that is there: a sparse file comes piece by piece. */
  extent: 11,
} as const;

/** What of an entry's status is set; the rest is the kernel's default for a new file. */
export const STREAM_FLAGS = { owner: 1, mode: 2, time: 4 } as const;

/** One entry. Paths count from the root, with or without a leading slash, and hold no `..`. */
export interface StreamEntry {
  readonly kind: keyof typeof STREAM_KINDS;
  readonly path?: string | Uint8Array;
  /** Permission bits, with set-ID and sticky bits. */
  readonly mode?: number;
  readonly owner?: { readonly uid: number; readonly gid: number };
  /** Seconds since 1970 and nanoseconds. */
  readonly mtime?: { readonly seconds: number; readonly nanoseconds: number };
  readonly device?: { readonly major: number; readonly minor: number };
  /** Target of a link, name of an attribute. */
  readonly text?: string | Uint8Array;
  /** Length of the data that follows, bytes. */
  readonly size?: number;
  /** Of an extent in its file; of a file with holes, its length. */
  readonly position?: number;
}

/** The beginning of a stream. */
export function streamHead(): Uint8Array {
  const head = Buffer.alloc(16);
  head.write(STREAM_MAGIC, 0, "latin1");
  head.writeUInt32LE(STREAM_VERSION, 8);
  return head;
}

/**
 * Encodes an entry without its data, which the caller sends behind it: exactly `size` bytes.
 *
 * @throws invalid-argument for a path or text that is too long or holds a NUL byte
 */
export function encodeStreamEntry(entry: StreamEntry): Uint8Array {
  const path = textOf(entry, "path");
  const text = textOf(entry, "text");
  const record = Buffer.alloc(STREAM_ENTRY_SIZE + path.length + text.length);
  const { mode, owner, mtime, device, size = 0, position = 0 } = entry;
  record.writeUInt16LE(STREAM_KINDS[entry.kind], 0);
  const flags =
    (owner === undefined ? 0 : STREAM_FLAGS.owner) |
    (mode === undefined ? 0 : STREAM_FLAGS.mode) |
    (mtime === undefined ? 0 : STREAM_FLAGS.time);
  record.writeUInt16LE(flags, 2);
  record.writeUInt32LE(mode ?? 0, 4);
  record.writeUInt32LE(owner?.uid ?? 0, 8);
  record.writeUInt32LE(owner?.gid ?? 0, 12);
  record.writeUInt32LE(device?.major ?? 0, 16);
  record.writeUInt32LE(device?.minor ?? 0, 20);
  record.writeBigInt64LE(BigInt(mtime?.seconds ?? 0), 24);
  record.writeUInt32LE(mtime?.nanoseconds ?? 0, 32);
  record.writeUInt32LE(path.length, 36);
  record.writeUInt32LE(text.length, 40);
  record.writeBigUInt64LE(BigInt(size), 48);
  record.writeBigUInt64LE(BigInt(position), 56);
  record.set(path, STREAM_ENTRY_SIZE);
  record.set(text, STREAM_ENTRY_SIZE + path.length);
  return record;
}

function textOf(entry: StreamEntry, field: "path" | "text"): Buffer {
  const bytes = Buffer.from((entry[field] ?? "") as string);
  if (bytes.length <= MAX_PATH && !bytes.includes(0)) return bytes;
  const shown = JSON.stringify(bytes.toString("utf8", 0, 80));
  const fault = bytes.includes(0) ? "holds a NUL byte" : `is longer than ${MAX_PATH} bytes`;
  throw new CortenError("invalid-argument", `the ${field} of an entry of the stream ${fault}: ${shown}`);
}
