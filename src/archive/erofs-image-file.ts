import type { ByteString } from "./byte-string.ts";
import type { DecodedInode } from "./erofs-format.ts";
import { OPAQUE_XATTR } from "./overlay-xattr.ts";
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

const inodes = new WeakMap<ImageFile, DecodedInode>();

/** The file that an inode describes. */
export function fileOfInode(
  slot: number,
  inode: DecodedInode,
  xattrs: ReadonlyMap<ByteString, Uint8Array>,
): ImageFile {
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
    opaque: type === "directory" && xattrs.has(OPAQUE_XATTR),
  };
  inodes.set(file, inode);
  return file;
}

/** The inode of a file; undefined for what {@link fileOfInode} has not made. */
export function inodeOfFile(file: ImageFile): DecodedInode | undefined {
  return inodes.get(file);
}
