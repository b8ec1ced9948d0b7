import type { FileHandle } from "node:fs/promises";
import { open, rename, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { writeTar } from "../../archive/index.ts";
import { CortenError } from "../../spec/index.ts";

/** The end of a tar archive: two blocks of zeros. */
const TRAILER = 1024;

/**
 * A tar archive that grows file by file beside its final name and gets that name at the end. Files
 * may be added at the same time; they are written one after the other.
 */
export class TarOutput implements AsyncDisposable {
  readonly #path: string;
  readonly #temporary: string;
  readonly #file: FileHandle;
  readonly #written = new Map<string, number>();
  #turn: Promise<void> = Promise.resolve();
  #end = 0;
  #finished = false;

  private constructor(path: string, temporary: string, file: FileHandle) {
    this.#path = path;
    this.#temporary = temporary;
    this.#file = file;
  }

  /** @throws invalid-argument when the directory does not exist or cannot be written to */
  static async create(path: string): Promise<TarOutput> {
    const unique = `${process.pid}.${Math.random().toString(36).slice(2)}`;
    const temporary = join(dirname(path), `.${basename(path).slice(0, 128)}.${unique}`);
    try {
      return new TarOutput(path, temporary, await open(temporary, "wx", 0o644));
    } catch (cause) {
      const errno = (cause as NodeJS.ErrnoException).code ?? "unknown";
      throw new CortenError("invalid-argument", `cannot create ${path}: ${errno}`, { cause, errno });
    }
  }

  /** Size of a file that has been added; undefined when there is none of that name. */
  sizeOf(path: string): number | undefined {
    return this.#written.get(path);
  }

  /** Adds a file. When `content` fails, the archive is as it was before. A name that is there stays as it is. */
  async add(path: string, size: number, content: Uint8Array | AsyncIterable<Uint8Array>): Promise<void> {
    const turn = this.#turn.then(() => this.#append(path, size, content));
    this.#turn = turn.catch(() => {
      // The caller of this add hears of it; the next one does not depend on it.
    });
    return turn;
  }

  /** Gives the archive its name. */
  async finish(): Promise<void> {
    await this.#turn;
    await this.#file.sync();
    await rename(this.#temporary, this.#path);
    this.#finished = true;
    await using directory = await open(dirname(this.#path), "r");
    await directory.sync();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#turn;
    await this.#file.close();
    if (!this.#finished) await unlink(this.#temporary);
  }

  async #append(path: string, size: number, content: Uint8Array | AsyncIterable<Uint8Array>): Promise<void> {
    if (this.#finished) throw new CortenError("failed-precondition", `${this.#path} is complete already`);
    if (this.#written.has(path)) return;
    const start = this.#end;
    const entry = { type: "file", path, size, body: content } as const;
    let at = start;
    try {
      for await (const chunk of writeTar([entry])) {
        await writeAt(this.#file, chunk, at);
        at += chunk.length;
      }
    } catch (error) {
      await this.#file.truncate(start);
      throw error;
    }
    // The next file goes where the archive's end mark stands now.
    this.#end = at - TRAILER;
    this.#written.set(path, size);
  }
}

async function writeAt(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    at += (await file.write(bytes, at, bytes.length - at, position + at)).bytesWritten;
  }
}
