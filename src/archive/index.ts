/**
 * Layers are tar archives, packed with gzip or zstd; on disk Corten keeps them as EROFS images.
 *
 * A tar archive is a row of 512-byte header blocks, each followed by the content of one file; what
 * the header has no room for stands in extension headers in front of it (PAX, GNU). Forty years of
 * dialects make two readers see different files in one archive, and that is how attackers hide
 * things: this room's reader refuses whatever is ambiguous. Names are bytes and are never joined to
 * a path of the host.
 *
 * EROFS is a read-only file system of the kernel: an image is one file that is mounted as it is.
 * Turning a layer into one means writing bytes, where unpacking means creating files as root along
 * names that someone else chose. Layers are stacked by overlayfs, whose way to say "deleted"
 * (a device 0/0) and "start afresh" (an attribute of a directory) the images carry.
 */

export type { ByteString } from "./byte-string.ts";
export { toByteString, toText } from "./byte-string.ts";
export type { ChunkedLayer, ChunkedOptions, OpenLayer } from "./chunked/estargz.ts";
export { toEstargz } from "./chunked/estargz.ts";
export { toZstdChunked } from "./chunked/zstd-chunked.ts";
export type { Compression, DecompressLimits, DecompressOptions } from "./compression.ts";
export { compress, decompress, detectCompression } from "./compression.ts";
export { clampTimes, isYounger, toInput } from "./entry-copy.ts";
export type { CheckErofsOptions, CheckedErofs } from "./erofs-check.ts";
export { checkErofs } from "./erofs-check.ts";
export type { ContentSink, StoredContent } from "./erofs-content.ts";
export { archiveOf } from "./erofs-file.ts";
export { ErofsImage } from "./erofs-image.ts";
export type { ImageFile } from "./erofs-image-file.ts";
export { erofsToTar } from "./erofs-tar.ts";
export { ErofsWriter } from "./erofs-writer.ts";
export type { FlatAttributes, FlatFile } from "./flat/flat-node.ts";
export { FlatDirectory } from "./flat/flat-node.ts";
export type { FlatEntry } from "./flat/flat-tree.ts";
export { FlatTree } from "./flat/flat-tree.ts";
export type { FlattenLayer, FlattenOptions } from "./flat/flatten.ts";
export { flattenLayers } from "./flat/flatten.ts";
export type { LayerVisitor, ScanLayerOptions } from "./flat/layer-scan.ts";
export { scanLayer } from "./flat/layer-scan.ts";
export type { BuildLayerOptions, BuiltLayer, LayerDirectory } from "./layer-build.ts";
export { buildLayer } from "./layer-build.ts";
export type { ExaminedLayer, ExamineLayerOptions } from "./layer-examination.ts";
export { examineLayer } from "./layer-examination.ts";
export type { LayerNames } from "./layer-names.ts";
export type { LayerFinding, LayerRule } from "./layer-rules.ts";
export type { FileBelow, LayersBelow } from "./layers-below.ts";
export type { SparseSegment, TarEntry, TarEntryType, TarTime } from "./tar-entry.ts";
export type { TarLimits } from "./tar-limits.ts";
export type { TarReadEntry } from "./tar-reader.ts";
export { readTar } from "./tar-reader.ts";
export type { TarInput } from "./tar-writer.ts";
export { writeTar } from "./tar-writer.ts";
export type {
  DeviceNode,
  DirectoryNode,
  FifoNode,
  FileNode,
  NodeAttributes,
  SymlinkNode,
  TreeNode,
} from "./tree.ts";
