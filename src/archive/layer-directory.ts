import type { ByteString } from "./byte-string.ts";
import type { TarTime } from "./tar-entry.ts";
import { NO_XATTRS } from "./tar-entry.ts";
import type { DirectoryNode, NodeAttributes, TreeNode } from "./tree.ts";

const EPOCH: TarTime = { seconds: 0, nanoseconds: 0 };

/** A directory of a layer while entries still arrive. */
export class LayerDirectoryNode implements DirectoryNode {
  readonly type = "directory";
  readonly children = new Map<ByteString, TreeNode>();
  readonly parent: LayerDirectoryNode | undefined;
  /** Its name in {@link parent}; the root's is empty. */
  readonly name: ByteString;
  mode = 0o755;
  uid = 0;
  gid = 0;
  mtime: TarTime = EPOCH;
  xattrs: ReadonlyMap<ByteString, Uint8Array> = NO_XATTRS;
  /** True while no entry has described it: the archive only named something below it. */
  implied = true;
  /** True when it hides what lower layers have below it. */
  opaque = false;
  /** Names below it that hide what lower layers have. */
  readonly whiteouts = new Set<ByteString>();
  /** Names of children that are a lower layer's, here because a hard link wants them. */
  readonly borrowed = new Set<ByteString>();

  constructor(parent: LayerDirectoryNode | undefined, name: ByteString) {
    this.parent = parent;
    this.name = name;
  }

  describe(attributes: NodeAttributes): void {
    this.mode = attributes.mode;
    this.uid = attributes.uid;
    this.gid = attributes.gid;
    this.mtime = attributes.mtime;
    this.xattrs = attributes.xattrs;
    this.implied = false;
  }

  /** The path of a file in it, without slashes at either end. */
  pathOf(name: ByteString): ByteString {
    const parts = [name];
    for (let at: LayerDirectoryNode = this; at.parent !== undefined; at = at.parent) parts.push(at.name);
    return parts.reverse().join("/");
  }

  /** True when the layer has said so far that nothing of lower layers is left under `name`. */
  hidesBelow(name: ByteString): boolean {
    if (this.whiteouts.has(name)) return true;
    for (let at: LayerDirectoryNode = this; ; at = at.parent) {
      if (at.opaque) return true;
      if (at.parent === undefined) return false;
      if (at.parent.whiteouts.has(at.name)) return true;
    }
  }
}
