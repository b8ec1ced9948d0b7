import type { ByteString } from "./byte-string.ts";
import { malformedTar } from "./tar-limits.ts";
import { readNumber } from "./tar-number.ts";

export const BLOCK = 512;

/** The fields of one 512-byte header block as written, before any extension is applied. */
export interface RawHeader {
  typeflag: string;
  path: ByteString;
  linkPath: ByteString;
  mode: number;
  uid: number;
  gid: number;
  size: number;
  mtime: number;
  userName: ByteString;
  groupName: ByteString;
  deviceMajor: number;
  deviceMinor: number;
  /** True for GNU's own format, whose prefix area holds other things. */
  gnu: boolean;
}

/** True when all 512 bytes at `start` are zero. */
export function isZeroBlock(bytes: Uint8Array, start: number): boolean {
  // Most blocks that are asked about are headers, and differ in the first byte.
  for (let i = start; i < start + BLOCK; i++) if (bytes[i] !== 0) return false;
  return true;
}

/**
 * Decodes the header block at `start` of `bytes`: USTAR, GNU, star and the seventh edition's format.
 *
 * @param at byte offset of the block in the archive, for messages
 * @throws invalid-argument on a wrong checksum, a field that is no number, a negative size or id
 */
export function decodeHeader(bytes: Buffer, start: number, at: number): RawHeader {
  verifyChecksum(bytes, start, at);
  const number = (offset: number, length: number, field: string): number =>
    readNumber(bytes, start + offset, length, at, field);
  const natural = (offset: number, length: number, field: string): number => {
    const value = number(offset, length, field);
    // A negative size would send a reader backwards, for ever.
    if (value < 0) throw malformedTar(at, `field ${field} is negative`);
    return value;
  };
  const text = (offset: number, length: number): ByteString => cString(bytes, start + offset, length);

  const magic = bytes.toString("latin1", start + 257, start + 265);
  const gnu = magic === "ustar  \0";
  const posix = !gnu && magic.startsWith("ustar\0");
  let path = text(0, 100);
  if (posix) {
    // star ends its header with "tar\0" and keeps times in the last 24 bytes of the prefix.
    const star = bytes.toString("latin1", start + 508, start + 512) === "tar\0";
    const prefix = text(345, star ? 131 : 155);
    if (prefix !== "") path = `${prefix}/${path}`;
  }
  const extended = gnu || posix;
  return {
    typeflag: String.fromCharCode(bytes[start + 156]!),
    path,
    linkPath: text(157, 100),
    mode: natural(100, 8, "mode"),
    uid: natural(108, 8, "uid"),
    gid: natural(116, 8, "gid"),
    size: natural(124, 12, "size"),
    mtime: number(136, 12, "mtime"),
    userName: extended ? text(265, 32) : "",
    groupName: extended ? text(297, 32) : "",
    deviceMajor: extended ? natural(329, 8, "devmajor") : 0,
    deviceMinor: extended ? natural(337, 8, "devminor") : 0,
    gnu,
  };
}

/** The bytes of a field up to its first NUL. */
function cString(bytes: Buffer, start: number, length: number): ByteString {
  let end = start;
  while (end < start + length && bytes[end] !== 0) end++;
  return end === start ? "" : bytes.toString("latin1", start, end);
}

function verifyChecksum(bytes: Uint8Array, start: number, at: number): void {
  let sum = 8 * 0x20;
  let signed = 8 * 0x20;
  for (let i = start; i < start + BLOCK; i++) {
    if (i === start + 148) i += 8;
    const byte = bytes[i]!;
    sum += byte;
    signed += byte > 0x7f ? byte - 256 : byte;
  }
  const stored = readNumber(bytes, start + 148, 8, at, "checksum");
  // Some historic writers summed signed characters; everyone accepts both.
  if (stored !== sum && stored !== signed) {
    throw malformedTar(at, `header checksum is ${stored}, computed ${sum}`);
  }
}
