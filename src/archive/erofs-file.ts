import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { CortenError } from "../spec/index.ts";
import { quoteName } from "./byte-string.ts";

/** The bytes of an image, and of the archive that an indexed one has its content in. Synchronous. */
export class ErofsFile {
  readonly path: string;
  /** Length of the image in bytes. */
  readonly size: number;
  readonly #descriptor: number;
  #archive: number | undefined;
  #closed = false;

  /** @throws not-found when there is no such file */
  constructor(path: string) {
    this.path = path;
    this.#descriptor = openFile(path);
    this.size = fstatSync(this.#descriptor).size;
  }

  openArchive(path: string): void {
    this.#archive = openFile(path);
  }

  /** @throws data-loss when the image ends before */
  bytes(at: number, length: number): Buffer {
    // A damaged length must not become a buffer of that size.
    if (!(at + length <= this.size)) throw this.damaged(`it ends before byte ${at + length}`);
    return this.#read(this.#descriptor, at, length);
  }

  /** @throws data-loss when the archive ends before */
  archiveBytes(at: number, length: number): Buffer {
    if (this.#archive === undefined) throw this.damaged("it has no archive");
    return this.#read(this.#archive, at, length);
  }

  damaged(problem: string): CortenError {
    return new CortenError("data-loss", `image ${quoteName(this.path)} is damaged: ${problem}`, {
      hint: "remove it; it is built again from its layer",
    });
  }

  unsupported(problem: string): CortenError {
    return new CortenError("unimplemented", `image ${quoteName(this.path)} cannot be read: ${problem}`, {
      hint: "Corten reads EROFS images without compression",
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.#descriptor);
    if (this.#archive !== undefined) closeSync(this.#archive);
  }

  #read(descriptor: number, at: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    for (let done = 0; done < length; ) {
      const read = readSync(descriptor, bytes, done, length - done, at + done);
      if (read === 0) throw this.damaged(`it ends before byte ${at + length}`);
      done += read;
    }
    return bytes;
  }
}

/** Where the content of an indexed image is by convention. */
export function archiveOf(path: string): string {
  return path.replace(/\.erofs$/, ".tar");
}

function openFile(path: string): number {
  try {
    return openSync(path, "r");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const kind = code === "ENOENT" ? "not-found" : "internal";
    throw new CortenError(kind, `cannot open image ${path}: ${code}`, { cause });
  }
}
