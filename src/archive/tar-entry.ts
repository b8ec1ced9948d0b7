import type { ByteString } from "./byte-string.ts";

/** What a tar entry describes. Contiguous files (`7`) read as `file`. */
export type TarEntryType =
  | "file"
  | "hardlink"
  | "symlink"
  | "char-device"
  | "block-device"
  | "directory"
  | "fifo";

/** A time as POSIX and PAX have it: whole seconds since 1970 (negative before) and 0–999,999,999 ns. */
export interface TarTime {
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** A stretch of a sparse file that holds data; everything between the stretches reads as zeros. */
export interface SparseSegment {
  readonly offset: number;
  readonly length: number;
}

/** One entry's metadata, after PAX and GNU extensions have been applied. */
export interface TarEntry {
  readonly type: TarEntryType;
  /** The name as written: possibly absolute, with `./` or `..`. Never resolve it on a host path. */
  readonly path: ByteString;
  /** Target of a symbolic or hard link as written; empty for other types. */
  readonly linkPath: ByteString;
  /** The twelve permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly userName: ByteString;
  readonly groupName: ByteString;
  /** Length of the content in bytes; of a sparse file, its length with the holes. */
  readonly size: number;
  /** Bytes of content stored in the archive: `size` but for sparse files. */
  readonly storedSize: number;
  readonly mtime: TarTime;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  /** Extended attributes (`SCHILY.xattr.*`), names with their namespace prefix. */
  readonly xattrs: ReadonlyMap<ByteString, Uint8Array>;
  /** Where the stored bytes of a sparse file belong, ascending and apart; undefined for other files. */
  readonly sparse: readonly SparseSegment[] | undefined;
  /** Byte offset of the entry's header block in the uncompressed archive. */
  readonly offset: number;
}

/** The permanently empty attribute map that entries without extended attributes share. */
export const NO_XATTRS: ReadonlyMap<ByteString, Uint8Array> = new Map();
