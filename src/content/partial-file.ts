import type { FileHandle } from "node:fs/promises";
import { constants, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { DIRECT_UNIT } from "../spec/index.ts";
import { DirectFile } from "./direct-file.ts";

/** Small chunks are gathered to this size before they are written: network chunks are often 16 KiB. */
const GATHER_SIZE = 1024 * 1024;
/** Chunks that one call may write (IOV_MAX of Linux). */
const MAX_VECTOR = 1024;
/**
 * Written bytes after which the disk is asked to take them while more arrive, so that the last sync
 * of a large blob has little left to do.
 */
const SYNC_EVERY = 64 * 1024 * 1024;

/** How a {@link PartialFile} is written. */
export interface PartialFileOptions {
  /** Past the page cache where that is possible: for content that is not read soon. Default false. */
  readonly uncached?: boolean;
}

/** A file that grows at its end until it is published under its final name. */
export class PartialFile {
  readonly path: string;
  readonly #file: FileHandle;
  /** True until the file system has refused. */
  #uncached: boolean;
  #direct: DirectFile | undefined;
  #gathered: Uint8Array[] = [];
  #gatheredSize = 0;
  #written: number;
  #writing: Promise<void> = Promise.resolve();
  #failure: { readonly error: unknown } | undefined;
  #syncing: Promise<void> | undefined;
  #unsynced = 0;
  #closed = false;

  private constructor(path: string, file: FileHandle, size: number, uncached: boolean) {
    this.path = path;
    this.#file = file;
    this.#written = size;
    this.#uncached = uncached;
  }

  /** Opens the file, creating it when missing. Bytes beyond `maxSize` are cut off. */
  static async open(
    path: string,
    maxSize: number,
    { uncached = false }: PartialFileOptions = {},
  ): Promise<PartialFile> {
    const flags = constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0);
    const file = await open(path, flags, 0o600);
    try {
      const { size } = await file.stat();
      if (size > maxSize) await file.truncate(maxSize);
      return new PartialFile(path, file, Math.min(size, maxSize), uncached);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Bytes in the file, those on their way included. */
  get size(): number {
    return this.#written + this.#gatheredSize;
  }

  /** Appends a chunk, which must not change afterwards. Resolves when there is room for the next one. */
  async append(chunk: Uint8Array): Promise<void> {
    this.#gathered.push(chunk);
    this.#gatheredSize += chunk.length;
    if (this.#gatheredSize < GATHER_SIZE) return;
    // Direct writes end where a block of the disk does; what is over waits for the next one.
    const over = this.#uncached ? this.size % DIRECT_UNIT : 0;
    await this.#startWriting(over);
  }

  /** The bytes from `start` to `end`, which have been written before. */
  async *read(start: number, end: number): AsyncGenerator<Uint8Array, void, undefined> {
    for (let at = start; at < end; ) {
      const buffer = Buffer.allocUnsafeSlow(Math.min(GATHER_SIZE, end - at));
      const { bytesRead } = await this.#file.read(buffer, 0, buffer.length, at);
      if (bytesRead === 0) throw new Error(`${this.path} was cut while it was read`);
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }

  /** Resolves when the disk has every byte. */
  async sync(): Promise<void> {
    await this.flush();
    await this.#syncing;
    if (this.#failure !== undefined) throw this.#failure.error;
    await this.#file.datasync();
  }

  /** Syncs the file, gives it its final name and syncs the directory: it is there, whole, or not at all. */
  async publish(path: string): Promise<void> {
    await this.sync();
    await this.close();
    try {
      await rename(this.path, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      await syncDirectory(dirname(dirname(path)));
      await rename(this.path, path);
    }
    await syncDirectory(dirname(path));
  }

  /** Writes what has been gathered. */
  async flush(): Promise<void> {
    if (this.#gatheredSize > 0) await this.#startWriting(0);
    await this.#writing;
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#writing;
    await this.#syncing;
    await this.#direct?.close();
    await this.#file.close();
  }

  async remove(): Promise<void> {
    await this.close();
    await rm(this.path, { force: true });
  }

  /** Hands what is gathered, all but `over` bytes, to the disk and returns while it works; one write at a time. */
  async #startWriting(over: number): Promise<void> {
    const chunks = this.#gathered;
    const size = this.#gatheredSize - over;
    this.#gathered = takeEnd(chunks, over);
    this.#gatheredSize = over;
    const position = this.#written;
    this.#written += size;
    await this.#writing;
    if (this.#failure !== undefined) throw this.#failure.error;
    this.#writing = this.#writeAll(chunks, size, position).catch((error: unknown) => {
      this.#failure = { error };
    });
  }

  async #writeAll(chunks: readonly Uint8Array[], size: number, position: number): Promise<void> {
    if (await this.#writeDirect(chunks, size, position)) return;
    let written = (await this.#file.writev(chunks.slice(0, MAX_VECTOR), position)).bytesWritten;
    if (written < size) {
      // More chunks than one call takes, or a disk that took a part only.
      const bytes = Buffer.concat(chunks);
      while (written < size) {
        written += (await this.#file.write(bytes, written, size - written, position + written)).bytesWritten;
      }
    }
    this.#unsynced += size;
    if (this.#unsynced < SYNC_EVERY || this.#syncing !== undefined) return;
    this.#unsynced = 0;
    this.#syncing = this.#file
      .datasync()
      // Linux reports a failed write-back once: the sync before publishing would find nothing wrong.
      .catch((error: unknown) => {
        this.#failure = { error };
      })
      .finally(() => {
        this.#syncing = undefined;
      });
  }

  /** @returns false when the bytes have to be written in the ordinary way */
  async #writeDirect(chunks: readonly Uint8Array[], size: number, position: number): Promise<boolean> {
    if (!this.#uncached || size % DIRECT_UNIT !== 0 || position % DIRECT_UNIT !== 0) return false;
    this.#direct ??= await DirectFile.open(this.path);
    if (await this.#direct?.write(chunks, size, position)) return true;
    this.#uncached = false;
    return false;
  }
}

/** Takes the last `length` bytes off `chunks` and returns them. */
function takeEnd(chunks: Uint8Array[], length: number): Uint8Array[] {
  const end: Uint8Array[] = [];
  for (let left = length; left > 0; ) {
    const last = chunks.pop()!;
    const kept = Math.max(0, last.length - left);
    if (kept > 0) chunks.push(last.subarray(0, kept));
    end.unshift(last.subarray(kept));
    left -= last.length - kept;
  }
  return end;
}

/** Makes a rename in `directory` survive a power cut. */
async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === "win32") return; // Windows cannot open a directory
  const handle = await open(directory, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
