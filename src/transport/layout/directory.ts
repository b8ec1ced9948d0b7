import { constants } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { link, mkdir, open, rename, symlink, unlink } from "node:fs/promises";
import { join } from "node:path";
import { CortenError } from "../../spec/index.ts";
import type { LayoutFiles } from "./files.ts";

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;
const CHUNK = 1024 * 1024;

/**
 * A directory of which every file is reached one component at a time, none of them a symbolic link:
 * a layout from elsewhere may have links out of it, and reading through one would put a file of this
 * machine into an image. On Linux each step starts from the descriptor of the last one, so that what
 * was checked cannot be exchanged before it is used.
 */
export class LayoutDirectory implements LayoutFiles {
  readonly name: string;
  readonly #path: string;
  readonly #root: FileHandle;

  private constructor(name: string, path: string, root: FileHandle) {
    this.name = name;
    this.#path = path;
    this.#root = root;
  }

  /**
   * Opens the directory at `path`, which may itself be a symbolic link: the user wrote it.
   *
   * @throws not-found when it does not exist
   */
  static async open(
    name: string,
    path: string,
    options: { readonly create: boolean },
  ): Promise<LayoutDirectory> {
    if (options.create) await mkdir(path, { recursive: true });
    try {
      return new LayoutDirectory(name, path, await open(path, O_RDONLY | O_DIRECTORY));
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      if (code === "ENOENT")
        throw new CortenError("not-found", `${name}: there is no directory ${path}`, { cause });
      throw new CortenError("invalid-argument", `${name}: cannot open the directory ${path}: ${code}`, {
        cause,
      });
    }
  }

  async size(path: string): Promise<number | undefined> {
    await using file = await this.#open(path);
    return file === undefined ? undefined : (await file.stat()).size;
  }

  async *read(path: string, offset = 0): AsyncGenerator<Uint8Array, void, undefined> {
    await using file = await this.#open(path);
    if (file === undefined) throw new CortenError("not-found", `${this.name} has no ${path}`);
    for (let at = offset; ; ) {
      // A new buffer each time, because the reader may keep what it was given.
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(CHUNK), 0, CHUNK, at);
      if (bytesRead === 0) return;
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }

  /**
   * Writes a file so that it is there in full or not at all, also after a power cut: a temporary file,
   * fsync, rename, fsync of the directory. A file of that name is replaced.
   */
  async write(path: string, content: AsyncIterable<Uint8Array>, mode = 0o644): Promise<void> {
    const [parents, file] = splitPath(path);
    await using parent = await this.#enter(parents, true);
    const directory = this.#childPath(parent?.handle ?? this.#root, parents.join("/"));
    const temporary = join(
      directory,
      `.${file.slice(0, 64)}.${process.pid}.${Math.random().toString(36).slice(2)}`,
    );
    try {
      await using handle = await open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
      for await (const chunk of content) await writeFully(handle, chunk);
      await handle.sync();
      await rename(temporary, join(directory, file));
    } catch (error) {
      await unlink(temporary).catch((cause) => {
        // Nothing was created, or the rename has happened; only then is there nothing to remove.
        if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw cause;
      });
      throw error instanceof CortenError ? error : this.#cannot("write", path, error);
    }
    await (parent?.handle ?? this.#root).sync();
  }

  /**
   * Makes directories, one below the other; those that are there stay as they are.
   *
   * @throws invalid-argument when something else is in the way
   */
  async makeDirectory(path: string): Promise<void> {
    await using _ = await this.#enter(path.split("/"), true);
  }

  /** Makes a symbolic link in the place of a file, if there is one. What it points at is not looked at. */
  async symlink(path: string, target: string): Promise<void> {
    await this.#replace(path, (location) => symlink(target, location));
  }

  /**
   * Gives a regular file another name, in the place of a file, if there is one.
   *
   * @throws invalid-argument when `target` is no regular file; not-found when it does not exist
   */
  async link(path: string, target: string): Promise<void> {
    const [parents, name] = splitPath(target);
    await using parent = await this.#enter(parents, false);
    await using file = await this.#open(target);
    if (file === undefined) throw new CortenError("not-found", `${this.name} has no ${target}`);
    // The name below the open directory, never the path as written: that may be another file's by now (CVE-2026-50163).
    const existing = join(this.#childPath(parent?.handle ?? this.#root, parents.join("/")), name);
    await this.#replace(path, (location) => link(existing, location));
  }

  async #replace(path: string, make: (location: string) => Promise<void>): Promise<void> {
    const [parents, file] = splitPath(path);
    await using parent = await this.#enter(parents, true);
    const location = join(this.#childPath(parent?.handle ?? this.#root, parents.join("/")), file);
    try {
      await unlink(location).catch((error) => {
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      });
      await make(location);
    } catch (error) {
      throw this.#cannot("make", path, error);
    }
  }

  /** Removes a file; one that does not exist is no error. */
  async remove(path: string): Promise<void> {
    const [parents, file] = splitPath(path);
    await using parent = await this.#enter(parents, false);
    if (parent === undefined && parents.length > 0) return;
    try {
      await unlink(join(this.#childPath(parent?.handle ?? this.#root, parents.join("/")), file));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw this.#cannot("remove", path, error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#root.close();
  }

  /** The regular file at `path`, opened for reading; undefined when it does not exist. */
  async #open(path: string): Promise<FileHandle | undefined> {
    const [parents, name] = splitPath(path);
    await using parent = await this.#enter(parents, false);
    if (parent === undefined && parents.length > 0) return undefined;
    const directory = this.#childPath(parent?.handle ?? this.#root, parents.join("/"));
    // Non-blocking, or opening a FIFO would wait for a writer.
    const handle = await this.#step(join(directory, name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK, path);
    if (handle === undefined || (await handle.stat()).isFile()) return handle;
    await handle.close();
    throw this.#hostile(path, "is not a regular file");
  }

  /** Opens the directories one below the other; undefined when there are none or one is missing. */
  async #enter(parents: readonly string[], create: boolean): Promise<Entered | undefined> {
    let current: FileHandle | undefined;
    for (const [depth, name] of parents.entries()) {
      const path = join(this.#childPath(current ?? this.#root, parents.slice(0, depth).join("/")), name);
      try {
        if (create) await makeDirectory(path);
        const next = await this.#step(
          path,
          O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
          parents.slice(0, depth + 1).join("/"),
        );
        await current?.close();
        current = next;
        if (next === undefined) return undefined;
      } catch (error) {
        await current?.close();
        throw error;
      }
    }
    return current === undefined
      ? undefined
      : { handle: current, [Symbol.asyncDispose]: () => current.close() };
  }

  async #step(path: string, flags: number, shown: string): Promise<FileHandle | undefined> {
    try {
      return await open(path, flags);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOENT") return undefined;
      if (code === "ELOOP" || code === "ENOTDIR" || code === "EMLINK") {
        throw this.#hostile(shown, "is a symbolic link, or no directory where one is due");
      }
      throw this.#cannot("open", shown, error);
    }
  }

  /** The path of an open directory: through its descriptor where the system offers that. */
  #childPath(handle: FileHandle, relative: string): string {
    return process.platform === "linux" ? `/proc/self/fd/${handle.fd}` : join(this.#path, relative);
  }

  #hostile(path: string, why: string): CortenError {
    return new CortenError("invalid-argument", `${this.name}: ${path} ${why}`, {
      hint: "a layout's files must stand in the layout itself",
    });
  }

  #cannot(what: string, path: string, cause: unknown): CortenError {
    const errno = (cause as NodeJS.ErrnoException).code ?? "unknown";
    const code =
      errno === "EACCES" || errno === "EPERM" || errno === "EROFS" ? "permission-denied" : "unavailable";
    return new CortenError(
      errno === "ENOSPC" || errno === "EDQUOT" ? "resource-exhausted" : code,
      `${this.name}: cannot ${what} ${path}: ${errno}`,
      { cause, errno, retryable: false },
    );
  }
}

interface Entered extends AsyncDisposable {
  readonly handle: FileHandle;
}

function splitPath(path: string): [parents: string[], name: string] {
  const parts = path.split("/");
  return [parts.slice(0, -1), parts.at(-1)!];
}

async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, 0o755);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

/** A write may take fewer bytes than it was given. */
export async function writeFully(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    at += (await handle.write(bytes, at, bytes.length - at)).bytesWritten;
  }
}
