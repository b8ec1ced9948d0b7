/**
 * Layers → a root file system. Each layer of an image is kept as an EROFS image, a read-only file system in one
 * file that is written straight from the layer's tar stream: nothing an image contains is ever unpacked onto the
 * host's file system. A container's root is these files stacked with overlayfs, with an upper directory, a tmpfs or
 * nothing on top; the launch plan mounts them inside the container's own mount namespace, so the host sees none.
 */

export type { CollectedSnapshots, KeptSnapshots } from "./collect.ts";
export type { PrepareOptions, SnapshotOptions } from "./snapshots.ts";
export { openSnapshots, Snapshots } from "./snapshots.ts";
export type { LayerStack } from "./stack.ts";
export type { TreeStreamOptions } from "./tree-stream.ts";
export type { TreeOptions } from "./trees.ts";
export type { DamagedSnapshot, VerifyOptions } from "./verify.ts";
