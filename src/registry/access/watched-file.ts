import { type BigIntStats, constants } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { CortenError } from "../../spec/index.ts";

/** Larger files are not read: an htpasswd file of that size has a hundred thousand users. */
const MAX_SIZE = 8 * 1024 * 1024;

/** Options of {@link WatchedFile}. */
export interface WatchedFileOptions<T> {
  readonly path: string;
  /** What the file is, for messages, e.g. "password file". */
  readonly what: string;
  readonly parse: (bytes: Uint8Array, path: string) => T;
  /** True for secrets: a file that others than its owner may read is refused. */
  readonly secret?: boolean;
}

/**
 * A file that an administrator may change while the server runs. Each use looks at the file's stat, which costs
 * microseconds, instead of waiting for an event that may be lost: a removed user is refused from the next request on.
 * A file that cannot be read or parsed is an error on each use, never the old content: that content may be the
 * reason for the change.
 */
export class WatchedFile<T> {
  readonly path: string;
  readonly #options: WatchedFileOptions<T>;
  #seen: { readonly version: string; readonly value: T } | undefined;

  constructor(options: WatchedFileOptions<T>) {
    this.path = options.path;
    this.#options = options;
  }

  /** @throws failed-precondition when the file cannot be used now */
  async current(): Promise<T> {
    const { path, what } = this.#options;
    try {
      const version = versionOf(await stat(path, { bigint: true }));
      if (this.#seen?.version === version) return this.#seen.value;
      await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
      this.#seen = await this.#read(file);
      return this.#seen.value;
    } catch (cause) {
      if (cause instanceof CortenError) throw cause;
      const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
      throw new CortenError("failed-precondition", `cannot read the ${what} ${path}: ${code}`, { cause });
    }
  }

  async #read(file: FileHandle): Promise<{ readonly version: string; readonly value: T }> {
    const { path, what, parse, secret } = this.#options;
    // Of the open file: the name may lead to another one by now.
    const found = await file.stat({ bigint: true });
    if (!found.isFile() || found.size > MAX_SIZE) {
      throw new CortenError(
        "failed-precondition",
        `the ${what} ${path} is no file of at most ${MAX_SIZE} bytes`,
      );
    }
    if (secret === true && (found.mode & 0o077n) !== 0n) {
      throw new CortenError(
        "failed-precondition",
        `the ${what} ${path} can be read by others than its owner`,
        {
          hint: `if it may have been read, remove it, and new keys are made; else: chmod 0600 ${path}`,
        },
      );
    }
    return { version: versionOf(found), value: parse(await file.readFile(), path) };
  }
}

/** Changes with each change of the file, also one within the same second and of the same size. */
function versionOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`;
}
