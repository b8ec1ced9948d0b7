import type { ByteString, ErofsImage, ImageFile } from "../archive/index.ts";
import { encodeStreamEntry, type StreamEntry, streamHead } from "../runtime/index.ts";
import { CortenError } from "../spec/index.ts";
import type { MergedTree, Place } from "./merged-tree.ts";

const KINDS = {
  file: "file",
  directory: "directory",
  symlink: "symlink",
  "char-device": "characterDevice",
  "block-device": "blockDevice",
  fifo: "fifo",
} as const satisfies Readonly<Record<ImageFile["type"], StreamEntry["kind"]>>;

/** Which part of an image's tree its reader can have. */
export interface TreeStreamOptions {
  /** The directory that is the stream's root, links in its path followed. Default: the tree's own. */
  readonly from?: string;
  /**
   * Device nodes are left out: in a user namespace nobody can make one, and the runtime fills /dev by itself. Default:
   * false.
   */
  readonly withoutDevices?: boolean;
  /** Everything belongs to whoever unpacks it: for users to whom no other ids are mapped. Default: false. */
  readonly withoutOwners?: boolean;
  /** Extended attributes are kept whose names this accepts. Default: all but overlayfs's own. */
  readonly attribute?: (name: string) => boolean;
}

/**
 * The merged tree of an image's layers as a stream for the executor (`applyStream`), which writes it below a directory:
 * the root file system in one directory, for hosts and users that cannot mount layers. Hard links stay links, holes stay
 * holes; whiteouts are gone, since they have done their work.
 */
export function* streamTree(tree: MergedTree, options: TreeStreamOptions = {}): Generator<Uint8Array> {
  yield streamHead();
  const root = tree.resolve(options.from ?? "");
  if (root?.occurrences[0].file.type === "directory") {
    const progress = { options, base: root.path, names: new Map() };
    yield encodeStreamEntry({ kind: "directory", path: "", ...ownership(root.occurrences[0].file, options) });
    yield* streamDirectory(tree, root, progress);
    yield* finish(root, progress);
  }
  yield encodeStreamEntry({ kind: "end" });
}

interface Progress {
  readonly options: TreeStreamOptions;
  /** The path of the stream's root in the tree. */
  readonly base: ByteString;
  /** The first name of each file that has several, by image and slot. */
  readonly names: Map<ErofsImage, Map<number, Uint8Array>>;
}

function* streamDirectory(tree: MergedTree, directory: Place, progress: Progress): Generator<Uint8Array> {
  for (const [name, place] of tree.children(directory)) {
    // Our encoder writes no such names; a damaged image might hold anything.
    if (name === "" || name === "." || name === ".." || name.includes("/") || name.includes("\0")) {
      throw new CortenError("data-loss", "an EROFS image holds a name that cannot be one");
    }
    yield* streamFile(tree, place, progress);
  }
}

function* streamFile(tree: MergedTree, place: Place, progress: Progress): Generator<Uint8Array> {
  const { image, file } = place.occurrences[0];
  const path = pathOf(place, progress);
  const device = file.type === "char-device" || file.type === "block-device";
  if (device && progress.options.withoutDevices === true) return;
  const first = file.type === "directory" || file.links < 2 ? undefined : firstName(progress, place);
  if (first !== undefined) {
    yield encodeStreamEntry({ kind: "hardLink", path, text: first });
    return;
  }
  const common = { kind: KINDS[file.type], path, ...ownership(file, progress.options) };
  if (file.type === "file") yield* streamContent(image, file, path, common);
  else if (file.type === "symlink") yield encodeStreamEntry({ ...common, text: image.readStart(file, 4095) });
  else if (device) {
    yield encodeStreamEntry({ ...common, device: { major: file.deviceMajor, minor: file.deviceMinor } });
  } else yield encodeStreamEntry(common);
  if (file.type === "directory") yield* streamDirectory(tree, place, progress);
  yield* finish(place, progress);
}

function* streamContent(
  image: ErofsImage,
  file: ImageFile,
  path: Uint8Array,
  common: StreamEntry,
): Generator<Uint8Array> {
  if (image.segments(file) !== undefined) {
    yield encodeStreamEntry({ ...common, position: file.size });
    for (const { bytes, position } of image.pieces(file)) {
      yield encodeStreamEntry({ kind: "extent", path, position, size: bytes.length });
      yield bytes;
    }
    return;
  }
  yield encodeStreamEntry({ ...common, size: file.size });
  for (const { bytes } of image.pieces(file)) yield bytes;
}

/** What is set once a file is complete: attributes, which a change of owner would drop, and the time. */
function* finish(place: Place, progress: Progress): Generator<Uint8Array> {
  const { attribute = isOfImage } = progress.options;
  const { file } = place.occurrences[0];
  const path = pathOf(place, progress);
  if (file.type === "file" || file.type === "directory") {
    for (const [name, value] of file.xattrs) {
      if (!attribute(name)) continue;
      yield encodeStreamEntry({ kind: "attribute", path, text: bytesOf(name), size: value.length });
      yield value;
    }
  }
  yield encodeStreamEntry({ kind: "status", path, mtime: file.mtime });
}

function isOfImage(name: string): boolean {
  return !name.startsWith("trusted.overlay.") && !name.startsWith("user.overlay.");
}

/** The name under which the file was written already; undefined the first time. */
function firstName(progress: Progress, place: Place): Uint8Array | undefined {
  const { names } = progress;
  const { image, file } = place.occurrences[0];
  let known = names.get(image);
  if (known === undefined) {
    known = new Map();
    names.set(image, known);
  }
  const first = known.get(file.slot);
  if (first === undefined) known.set(file.slot, pathOf(place, progress));
  return first;
}

function ownership(
  { mode, uid, gid }: ImageFile,
  { withoutOwners }: TreeStreamOptions,
): Pick<StreamEntry, "mode" | "owner"> {
  return withoutOwners === true ? { mode } : { mode, owner: { uid, gid } };
}

/** Of a file, from the stream's root. */
function pathOf({ path }: Place, { base }: Progress): Uint8Array {
  return bytesOf(base === "" ? path : path.slice(base.length + 1));
}

/** Names are strings of bytes, one character each. */
function bytesOf(text: ByteString): Uint8Array {
  return Buffer.from(text, "latin1");
}
