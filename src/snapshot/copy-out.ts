import {
  chmodSync,
  closeSync,
  constants,
  ftruncateSync,
  lchownSync,
  lutimesSync,
  mkdirSync,
  openSync,
  symlinkSync,
  writeSync,
} from "node:fs";
import type { ErofsImage, ImageFile } from "../archive/index.ts";
import { CortenError } from "../spec/index.ts";
import type { MergedTree, Place } from "./merged-tree.ts";

/**
 * Copies what an image has in one directory into an empty directory of the host that nobody else can reach: the
 * first content of a new volume. Directories, files and symbolic links with owner, mode and time; devices, FIFOs and
 * extended attributes are left out, and the names of one file become files of their own.
 *
 * @returns false when the image has no directory there
 */
export function copyOut(tree: MergedTree, path: string, target: string): boolean {
  const directory = tree.resolve(path);
  if (directory?.occurrences[0].file.type !== "directory") return false;
  const place = Buffer.from(target);
  fill(tree, directory, place);
  finish(directory, place);
  return true;
}

function fill(tree: MergedTree, directory: Place, target: Buffer): void {
  for (const [name, place] of tree.children(directory)) {
    // Our encoder writes no such names; a damaged image might hold anything.
    if (name === "" || name.includes("/") || name.includes("\0")) {
      throw new CortenError("data-loss", "an EROFS image holds a name that cannot be one");
    }
    copyOne(tree, place, Buffer.concat([target, Buffer.from(`/${name}`, "latin1")]));
  }
}

function copyOne(tree: MergedTree, place: Place, target: Buffer): void {
  const { image, file } = place.occurrences[0];
  switch (file.type) {
    case "directory":
      mkdirSync(target, { mode: 0o700 });
      fill(tree, place, target);
      break;
    case "file":
      writeContent(target, image, file);
      break;
    case "symlink":
      symlinkSync(image.readStart(file, 4095), target);
      break;
    default:
      return;
  }
  finish(place, target);
}

/** Holes stay holes. */
function writeContent(target: Buffer, image: ErofsImage, file: ImageFile): void {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const fd = openSync(target, flags, 0o600);
  try {
    for (const { bytes, position } of image.pieces(file)) {
      for (let at = 0; at < bytes.length; ) {
        at += writeSync(fd, bytes, at, bytes.length - at, position + at);
      }
    }
    ftruncateSync(fd, file.size);
  } finally {
    closeSync(fd);
  }
}

/** Owner before mode, which a change of owner would take set-user-ID from; times last. */
function finish({ occurrences }: Place, target: Buffer): void {
  const { type, mode, uid, gid, mtime } = occurrences[0].file;
  const time = mtime.seconds + mtime.nanoseconds / 1e9;
  lchownSync(target, uid, gid);
  if (type !== "symlink") chmodSync(target, mode);
  lutimesSync(target, time, time);
}
