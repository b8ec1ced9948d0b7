import { CortenError } from "../spec/index.ts";
import { quoteName } from "./byte-string.ts";
import type { StoredContent } from "./erofs-content.ts";
import { NO_CONTENT } from "./erofs-content.ts";
import { refuseEntry } from "./layer-fault.ts";
import type { FileBelow } from "./layers-below.ts";
import type { TarEntry } from "./tar-entry.ts";
import { NO_XATTRS } from "./tar-entry.ts";
import type { FileNode, NodeAttributes, TreeNode } from "./tree.ts";

/** The whiteout of overlayfs is a character device 0/0; one inode with many names serves a layer. */
export function makeWhiteout(): TreeNode {
  const mtime = { seconds: 0, nanoseconds: 0 };
  return { type: "char-device", mode: 0, uid: 0, gid: 0, mtime, xattrs: NO_XATTRS, major: 0, minor: 0 };
}

/** The file that an entry describes; not for directories and hard links. */
export function makeNode(
  entry: TarEntry,
  attributes: NodeAttributes,
  content: StoredContent | undefined,
): TreeNode {
  switch (entry.type) {
    case "file":
      if (content === undefined) throw new CortenError("internal", `no content for ${quoteName(entry.path)}`);
      return { type: "file", ...attributes, content };
    case "symlink":
      if (entry.linkPath.length >= 4096) throw refuseEntry(entry, "has a target longer than Linux allows");
      return { type: "symlink", ...attributes, target: entry.linkPath };
    case "char-device":
    case "block-device": {
      const { deviceMajor: major, deviceMinor: minor } = entry;
      if (major > 0xfff || minor > 0xf_ffff) {
        throw refuseEntry(entry, `has the device number ${major}:${minor}, which Linux does not have`);
      }
      return { type: entry.type, ...attributes, major, minor };
    }
    case "fifo":
      return { type: "fifo", ...attributes };
    default:
      throw new CortenError("internal", `entry type ${entry.type} makes no file`);
  }
}

/** A file of a lower layer that this layer needs to hold as well. */
export interface BorrowedFile {
  readonly from: FileBelow;
  /** Where the content goes when it has been copied. */
  readonly node: FileNode & { content: StoredContent };
}

/** The node of a lower layer's file, which is no directory; `borrow` hears of content that is to be copied. */
export function nodeBelow(from: FileBelow, borrow: (file: BorrowedFile) => void): TreeNode {
  const { image, file } = from;
  const { type, mode, uid, gid, mtime, xattrs } = file;
  const attributes = { mode, uid, gid, mtime, xattrs };
  switch (type) {
    case "file": {
      const node = { type, ...attributes, content: NO_CONTENT };
      if (file.size > 0) borrow({ from, node });
      return node;
    }
    case "symlink":
      return { type, ...attributes, target: image.read(file, 4095).toString("latin1") };
    case "fifo":
      return { type, ...attributes };
    case "directory":
      throw new CortenError("internal", "a directory cannot be borrowed from a lower layer");
    default:
      return { type, ...attributes, major: file.deviceMajor, minor: file.deviceMinor };
  }
}
