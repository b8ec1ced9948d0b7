import type { ByteString } from "../byte-string.ts";
import type { TarEntry, TarEntryType, TarTime } from "../tar-entry.ts";
import { NO_XATTRS } from "../tar-entry.ts";

/** The attributes of a file in a {@link FlatTree}, as its entry gave them. */
export interface FlatAttributes {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: TarTime;
  readonly xattrs: ReadonlyMap<ByteString, Uint8Array>;
}

/** A file that is no directory. One object in several places is one file with hard links. */
export interface FlatFile extends FlatAttributes {
  readonly type: Exclude<TarEntryType, "directory" | "hardlink">;
  /** Target of a symbolic link, else empty. */
  readonly linkPath: ByteString;
  readonly size: number;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  /** Where its content is: the layer, counted from 0, and the entry in it. */
  readonly layer: number;
  readonly entry: number;
  /** What the reader of the layer says of its content, e.g. a digest. */
  readonly content: string | undefined;
}

/** A name in a directory, and the uppermost layer that has said something of it. */
export interface FlatSlot {
  node: FlatFile | FlatDirectory;
  layer: number;
}

const EPOCH: TarTime = { seconds: 0, nanoseconds: 0 };

/** A directory of a {@link FlatTree}. */
export class FlatDirectory implements FlatAttributes {
  readonly type = "directory";
  readonly children = new Map<ByteString, FlatSlot>();
  readonly parent: FlatDirectory | undefined;
  mode = 0o755;
  uid = 0;
  gid = 0;
  mtime: TarTime = EPOCH;
  xattrs: ReadonlyMap<ByteString, Uint8Array> = NO_XATTRS;
  /** True while no entry has described it. */
  implied = true;

  constructor(parent: FlatDirectory | undefined) {
    this.parent = parent;
  }

  describe({ mode, uid, gid, mtime, xattrs }: FlatAttributes): void {
    Object.assign(this, { mode, uid, gid, mtime, xattrs, implied: false });
  }
}

/** The file that an entry makes; not of directories and hard links. */
export function flatFile(
  entry: TarEntry,
  layer: number,
  index: number,
  content: string | undefined,
): FlatFile {
  const { type, mode, uid, gid, mtime, xattrs, linkPath, size, deviceMajor, deviceMinor } = entry;
  return {
    type: type as FlatFile["type"],
    mode,
    uid,
    gid,
    mtime,
    xattrs,
    linkPath,
    size,
    deviceMajor,
    deviceMinor,
    layer,
    entry: index,
    content,
  };
}
