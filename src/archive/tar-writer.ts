import { CortenError } from "../spec/index.ts";
import type { ByteString } from "./byte-string.ts";
import { quoteName } from "./byte-string.ts";
import { formatPaxRecord } from "./pax-records.ts";
import type { TarEntryType, TarTime } from "./tar-entry.ts";
import { BLOCK } from "./tar-header.ts";
import { writeOctal } from "./tar-number.ts";

/** An entry for {@link writeTar}. Everything but type and path has a default. */
export interface TarInput {
  readonly type: TarEntryType;
  /** A byte string (ASCII text is one). Directories get their trailing `/` here. */
  readonly path: ByteString;
  /** Target of a symbolic or hard link. */
  readonly linkPath?: ByteString;
  /** Permission bits. Default 0755 for directories, 0777 for symbolic links, else 0644. */
  readonly mode?: number;
  /** Default 0. */
  readonly uid?: number;
  /** Default 0. */
  readonly gid?: number;
  readonly userName?: ByteString;
  readonly groupName?: ByteString;
  /** Default: the epoch, so that equal input gives equal archives. */
  readonly mtime?: TarTime;
  readonly deviceMajor?: number;
  readonly deviceMinor?: number;
  readonly xattrs?: ReadonlyMap<ByteString, Uint8Array>;
  /** Content of a file: bytes, or a stream together with {@link size}. Default empty. */
  readonly body?: Uint8Array | AsyncIterable<Uint8Array>;
  /** Length of the content in bytes; needed when {@link body} is a stream. */
  readonly size?: number;
}

const TYPEFLAGS: Readonly<Record<TarEntryType, string>> = {
  file: "0",
  hardlink: "1",
  symlink: "2",
  "char-device": "3",
  "block-device": "4",
  directory: "5",
  fifo: "6",
};

/**
 * Writes a tar archive: USTAR, with a PAX header where USTAR cannot say it (long names, large
 * numbers, nanoseconds, extended attributes). The output depends on the input alone.
 *
 * @throws invalid-argument on an entry that no archive can hold or a stream of another length than announced
 */
export async function* writeTar(
  entries: Iterable<TarInput> | AsyncIterable<TarInput>,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const entry of entries) {
    const size = contentLength(entry);
    yield entryHeader(entry, size);
    if (size === 0) continue;
    yield* entryBody(entry, size);
    if (size % BLOCK !== 0) yield new Uint8Array(BLOCK - (size % BLOCK));
  }
  yield new Uint8Array(2 * BLOCK);
}

async function* entryBody(entry: TarInput, size: number): AsyncGenerator<Uint8Array, void, undefined> {
  if (entry.body instanceof Uint8Array) {
    yield entry.body;
    return;
  }
  let written = 0;
  for await (const chunk of entry.body ?? []) {
    written += chunk.length;
    if (written > size) break;
    yield chunk;
  }
  if (written !== size) {
    throw new CortenError(
      "invalid-argument",
      `content of tar entry ${quoteName(entry.path)} has ${written > size ? "more" : "fewer"} than the ${size} bytes announced`,
    );
  }
}

function contentLength(entry: TarInput): number {
  const { body } = entry;
  if (body === undefined) {
    if ((entry.size ?? 0) !== 0) throw invalid(entry, "has a size but no content");
    return 0;
  }
  if (entry.type !== "file") throw invalid(entry, `is a ${entry.type} and cannot have content`);
  if (body instanceof Uint8Array) {
    if (entry.size !== undefined && entry.size !== body.length) {
      throw invalid(entry, `announces ${entry.size} bytes but has ${body.length}`);
    }
    return body.length;
  }
  if (entry.size === undefined || !Number.isSafeInteger(entry.size) || entry.size < 0) {
    throw invalid(entry, "has a stream for content but no size");
  }
  return entry.size;
}

/** The header block of `entry`, with a PAX header in front of it where one is needed. */
function entryHeader(entry: TarInput, size: number): Buffer {
  const path = entry.type === "directory" && !entry.path.endsWith("/") ? `${entry.path}/` : entry.path;
  const linkPath = entry.linkPath ?? "";
  checkName(entry, path);
  if (entry.type === "hardlink" || entry.type === "symlink") checkName(entry, linkPath);
  else if (linkPath !== "") throw invalid(entry, "is no link but has a target");

  const block = Buffer.alloc(BLOCK);
  const pax = new Map<ByteString, Uint8Array>();
  const say = (keyword: string, value: string): void => {
    pax.set(keyword, Buffer.from(value, "latin1"));
  };
  const number = (keyword: string, offset: number, length: number, value: number): void => {
    if (!Number.isSafeInteger(value)) throw invalid(entry, `has the ${keyword} ${value}`);
    if (writeOctal(block, offset, length, value)) return;
    if (value < 0 && keyword !== "mtime") throw invalid(entry, `has a negative ${keyword}`);
    if (keyword.startsWith("dev")) throw invalid(entry, `has the ${keyword} ${value}, which tar cannot hold`);
    writeOctal(block, offset, length, 0);
    say(keyword, String(value));
  };

  writeName(block, path, (name) => say("path", name));
  if (linkPath.length <= 100) block.write(linkPath, 157, "latin1");
  else say("linkpath", linkPath);
  const defaultMode = entry.type === "directory" ? 0o755 : entry.type === "symlink" ? 0o777 : 0o644;
  writeOctal(block, 100, 8, (entry.mode ?? defaultMode) & 0o7777);
  number("uid", 108, 8, entry.uid ?? 0);
  number("gid", 116, 8, entry.gid ?? 0);
  number("size", 124, 12, size);
  const mtime = entry.mtime ?? { seconds: 0, nanoseconds: 0 };
  number("mtime", 136, 12, mtime.seconds);
  if (mtime.nanoseconds !== 0) say("mtime", formatTime(mtime));
  block.write(TYPEFLAGS[entry.type], 156, "latin1");
  block.write("ustar\x0000", 257, "latin1");
  for (const [keyword, offset, name] of [
    ["uname", 265, entry.userName ?? ""],
    ["gname", 297, entry.groupName ?? ""],
  ] as const) {
    if (name.length < 32) block.write(name, offset, "latin1");
    else say(keyword, name);
  }
  number("devmajor", 329, 8, entry.deviceMajor ?? 0);
  number("devminor", 337, 8, entry.deviceMinor ?? 0);
  for (const name of [...(entry.xattrs?.keys() ?? [])].sort()) {
    if (name === "" || name.includes("=") || name.includes("\0")) {
      throw invalid(entry, `has the extended attribute ${quoteName(name)}, which tar cannot hold`);
    }
    pax.set(`SCHILY.xattr.${name}`, entry.xattrs!.get(name)!);
  }
  writeChecksum(block);
  return pax.size === 0 ? block : Buffer.concat([paxHeader(pax), block]);
}

/** Name and prefix fields; `inPax` is told the name when they cannot hold it. */
function writeName(block: Buffer, path: ByteString, inPax: (path: ByteString) => void): void {
  if (path.length <= 100) {
    block.write(path, 0, "latin1");
    return;
  }
  // The prefix ends at a slash that leaves at most 100 bytes behind it, and not nothing.
  const slash = path.indexOf("/", path.length - 101);
  if (slash > 0 && slash <= 155 && slash < path.length - 1) {
    block.write(path.slice(slash + 1), 0, "latin1");
    block.write(path.slice(0, slash), 345, "latin1");
    return;
  }
  block.write(path.slice(0, 100), 0, "latin1");
  inPax(path);
}

function paxHeader(records: ReadonlyMap<ByteString, Uint8Array>): Buffer {
  const body = Buffer.concat([...records].map(([keyword, value]) => formatPaxRecord(keyword, value)));
  const block = Buffer.alloc(BLOCK);
  // No process id or time in the name, as GNU tar has: the archive would differ each time.
  block.write("PaxHeaders/entry", 0, "latin1");
  writeOctal(block, 100, 8, 0o644);
  writeOctal(block, 108, 8, 0);
  writeOctal(block, 116, 8, 0);
  writeOctal(block, 124, 12, body.length);
  writeOctal(block, 136, 12, 0);
  block.write("x", 156, "latin1");
  block.write("ustar\x0000", 257, "latin1");
  writeChecksum(block);
  return Buffer.concat([block, body, Buffer.alloc((BLOCK - (body.length % BLOCK)) % BLOCK)]);
}

function writeChecksum(block: Buffer): void {
  block.fill(0x20, 148, 156);
  let sum = 0;
  for (const byte of block) sum += byte;
  writeOctal(block, 148, 7, sum);
  block[155] = 0x20;
}

function formatTime(time: TarTime): string {
  const { seconds, nanoseconds } = time;
  const negative = seconds < 0;
  const whole = negative ? -seconds - 1 : seconds;
  const fraction = negative ? 1_000_000_000 - nanoseconds : nanoseconds;
  return `${negative ? "-" : ""}${whole}.${String(fraction).padStart(9, "0").replace(/0+$/, "")}`;
}

function checkName(entry: TarInput, name: ByteString): void {
  if (name === "" || name.includes("\0")) throw invalid(entry, `has the invalid name ${quoteName(name)}`);
  for (let i = 0; i < name.length; i++) {
    if (name.charCodeAt(i) > 0xff) throw invalid(entry, "has a name that is text, not a byte string");
  }
}

function invalid(entry: TarInput, problem: string): CortenError {
  // The name may be what is wrong, so it is not decoded as a byte string here.
  return new CortenError("invalid-argument", `tar entry ${JSON.stringify(entry.path)} ${problem}`, {
    hint: "names are byte strings: use toByteString for text that is not ASCII",
  });
}
