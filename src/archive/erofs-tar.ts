import type { ByteString } from "./byte-string.ts";
import { ErofsImage } from "./erofs-image.ts";
import type { ImageFile } from "./erofs-image-file.ts";
import { OPAQUE_XATTR } from "./overlay-xattr.ts";
import type { TarLimits } from "./tar-limits.ts";
import { tarLimitExceeded, withDefaultLimits } from "./tar-limits.ts";
import type { TarInput } from "./tar-writer.ts";
import { writeTar } from "./tar-writer.ts";

const ZEROS = new Uint8Array(2 ** 16);

/**
 * The tar archive of a layer that is an EROFS image: whiteouts and opaque marks as layer.md has them, attributes that were
 * escaped as they were, hard links as links. Holes are written out. The same image gives the same archive, which is not the
 * one that the image may have been made from: of that neither the order nor the dialect is known any more.
 *
 * @param path of an image that {@link checkErofs} found sound
 * @throws resource-exhausted where files, holes included, are more than the limit
 */
export async function* erofsToTar(
  path: string,
  limits?: TarLimits,
): AsyncGenerator<Uint8Array, void, undefined> {
  // Not `using`: Node 22 does not know it.
  const image = new ErofsImage(path, null);
  try {
    yield* writeTar(entriesOf(image, withDefaultLimits(limits).totalBytes));
  } finally {
    image.close();
  }
}

function* entriesOf(image: ErofsImage, most: number): Generator<TarInput, void, undefined> {
  const names = new Map<number, ByteString>();
  let total = 0;
  // The root's path is ".".
  yield* describe(image, ".", image.root);
  const open: [ByteString, ImageFile][] = [["", image.root]];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [base, directory] = next;
    const below: [ByteString, ImageFile][] = [];
    for (const [name, file] of image.list(directory)) {
      const path = base === "" ? name : `${base}/${name}`;
      const first = file.type === "directory" || file.whiteout ? undefined : names.get(file.slot);
      if (first !== undefined) yield { type: "hardlink", path, linkPath: first, ...attributesOf(file) };
      else {
        if (file.type === "file") total += file.size;
        if (total > most) throw tarLimitExceeded(0, "the image's content", most, "totalBytes");
        if (file.links > 1) names.set(file.slot, path);
        yield* describe(image, path, file);
      }
      if (file.type === "directory") below.push([path, file]);
    }
    open.push(...below.reverse());
  }
}

function* describe(
  image: ErofsImage,
  path: ByteString,
  file: ImageFile,
): Generator<TarInput, void, undefined> {
  const { type, size, deviceMajor, deviceMinor } = file;
  if (file.whiteout) {
    const slash = path.lastIndexOf("/") + 1;
    yield {
      type: "file",
      path: `${path.slice(0, slash)}.wh.${path.slice(slash)}`,
      mode: 0,
      mtime: file.mtime,
    };
    return;
  }
  const common = { path, ...attributesOf(file) };
  if (type === "file")
    yield { type, ...common, ...(size === 0 ? {} : { size, body: contentOf(image, file) }) };
  else if (type === "symlink") {
    yield { type, ...common, linkPath: image.readStart(file, size).toString("latin1") };
  } else if (type === "char-device" || type === "block-device")
    yield { type, ...common, deviceMajor, deviceMinor };
  else yield { type, ...common };
  if (file.opaque) yield { type: "file", path: `${path}/.wh..wh..opq`, mode: 0, mtime: file.mtime };
}

function attributesOf({ mode, uid, gid, mtime, xattrs }: ImageFile): Omit<TarInput, "type" | "path"> {
  const own = new Map<ByteString, Uint8Array>();
  for (const [name, value] of xattrs) {
    if (name !== OPAQUE_XATTR) own.set(name.replace(".overlay.overlay.", ".overlay."), value);
  }
  return { mode, uid, gid, mtime, ...(own.size === 0 ? {} : { xattrs: own }) };
}

async function* contentOf(image: ErofsImage, file: ImageFile): AsyncGenerator<Uint8Array, void, undefined> {
  let at = 0;
  function* zerosUpTo(position: number): Generator<Uint8Array, void, undefined> {
    for (; at < position; at += Math.min(ZEROS.length, position - at)) {
      yield ZEROS.subarray(0, Math.min(ZEROS.length, position - at));
    }
  }
  for (const { bytes, position } of image.pieces(file)) {
    yield* zerosUpTo(position);
    yield bytes;
    at += bytes.length;
  }
  yield* zerosUpTo(file.size);
}
