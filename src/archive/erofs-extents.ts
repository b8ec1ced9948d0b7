import { CortenError } from "../spec/index.ts";
import { quoteName } from "./byte-string.ts";
import { Layout, NO_BLOCK } from "./erofs-format.ts";
import type { ErofsImage } from "./erofs-image.ts";
import type { ImageFile } from "./erofs-image-file.ts";
import type { TarLimits } from "./tar-limits.ts";

const CHUNKS_AT_ONCE = 4096;
/** The kernel takes chunks of up to 2^31 blocks; none that anybody makes is larger than this. */
const MAX_CHUNK = 2 ** 40;
/** The chunk format that is known: a size, and whether entries are long. */
const KNOWN_CHUNK_BITS = 0x3f;

/** Judges where the content of files is: inside the image, in blocks that are behind its first, and not too much of it. */
export class ErofsExtents {
  readonly #image: ErofsImage;
  readonly #limits: Required<TarLimits>;
  readonly #blockSize: number;
  readonly #blocks: number;
  #total = 0;

  constructor(image: ErofsImage, limits: Required<TarLimits>) {
    const { blocks, blockBits, metadataBlock, xattrBlock } = image.superblock;
    this.#image = image;
    this.#limits = limits;
    this.#blockSize = 2 ** blockBits;
    this.#blocks = blocks;
    if (blocks * this.#blockSize > image.size) throw image.damaged("it is shorter than its superblock says");
    if (metadataBlock >= blocks || xattrBlock > blocks)
      throw image.damaged("its metadata lies beyond its end");
  }

  /** @param name of the file, for messages */
  judge(name: string, file: ImageFile): void {
    if (file.size > this.#limits.fileSize || !Number.isSafeInteger(file.size))
      throw this.#tooMuch("fileSize");
    if (file.type === "directory" || file.type === "symlink" || file.type === "file")
      this.#judgeContent(name, file);
  }

  #judgeContent(name: string, file: ImageFile): void {
    const inode = this.#image.inode(file);
    if (inode.layout === Layout.chunked) {
      if (file.type !== "file") throw this.#image.damaged(`${name} is a ${file.type} in chunks`);
      this.#judgeChunks(name, file);
      return;
    }
    const tail = inode.layout === Layout.inline ? file.size % this.#blockSize : 0;
    const whole = file.size - tail;
    if (whole > 0) this.#judgeBlocks(name, inode.location, whole);
    const behind = inode.end + inode.xattrBytes;
    if (tail > 0 && (behind % this.#blockSize) + tail > this.#blockSize) {
      throw this.#image.damaged(`the end of ${name} crosses a block`);
    }
    if (behind + tail > this.#image.size) throw this.#image.damaged(`${name} lies beyond the end`);
    this.#count(file.size);
  }

  #judgeChunks(name: string, file: ImageFile): void {
    const inode = this.#image.inode(file);
    const { chunk } = this.#image.chunkMap(inode);
    if (chunk > MAX_CHUNK || (inode.location & ~KNOWN_CHUNK_BITS) !== 0) {
      throw this.#image.damaged(`${name} has chunks of ${chunk} bytes`);
    }
    for (let first = 0; first * chunk < file.size; first += CHUNKS_AT_ONCE) {
      for (const [i, block] of this.#image.chunkBlocks(inode, first, CHUNKS_AT_ONCE).entries()) {
        if (block === NO_BLOCK) continue;
        const length = Math.min(chunk, file.size - (first + i) * chunk);
        this.#judgeBlocks(name, block, length);
        this.#count(length);
      }
    }
  }

  #judgeBlocks(name: string, block: number, length: number): void {
    if (block > 0 && block + Math.ceil(length / this.#blockSize) <= this.#blocks) return;
    throw this.#image.damaged(`the content of ${name} lies beyond the end`);
  }

  /** Files may share blocks, so that a small image can hold much when it is unpacked. */
  #count(length: number): void {
    this.#total += length;
    if (this.#total > this.#limits.totalBytes) throw this.#tooMuch("totalBytes");
  }

  #tooMuch(limit: keyof TarLimits): CortenError {
    return new CortenError(
      "resource-exhausted",
      `image ${quoteName(this.#image.path)} exceeds the limit "${limit}" of ${this.#limits[limit]}`,
    );
  }
}
