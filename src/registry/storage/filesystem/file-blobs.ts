import type { Stats } from "node:fs";
import { closeSync, constants, mkdirSync, openSync, readSync } from "node:fs";
import { access, open, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { openHash } from "../../../content/index.ts";
import type { DigestAlgorithm } from "../../../spec/index.ts";
import { CortenError } from "../../../spec/index.ts";
import type { BlobStorage, BlobUpload, ByteRange, StoredFile } from "../blob-storage.ts";
import { RunningHashes } from "../running-hashes.ts";
import { SharedSync } from "../shared-sync.ts";
import { FileUpload } from "./file-upload.ts";
import { readAhead } from "./read-ahead.ts";

/** What is this small is read at once: that takes less time than handing the work to another thread. */
const SMALL = 128 * 1024;
const KEY = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Blobs as files, `ab/abcd…` by their keys. An upload is written where it will stay, so finishing moves
 * nothing, and what a killed server was writing is an upload like any other.
 */
export class FileBlobs implements BlobStorage {
  readonly #directory: string;
  readonly #hashes = new RunningHashes();
  readonly #syncs = new Map<string, SharedSync>();

  /** Makes the directories where they are missing, 0700. */
  constructor(directory: string) {
    this.#directory = directory;
    for (let index = 0; index < 256; index++) {
      const part = index.toString(16).padStart(2, "0");
      mkdirSync(join(directory, part), { recursive: true, mode: 0o700 });
    }
  }

  /** The file of a key. */
  path(key: string): string {
    if (!KEY.test(key)) throw new CortenError("invalid-argument", `"${key}" is not a key of this storage`);
    return join(this.#directory, key.slice(0, 2), key);
  }

  async read(key: string, range: ByteRange): Promise<AsyncIterable<Uint8Array> | undefined> {
    let file: number;
    try {
      file = openSync(this.path(key), "r");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
    if (range.end - range.start > SMALL) return readAhead(file, range);
    try {
      return single(readAtOnce(file, range, key));
    } finally {
      closeSync(file);
    }
  }

  async size(key: string): Promise<number | undefined> {
    return (await statOf(this.path(key)))?.size;
  }

  async remove(key: string): Promise<void> {
    this.#hashes.forget(key);
    await rm(this.path(key), { force: true });
  }

  async *list(): AsyncGenerator<StoredFile, void, undefined> {
    for (const part of await readdir(this.#directory)) {
      for (const key of await readdir(join(this.#directory, part))) {
        if (!KEY.test(key)) continue;
        const found = await statOf(join(this.#directory, part, key));
        if (found !== undefined) yield { key, size: found.size, modified: found.mtimeMs };
      }
    }
  }

  async openUpload(key: string, algorithm: DigestAlgorithm): Promise<BlobUpload> {
    const path = this.path(key);
    const size = (await statOf(path))?.size;
    const hash = size === undefined || size === 0 ? await openHash(algorithm) : undefined;
    return new FileUpload({
      key,
      path,
      size,
      algorithm,
      hash,
      hashes: this.#hashes,
      sync: this.#syncOf(key),
    });
  }

  async check(): Promise<void> {
    // One of its parts: where another disk is no longer mounted, an empty directory may be left.
    await access(join(this.#directory, "00"), constants.R_OK | constants.W_OK | constants.X_OK);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#hashes.clear();
  }

  #syncOf(key: string): SharedSync {
    const part = key.slice(0, 2);
    let sync = this.#syncs.get(part);
    if (sync === undefined) {
      sync = new SharedSync(() => syncDirectory(join(this.#directory, part)));
      this.#syncs.set(part, sync);
    }
    return sync;
  }
}

async function* single(chunk: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  if (chunk.length > 0) yield chunk;
}

function readAtOnce(file: number, { start, end }: ByteRange, key: string): Uint8Array {
  const buffer = Buffer.allocUnsafeSlow(end - start);
  for (let at = 0; at < buffer.length; ) {
    const count = readSync(file, buffer, at, buffer.length - at, start + at);
    if (count === 0) throw new CortenError("data-loss", `blob ${key} ends at byte ${start + at} of ${end}`);
    at += count;
  }
  return buffer;
}

async function statOf(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

async function syncDirectory(path: string): Promise<void> {
  if (process.platform === "win32") return; // Windows cannot open a directory
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
