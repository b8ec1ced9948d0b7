import type { Stats } from "node:fs";
import { readFileSync, rmSync, statSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Descriptor, Digest } from "../spec/index.ts";
import { CortenError, parseDigest, splitDigest, verifiableAlgorithm } from "../spec/index.ts";
import type { ContentHash } from "./content-hash.ts";
import { openHash } from "./content-hash.ts";
import { explainFile } from "./file-error.ts";

/** Bytes read at a time: large enough that the calls cost less than the hashing. */
const CHUNK_SIZE = 1024 * 1024;
/** Files up to this size are read at once: that takes less time than handing the work to another thread. */
const SMALL = 256 * 1024;
const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;

/** Options of {@link Blobs.open}. */
export interface OpenOptions {
  /** First byte wanted. Default 0. */
  readonly offset?: number;
  /** Hash what is read and fail at the end if it is not what the digest names. Needs offset 0. Default false. */
  readonly verify?: boolean;
  readonly signal?: AbortSignal;
}

/** Options of {@link Blobs.read}. */
export interface ReadOptions {
  /** Largest blob to read into memory. Default 64 MiB. */
  readonly maxBytes?: number;
  /**
   * Hash the bytes. Default true. Every blob was verified before it got its name, so this looks for
   * later damage only; the path of a container's start leaves it out and saves loading node:crypto.
   */
  readonly verify?: boolean;
}

/** What to do about a damaged blob. */
export const DAMAGE_HINT = "pull or load the image again: what is damaged is fetched anew";

/** Finished blobs: files whose name is the digest of what is inside. */
export class Blobs {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Where the blob is or would be. The digest's grammar is checked: it may not lead out of the store. */
  path(digest: Digest): string {
    const [algorithm, encoded] = splitDigest(parseDigest(digest));
    return join(this.#directory, "blobs", algorithm, encoded);
  }

  /** The size of a blob in bytes, undefined when it is not in the store. */
  size(digest: Digest): number | undefined {
    return this.#stat(digest)?.size;
  }

  /** True when the blob is there, whole: a file of the wrong size counts as absent, so a pull replaces it. */
  has(descriptor: Descriptor): boolean {
    return this.size(descriptor.digest) === descriptor.size;
  }

  /**
   * The bytes of a blob from `offset` to its end, 1 MiB at a time.
   *
   * @throws data-loss, on the first read when the file is missing or has the wrong size, at the end
   *   when `verify` finds other content
   */
  async *open(
    descriptor: Descriptor,
    options: OpenOptions = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const { offset = 0, verify = false, signal } = options;
    if (offset < 0 || offset > descriptor.size || (verify && offset > 0)) {
      throw new CortenError("invalid-argument", `cannot read ${descriptor.digest} from offset ${offset}`);
    }
    const path = this.#checked(descriptor);
    const hash = verify ? await hasherOf(descriptor.digest) : undefined;
    const file = await opened(path, descriptor);
    try {
      for (let at = offset; at < descriptor.size; ) {
        signal?.throwIfAborted();
        const buffer = Buffer.allocUnsafeSlow(Math.min(CHUNK_SIZE, descriptor.size - at));
        const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
        if (bytesRead === 0) throw damaged(descriptor, `is ${at} bytes long, not ${descriptor.size}`);
        at += bytesRead;
        const chunk = buffer.subarray(0, bytesRead);
        hash?.update(chunk);
        yield chunk;
      }
      if (hash !== undefined && !matches(hash, descriptor.digest))
        throw damaged(descriptor, "has other content");
    } finally {
      await file.close();
    }
  }

  /**
   * A whole blob.
   *
   * @throws data-loss when it is missing or damaged; resource-exhausted when larger than `maxBytes`
   */
  async read(descriptor: Descriptor, options: ReadOptions = {}): Promise<Uint8Array> {
    const { maxBytes = DEFAULT_MAX_BYTES, verify = true } = options;
    if (descriptor.size > maxBytes) {
      throw new CortenError(
        "resource-exhausted",
        `${descriptor.digest} has ${descriptor.size} bytes, more than ${maxBytes}`,
      );
    }
    const bytes = await readWhole(this.#checked(descriptor), descriptor);
    if (bytes.length !== descriptor.size)
      throw damaged(descriptor, `is ${bytes.length} bytes long, not ${descriptor.size}`);
    if (verify) {
      const hash = await hasherOf(descriptor.digest);
      hash.update(bytes);
      if (!matches(hash, descriptor.digest)) throw damaged(descriptor, "has other content");
    }
    return bytes;
  }

  /** Removes a blob's file, so that the next pull fetches it again. For content that was found damaged. */
  discard(digest: Digest): void {
    rmSync(this.path(digest), { force: true });
  }

  #checked(descriptor: Descriptor): string {
    const stat = this.#stat(descriptor.digest);
    if (stat === undefined) throw damaged(descriptor, "is missing");
    if (stat.size !== descriptor.size)
      throw damaged(descriptor, `is ${stat.size} bytes long, not ${descriptor.size}`);
    return this.path(descriptor.digest);
  }

  #stat(digest: Digest): Stats | undefined {
    const stat = statSync(this.path(digest), { throwIfNoEntry: false });
    return stat?.isFile() ? stat : undefined;
  }
}

async function opened(path: string, descriptor: Descriptor): Promise<FileHandle> {
  try {
    return await open(path, "r");
  } catch (error) {
    throw unreadable(error, descriptor);
  }
}

async function readWhole(path: string, descriptor: Descriptor): Promise<Uint8Array> {
  try {
    return descriptor.size <= SMALL ? readFileSync(path) : await readFile(path);
  } catch (error) {
    throw unreadable(error, descriptor);
  }
}

/** A file that was there a moment ago may have been removed since: the same answer as if it had never been. */
function unreadable(error: unknown, descriptor: Descriptor): unknown {
  if ((error as NodeJS.ErrnoException).code === "ENOENT") return damaged(descriptor, "is missing");
  return explainFile(error, `cannot read blob ${descriptor.digest}`);
}

/** A hash of the digest's algorithm. */
export function hasherOf(digest: Digest): Promise<ContentHash> {
  return openHash(verifiableAlgorithm(digest));
}

/** Finishes `hash` and compares it with `digest`. */
export function matches(hash: ContentHash, digest: Digest): boolean {
  return hash.digest("hex") === splitDigest(digest)[1];
}

function damaged(descriptor: Descriptor, how: string): CortenError {
  return new CortenError("data-loss", `blob ${descriptor.digest} ${how}`, { hint: DAMAGE_HINT });
}
