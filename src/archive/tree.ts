import type { ByteString } from "./byte-string.ts";
import type { StoredContent } from "./erofs-content.ts";
import type { TarTime } from "./tar-entry.ts";

/** What every file of a tree has. */
export interface NodeAttributes {
  /** The twelve permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: TarTime;
  /** Names with their namespace, e.g. `security.capability`. */
  readonly xattrs: ReadonlyMap<ByteString, Uint8Array>;
}

export interface DirectoryNode extends NodeAttributes {
  readonly type: "directory";
  readonly children: ReadonlyMap<ByteString, TreeNode>;
}

export interface FileNode extends NodeAttributes {
  readonly type: "file";
  /** Where the image holds the content: what {@link ErofsWriter.store} and its like return. */
  readonly content: StoredContent;
}

export interface SymlinkNode extends NodeAttributes {
  readonly type: "symlink";
  readonly target: ByteString;
}

export interface DeviceNode extends NodeAttributes {
  readonly type: "char-device" | "block-device";
  readonly major: number;
  readonly minor: number;
}

export interface FifoNode extends NodeAttributes {
  readonly type: "fifo";
}

/**
 * A file of any type in a tree for {@link ErofsWriter.finish}. One object that stands in several
 * places is one file with hard links.
 */
export type TreeNode = DirectoryNode | FileNode | SymlinkNode | DeviceNode | FifoNode;
