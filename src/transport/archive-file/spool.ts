import { constants } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { open, unlink } from "node:fs/promises";
import { join } from "node:path";
import { decompress, detectCompression } from "../../archive/index.ts";
import { CortenError } from "../../spec/index.ts";
import { writeFully } from "../layout/directory.ts";
import { temporaryRoot } from "../temporary-root.ts";

const CHUNK = 1024 * 1024;

/**
 * Opens an archive so that any place in it can be read: as it is when it is a plain file, else through a
 * nameless copy in `$TMPDIR` or /var/tmp. Packed archives are unpacked into that copy, and pipes such
 * as /dev/stdin are read to their end.
 *
 * @throws not-found when it does not exist; invalid-argument when it is neither file nor pipe
 */
export async function openSeekable(name: string, path: string): Promise<FileHandle> {
  const file = await openArchive(name, path);
  try {
    const stat = await file.stat();
    if (!stat.isFile() && !stat.isFIFO()) {
      throw new CortenError("invalid-argument", `${name}: ${path} is neither a file nor a pipe`);
    }
    if (stat.isFile() && detectCompression(await firstBytes(file)) === "none") return file;
    const copy = await spool(name, stat.isFile() ? contentOf(file, 0) : contentOf(file, null));
    await file.close();
    return copy;
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function openArchive(name: string, path: string): Promise<FileHandle> {
  try {
    return await open(path, "r");
  } catch (cause) {
    const errno = (cause as NodeJS.ErrnoException).code ?? "unknown";
    const code =
      errno === "ENOENT" ? "not-found" : errno === "EACCES" ? "permission-denied" : "invalid-argument";
    throw new CortenError(code, `${name}: cannot open ${path}: ${errno}`, { cause, errno });
  }
}

async function firstBytes(file: FileHandle): Promise<Uint8Array> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 0);
  return buffer.subarray(0, bytesRead);
}

/** The bytes of a file from `start`, or of a pipe from where it stands (null). */
async function* contentOf(
  file: FileHandle,
  start: number | null,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = start; ; ) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(CHUNK), 0, CHUNK, at);
    if (bytesRead === 0) return;
    if (at !== null) at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/** A copy that vanishes with its descriptor, whatever happens to this process. */
async function spool(name: string, content: AsyncIterable<Uint8Array>): Promise<FileHandle> {
  const directory = temporaryRoot();
  const path = join(directory, `corten-archive-${process.pid}-${Math.random().toString(36).slice(2)}`);
  let copy: FileHandle;
  try {
    copy = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600);
    await unlink(path);
  } catch (cause) {
    const errno = (cause as NodeJS.ErrnoException).code ?? "unknown";
    throw new CortenError(
      "failed-precondition",
      `${name}: cannot make a temporary file in ${directory}: ${errno}`,
      {
        cause,
        errno,
        hint: "name a directory with enough space in TMPDIR",
      },
    );
  }
  try {
    for await (const chunk of decompress(content)) await writeFully(copy, chunk);
    return copy;
  } catch (error) {
    await copy.close();
    throw error;
  }
}
