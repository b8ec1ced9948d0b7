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
  /**
   * Device nodes are left out: in a user namespace nobody can make one, and the runtime fills /dev by itself. Default:
   * false.
   */
  readonly withoutDevices?: boolean;
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
  const root = tree.resolve("");
  if (root !== undefined) {
    yield encodeStreamEntry({ kind: "directory", path: "", ...ownership(root.occurrences[0].file) });
    yield* streamDirectory(tree, root, { options, names: new Map() });
    yield* finish(root, options);
  }
  yield encodeStreamEntry({ kind: "end" });
}

interface Progress {
  readonly options: TreeStreamOptions;
  /** The first name of each file that has several, by image and slot. */
  readonly names: Map<ErofsImage, Map<number, ByteString>>;
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
  const path = bytesOf(place.path);
  const device = file.type === "char-device" || file.type === "block-device";
  if (device && progress.options.withoutDevices === true) return;
  const first = file.type === "directory" || file.links < 2 ? undefined : firstName(progress, place);
  if (first !== undefined) {
    yield encodeStreamEntry({ kind: "hardLink", path, text: bytesOf(first) });
    return;
  }
  const common = { kind: KINDS[file.type], path, ...ownership(file) };
  if (file.type === "file") yield* streamContent(image, file, path, common);
  else if (file.type === "symlink") yield encodeStreamEntry({ ...common, text: image.readStart(file, 4095) });
  else if (device) {
    yield encodeStreamEntry({ ...common, device: { major: file.deviceMajor, minor: file.deviceMinor } });
  } else yield encodeStreamEntry(common);
  if (file.type === "directory") yield* streamDirectory(tree, place, progress);
  yield* finish(place, progress.options);
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
function* finish(place: Place, { attribute = isOfImage }: TreeStreamOptions): Generator<Uint8Array> {
  const { file } = place.occurrences[0];
  const path = bytesOf(place.path);
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
function firstName(
  { names }: Progress,
  { path, occurrences: [{ image, file }] }: Place,
): ByteString | undefined {
  let known = names.get(image);
  if (known === undefined) {
    known = new Map();
    names.set(image, known);
  }
  const first = known.get(file.slot);
  if (first === undefined) known.set(file.slot, path);
  return first;
}

function ownership({ mode, uid, gid }: ImageFile): Pick<StreamEntry, "mode" | "owner"> {
  return { mode, owner: { uid, gid } };
}

/** Names are strings of bytes, one character each. */
function bytesOf(text: ByteString): Uint8Array {
  return Buffer.from(text, "latin1");
}
