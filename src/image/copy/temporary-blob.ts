import type { FileHandle } from "node:fs/promises";
import { open, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { Digest } from "../../spec/index.ts";
import { CortenError } from "../../spec/index.ts";
import { temporaryRoot } from "../../transport/index.ts";

const CHUNK = 1024 * 1024;

/**
 * Content whose digest was not known before its end, in a nameless file: it goes with the process,
 * whatever happens to that.
 */
export class TemporaryBlob implements AsyncDisposable {
  readonly digest: Digest;
  readonly size: number;
  readonly #file: FileHandle;

  private constructor(file: FileHandle, digest: Digest, size: number) {
    this.#file = file;
    this.digest = digest;
    this.size = size;
  }

  /** @throws resource-exhausted when the disk is full; the errors of `content` */
  static async of(content: AsyncIterable<Uint8Array>): Promise<TemporaryBlob> {
    const { createHash } = await import("node:crypto");
    const hash = createHash("sha256");
    const file = await create();
    let size = 0;
    try {
      for await (const chunk of content) {
        hash.update(chunk);
        for (let at = 0; at < chunk.length; )
          at += (await file.write(chunk, at, chunk.length - at, size + at)).bytesWritten;
        size += chunk.length;
      }
      return new TemporaryBlob(file, `sha256:${hash.digest("hex")}`, size);
    } catch (error) {
      await file.close();
      throw error instanceof CortenError ? error : cannot("write", error);
    }
  }

  async *read(offset = 0): AsyncGenerator<Uint8Array, void, undefined> {
    for (let at = offset; at < this.size; ) {
      const { bytesRead, buffer } = await this.#file.read(Buffer.allocUnsafe(CHUNK), 0, CHUNK, at);
      if (bytesRead === 0) throw new CortenError("data-loss", "a temporary file of this process was cut");
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}

async function create(): Promise<FileHandle> {
  const path = join(temporaryRoot(), `corten-layer-${process.pid}-${Math.random().toString(36).slice(2)}`);
  try {
    const file = await open(path, "wx+", 0o600);
    await unlink(path);
    return file;
  } catch (error) {
    throw cannot("make", error);
  }
}

function cannot(what: string, cause: unknown): unknown {
  const { code: errno } = cause as NodeJS.ErrnoException;
  if (errno === undefined) return cause;
  const code = errno === "ENOSPC" || errno === "EDQUOT" ? "resource-exhausted" : "failed-precondition";
  return new CortenError(code, `cannot ${what} a temporary file in ${temporaryRoot()}: ${errno}`, {
    cause,
    errno,
    hint: "name a directory with enough space in TMPDIR",
  });
}
