import { setImmediate as pause } from "node:timers/promises";
import { CortenError, isCortenError } from "../spec/index.ts";
import type { ByteString } from "./byte-string.ts";
import { quoteName } from "./byte-string.ts";
import type { RawDirent } from "./erofs-directory.ts";
import { judgeDirents } from "./erofs-directory.ts";
import { ErofsExtents } from "./erofs-extents.ts";
import { FILE_TYPE } from "./erofs-format.ts";
import { ErofsImage } from "./erofs-image.ts";
import type { ImageFile } from "./erofs-image-file.ts";
import type { LayerDirectory } from "./layer-build.ts";
import { isForeignOverlayXattr, OPAQUE_VALUE, OPAQUE_XATTR } from "./overlay-xattr.ts";
import type { TarLimits } from "./tar-limits.ts";
import { withDefaultLimits } from "./tar-limits.ts";

/** Options of {@link checkErofs}. */
export interface CheckErofsOptions {
  /** Of these `entries`, `totalBytes`, `pathLength` and `fileSize` are for images as well. */
  readonly limits?: TarLimits;
  readonly signal?: AbortSignal;
}

/** What {@link checkErofs} found; see {@link BuiltLayer}. */
export interface CheckedErofs {
  /** Length of the image in bytes. */
  readonly size: number;
  /** Names in it, whiteouts included. */
  readonly entries: number;
  readonly directories: readonly LayerDirectory[];
  readonly whiteouts: readonly ByteString[];
}

/** Names after which others get their turn. */
const STRIDE = 4096;
/** A target of a symbolic link is shorter than PATH_MAX. */
const TARGET_MAX = 4095;

/**
 * Judges an EROFS image that somebody else made, before a kernel sees it: the superblock, every inode, name, attribute and
 * the place of every content. It has to be one tree, all of it inside the file, of features that are known, and as a layer it
 * may say "deleted" and "start afresh" to overlayfs and nothing else (`redirect` or `metacopy` would show files of others).
 *
 * @throws invalid-argument, naming what is wrong; unimplemented for a form that is not known, such as compression;
 *   resource-exhausted beyond a limit
 */
export async function checkErofs(path: string, options: CheckErofsOptions = {}): Promise<CheckedErofs> {
  try {
    // Not `using`: Node 22 does not know it.
    const image = new ErofsImage(path, null);
    try {
      return await new Examination(image, options).run();
    } finally {
      image.close();
    }
  } catch (error) {
    if (!isCortenError(error, "data-loss")) throw error;
    throw new CortenError("invalid-argument", error.message, { cause: error });
  }
}

interface Open {
  readonly path: ByteString;
  readonly file: ImageFile;
  readonly parent: number;
}

class Examination {
  readonly #image: ErofsImage;
  readonly #limits: Required<TarLimits>;
  readonly #signal: AbortSignal | undefined;
  readonly #extents: ErofsExtents;
  readonly #directories: LayerDirectory[] = [];
  readonly #whiteouts: ByteString[] = [];
  /** Files that are no directories, by number, and how many names of each were met. */
  readonly #files = new Map<number, { readonly file: ImageFile; names: number }>();
  readonly #seen = new Set<number>();
  #entries = 0;

  constructor(image: ErofsImage, { limits, signal }: CheckErofsOptions) {
    this.#image = image;
    this.#limits = withDefaultLimits(limits);
    this.#signal = signal;
    this.#extents = new ErofsExtents(image, this.#limits);
  }

  async run(): Promise<CheckedErofs> {
    const { root, size } = this.#image;
    this.#seen.add(root.slot);
    const queue: Open[] = [{ path: "", file: root, parent: root.slot }];
    // Breadth first, so that parents stand before their children.
    for (let next = 0; next < queue.length; next++) {
      const directory = queue[next]!;
      this.#describe(directory);
      let looked = 0;
      for (const child of this.#children(directory)) {
        if (child !== undefined) queue.push(child);
        if (++looked % STRIDE === 0) await this.#rest();
      }
      if (next % STRIDE === 0) await this.#rest();
    }
    for (const { file, names } of this.#files.values()) {
      if (file.links !== names)
        throw this.#wrong(`inode ${file.slot} counts ${file.links} names and has ${names}`);
    }
    return { size, entries: this.#entries, directories: this.#directories, whiteouts: this.#whiteouts };
  }

  async #rest(): Promise<void> {
    await pause();
    this.#signal?.throwIfAborted();
  }

  #describe({ path, file }: Open): void {
    const { mode, uid, gid, mtime, opaque } = file;
    this.#judge(path, file);
    const xattrs = opaque ? new Map([...file.xattrs].filter(([name]) => name !== OPAQUE_XATTR)) : file.xattrs;
    this.#directories.push({ path, mode, uid, gid, mtime, xattrs, implied: false, opaque });
  }

  /** Judges a directory's names and what they mean, and gives the directories among it. */
  *#children({ path, file, parent }: Open): Generator<Open | undefined, void, undefined> {
    const dots = new Map([
      [".", file.slot],
      ["..", parent],
    ]);
    for (const { name, slot, fileType } of this.#dirents(path, file)) {
      if (dots.has(name)) {
        if (dots.get(name) !== slot)
          throw this.#wrong(`"${name}" of ${quoteName(path)} is another directory`);
        dots.delete(name);
        continue;
      }
      const child = this.#name(path === "" ? name : `${path}/${name}`, slot, fileType);
      yield child.file.type === "directory" ? { ...child, parent: file.slot } : undefined;
    }
    if (dots.size > 0) throw this.#wrong(`directory ${quoteName(path)} lacks "." or ".."`);
  }

  *#dirents(path: ByteString, file: ImageFile): Generator<RawDirent, void, undefined> {
    const inode = this.#image.inode(file);
    const blockSize = 2 ** this.#image.superblock.blockBits;
    let last: ByteString | undefined;
    for (let block = 0; block * blockSize < inode.size; block++) {
      const dirents = judgeDirents(this.#image.directoryBlock(inode, block), last);
      if (typeof dirents === "string") throw this.#wrong(`directory ${quoteName(path)} ${dirents}`);
      last = dirents.at(-1)!.name;
      yield* dirents;
    }
  }

  #name(path: ByteString, slot: number, fileType: number): { path: ByteString; file: ImageFile } {
    if (++this.#entries > this.#limits.entries) throw this.#tooMuch("entries", this.#limits.entries);
    if (path.length > this.#limits.pathLength) throw this.#tooMuch("pathLength", this.#limits.pathLength);
    const known = this.#files.get(slot);
    if (known !== undefined) known.names++;
    const file = known?.file ?? this.#image.file(slot);
    if (fileType !== FILE_TYPE[file.type]) {
      throw this.#wrong(`${quoteName(path)} is a ${file.type}, and its directory says another type`);
    }
    if (file.whiteout) this.#whiteouts.push(path);
    if (known !== undefined) return { path, file };
    if (file.type !== "directory") {
      this.#judge(path, file);
      this.#files.set(slot, { file, names: 1 });
      return { path, file };
    }
    if (this.#seen.has(slot)) throw this.#wrong(`directory ${quoteName(path)} stands in the tree twice`);
    this.#seen.add(slot);
    return { path, file };
  }

  /** Whatever can be wrong with one file by itself. */
  #judge(path: ByteString, file: ImageFile): void {
    const name = path === "" ? "the root" : quoteName(path);
    this.#judgeXattrs(name, file);
    if (file.type === "symlink" && (file.size === 0 || file.size > TARGET_MAX)) {
      throw this.#wrong(`symbolic link ${name} has a target of ${file.size} bytes`);
    }
    if (file.mtime.nanoseconds > 999_999_999 || !Number.isSafeInteger(file.mtime.seconds)) {
      throw this.#wrong(`the time of ${name} is none`);
    }
    this.#extents.judge(name, file);
    if (file.type === "symlink" && this.#image.readStart(file, TARGET_MAX).includes(0)) {
      throw this.#wrong(`symbolic link ${name} has a target that cannot be one`);
    }
  }

  #judgeXattrs(name: string, { xattrs, type }: ImageFile): void {
    let bytes = 0;
    for (const [attribute, value] of xattrs) {
      bytes += attribute.length + value.length;
      const opaque = attribute === OPAQUE_XATTR && type === "directory" && OPAQUE_VALUE[0] === value[0];
      if (opaque && value.length === 1) continue;
      if (isForeignOverlayXattr(attribute) || attribute.includes("\0")) {
        throw this.#wrong(`${name} has the attribute ${quoteName(attribute)}, which a layer must not have`);
      }
    }
    if (xattrs.size > this.#limits.xattrs) throw this.#tooMuch("xattrs", this.#limits.xattrs);
    if (bytes > this.#limits.xattrBytes) throw this.#tooMuch("xattrBytes", this.#limits.xattrBytes);
  }

  #wrong(problem: string): CortenError {
    return this.#image.damaged(problem);
  }

  #tooMuch(limit: keyof TarLimits, value: number): CortenError {
    return new CortenError(
      "resource-exhausted",
      `image ${quoteName(this.#image.path)} exceeds the limit "${limit}" of ${value}`,
    );
  }
}
