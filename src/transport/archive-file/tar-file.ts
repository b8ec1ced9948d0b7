import type { FileHandle } from "node:fs/promises";
import { readTar, toText } from "../../archive/index.ts";
import { CortenError } from "../../spec/index.ts";
import type { LayoutFiles } from "../layout/files.ts";
import { openSeekable } from "./spool.ts";

const BLOCK = 512;
const CHUNK = 1024 * 1024;
/** What the tar reader gets for content that nobody looks at. */
const SKIPPED = new Uint8Array(1024 * 1024);
/** An archive of images holds a few files a layer; a hostile one must not fill the memory. */
const MAX_ENTRIES = 200_000;
const MAX_LINKS = 8;

/** Where a member of the archive is, or what it points at. */
type Member =
  | { readonly kind: "file"; readonly start: number; readonly size: number }
  | { readonly kind: "hardlink" | "symlink"; readonly target: string }
  | { readonly kind: "other" };

/**
 * The files of a tar archive, found once and then read where they stand. Nothing is extracted, and
 * links lead from member to member only, so that no file outside of the archive can be reached.
 */
export class TarFile implements LayoutFiles {
  readonly name: string;
  readonly #file: FileHandle;
  readonly #members: ReadonlyMap<string, Member | "ambiguous">;
  readonly #followsSymlinks: boolean;

  private constructor(
    name: string,
    file: FileHandle,
    members: ReadonlyMap<string, Member | "ambiguous">,
    followsSymlinks: boolean,
  ) {
    this.name = name;
    this.#file = file;
    this.#members = members;
    this.#followsSymlinks = followsSymlinks;
  }

  /**
   * Opens and indexes an archive, packed with gzip or zstd or not.
   *
   * @throws not-found when it does not exist; invalid-argument when it is no tar archive
   */
  static async open(name: string, path: string): Promise<TarFile> {
    const file = await openSeekable(name, path);
    try {
      return new TarFile(name, file, await indexMembers(name, file), false);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** The same archive, with symbolic links between its members followed; closed with this one. */
  followingSymlinks(): TarFile {
    return new TarFile(this.name, this.#file, this.#members, true);
  }

  async size(path: string): Promise<number | undefined> {
    return this.#find(path)?.size;
  }

  async *read(path: string, offset = 0): AsyncGenerator<Uint8Array, void, undefined> {
    const member = this.#find(path);
    if (member === undefined) throw new CortenError("not-found", `${this.name} has no ${path}`);
    yield* readRange(this.#file, this.name, member.start + offset, member.start + member.size);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }

  #find(path: string): { readonly start: number; readonly size: number } | undefined {
    let current = path;
    for (let links = 0; links <= MAX_LINKS; links++) {
      const member = this.#members.get(current);
      if (member === undefined) return undefined;
      if (member === "ambiguous")
        throw this.#hostile(current, "occurs twice, and two readers may see two images");
      if (member.kind === "file") return member;
      if (member.kind === "other") throw this.#hostile(current, "is not a regular file");
      if (member.kind === "symlink" && !this.#followsSymlinks)
        throw this.#hostile(current, "is a symbolic link");
      const from = member.kind === "symlink" ? current.split("/").slice(0, -1) : [];
      const target = resolveInside(from, member.target);
      if (target === undefined) throw this.#hostile(current, `is a link out of the archive`);
      current = target;
    }
    throw this.#hostile(path, "leads through too many links");
  }

  #hostile(path: string, why: string): CortenError {
    return new CortenError("invalid-argument", `${this.name}: ${path.slice(0, 200)} ${why}`);
  }
}

async function indexMembers(name: string, file: FileHandle): Promise<Map<string, Member | "ambiguous">> {
  const members = new Map<string, Member | "ambiguous">();
  const source = new SkippingSource(name, file);
  for await (const entry of readTar(source, { entries: MAX_ENTRIES })) {
    const path = resolveInside([], toText(entry.path));
    const start = entry.offset + BLOCK;
    if (entry.sparse === undefined) source.skipTo(start + entry.storedSize);
    if (path === undefined || entry.type === "directory") continue;
    members.set(path, members.has(path) ? "ambiguous" : memberOf(entry, start));
  }
  return members;
}

function memberOf(
  entry: { type: string; linkPath: string; size: number; sparse: unknown },
  start: number,
): Member {
  if (entry.type === "hardlink" || entry.type === "symlink")
    return { kind: entry.type, target: toText(entry.linkPath) };
  // A sparse file's bytes do not stand in one piece; nobody writes blobs like that.
  if (entry.type !== "file" || entry.sparse !== undefined) return { kind: "other" };
  return { kind: "file", start, size: entry.size };
}

/** The member that `path` names seen from the directory `from`; undefined when that is outside. */
function resolveInside(from: readonly string[], path: string): string | undefined {
  const parts = path.startsWith("/") ? [] : [...from];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) return undefined;
  }
  return parts.join("/");
}

/**
 * The archive's bytes for the tar reader, but for file content, in place of which it gets zeros: a
 * gigabyte of layers is passed over without being read.
 */
class SkippingSource implements AsyncIterable<Uint8Array> {
  readonly #name: string;
  readonly #file: FileHandle;
  #skipTo = 0;

  constructor(name: string, file: FileHandle) {
    this.#name = name;
    this.#file = file;
  }

  /** Bytes before this position are content. */
  skipTo(position: number): void {
    this.#skipTo = position;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    const { size } = await this.#file.stat();
    for (let at = 0; at < size; ) {
      const content = Math.min(this.#skipTo, size) - at;
      if (content > 0) {
        yield SKIPPED.subarray(0, Math.min(content, SKIPPED.length));
        at += Math.min(content, SKIPPED.length);
        continue;
      }
      // Headers stand close together in front of small files, and far apart between layers.
      const end = Math.min(at + 16 * BLOCK, size);
      for await (const chunk of readRange(this.#file, this.#name, at, end)) {
        yield chunk;
        at += chunk.length;
      }
    }
  }
}

async function* readRange(
  file: FileHandle,
  name: string,
  start: number,
  end: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = start; at < end; ) {
    const wanted = Math.min(CHUNK, end - at);
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(wanted), 0, wanted, at);
    if (bytesRead === 0)
      throw new CortenError("data-loss", `${name} ends at byte ${at}, before the content of a member`);
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}
