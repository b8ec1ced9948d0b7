import { ErofsWriter } from "../../src/archive/index.ts";

/** Writes an EROFS image with one file that says `content`. */
export async function writeImage(path: string, content: string): Promise<void> {
  const owner = { mode: 0o755, uid: 0, gid: 0, mtime: { seconds: 0, nanoseconds: 0 }, xattrs: new Map() };
  await using writer = new ErofsWriter(path);
  const file = { type: "file", ...owner, content: writer.store(Buffer.from(content)) } as const;
  await writer.finish(
    { type: "directory", ...owner, children: new Map([["file", file]]) },
    new Uint8Array(16),
  );
}
