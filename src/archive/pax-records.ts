import type { ByteString } from "./byte-string.ts";
import { quoteName } from "./byte-string.ts";
import type { TarTime } from "./tar-entry.ts";
import { malformedTar } from "./tar-limits.ts";

/** One `keyword=value` record of a PAX extended header. */
export type PaxRecord = readonly [keyword: ByteString, value: Buffer];

/**
 * Parses the body of a PAX extended header (POSIX pax, "pax Header Block"): records of the form
 * `"%d %s=%s\n"` whose number is the length of the whole record. Nothing may be left over: a
 * reader that skips what it does not understand lets an attacker hide entries from it
 * (CVE-2025-62518).
 *
 * @param at byte offset of the body in the archive, for messages
 * @throws invalid-argument
 */
export function parsePaxRecords(body: Uint8Array, at: number): PaxRecord[] {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.length);
  const records: PaxRecord[] = [];
  let start = 0;
  while (start < bytes.length) {
    let i = start;
    let length = 0;
    while (i < bytes.length && i - start < 11 && bytes[i]! >= 0x30 && bytes[i]! <= 0x39) {
      length = length * 10 + bytes[i]! - 0x30;
      i++;
    }
    if (i === start || bytes[i] !== 0x20) throw malformedTar(at + start, "pax record has no length");
    const end = start + length;
    if (end > bytes.length || end <= i + 1 || bytes[end - 1] !== 0x0a) {
      throw malformedTar(at + start, `pax record length ${length} does not end at a newline`);
    }
    const equals = bytes.indexOf(0x3d, i + 1);
    if (equals < 0 || equals >= end - 1) throw malformedTar(at + start, "pax record has no '='");
    const keyword = bytes.toString("latin1", i + 1, equals);
    if (keyword === "" || keyword.includes("\0")) {
      throw malformedTar(at + start, `pax keyword ${quoteName(keyword)} is invalid`);
    }
    records.push([keyword, bytes.subarray(equals + 1, end - 1)]);
    start = end;
  }
  return records;
}

/** Formats one PAX record, its length included. */
export function formatPaxRecord(keyword: ByteString, value: Uint8Array): Buffer {
  // " " + keyword + "=" + value + "\n", and then the length of its own digits.
  const rest = keyword.length + value.length + 3;
  let length = rest + 1;
  while (length !== rest + String(length).length) length = rest + String(length).length;
  return Buffer.concat([Buffer.from(`${length} ${keyword}=`, "latin1"), value, Buffer.from("\n", "latin1")]);
}

/** A non-negative decimal number of a PAX record. */
export function parsePaxNumber(keyword: string, value: string, at: number): number {
  const number = /^[0-9]{1,16}$/.test(value) ? Number(value) : Number.NaN;
  if (!Number.isSafeInteger(number)) {
    throw malformedTar(at, `pax ${keyword} is ${quoteName(value)}, not a number in range`);
  }
  return number;
}

/**
 * A PAX time: decimal seconds with an optional sign and fraction. Digits beyond nanoseconds are cut.
 * Negative times count back from the epoch: `-1.5` is second -2 and 500,000,000 ns.
 */
export function parsePaxTime(keyword: string, value: string, at: number): TarTime {
  const match = /^(-?)([0-9]{1,15})(?:\.([0-9]{0,64}))?$/.exec(value);
  if (match === null) throw malformedTar(at, `pax ${keyword} is ${quoteName(value)}, not a time`);
  const whole = Number(match[2]);
  const fraction = Number((match[3] ?? "").slice(0, 9).padEnd(9, "0"));
  if (match[1] === "") return { seconds: whole, nanoseconds: fraction };
  if (fraction === 0) return { seconds: whole === 0 ? 0 : -whole, nanoseconds: 0 };
  return { seconds: -whole - 1, nanoseconds: 1_000_000_000 - fraction };
}
