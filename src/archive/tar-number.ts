import { malformedTar } from "./tar-limits.ts";

/**
 * Reads a numeric header field: octal digits between optional spaces and NULs, or, when the first
 * bit is set, a big-endian two's complement number (the base-256 extension of GNU tar and star).
 * An empty field is 0. Negative numbers are returned as such; the caller knows where they are wrong.
 *
 * @throws invalid-argument when the field is neither, or does not fit 53 bits
 */
export function readNumber(
  block: Uint8Array,
  start: number,
  length: number,
  at: number,
  field: string,
): number {
  if ((block[start]! & 0x80) !== 0) return readBase256(block, start, length, at, field);
  const end = start + length;
  let i = start;
  while (i < end && block[i] === 0x20) i++;
  let value = 0;
  for (; i < end; i++) {
    const digit = block[i]! - 0x30;
    if (digit < 0 || digit > 7) break;
    // Twelve octal digits are 36 bits: exact in a double.
    value = value * 8 + digit;
  }
  for (; i < end; i++) {
    if (block[i] !== 0x20 && block[i] !== 0) {
      const shown = Buffer.from(block.subarray(start, end)).toString("latin1");
      throw malformedTar(at, `field ${field} is ${JSON.stringify(shown)}, not an octal number`);
    }
  }
  return value;
}

function readBase256(block: Uint8Array, start: number, length: number, at: number, field: string): number {
  // Bit 7 of the first byte is the marker, bit 6 the sign; the sign extends over the marker.
  const negative = (block[start]! & 0x40) !== 0;
  let value = BigInt(negative ? block[start]! | 0x80 : block[start]! & 0x7f);
  if (negative) value -= 256n;
  for (let i = start + 1; i < start + length; i++) value = value * 256n + BigInt(block[i]!);
  const number = Number(value);
  if (!Number.isSafeInteger(number)) {
    throw malformedTar(at, `field ${field} holds the base-256 number ${value}, which is out of range`);
  }
  return number;
}

/**
 * Writes `value` as NUL-terminated octal digits.
 *
 * @returns false, with nothing written, when it needs more than `length - 1` digits or is negative
 */
export function writeOctal(block: Uint8Array, start: number, length: number, value: number): boolean {
  if (value < 0 || value >= 8 ** (length - 1)) return false;
  const digits = value.toString(8).padStart(length - 1, "0");
  for (let i = 0; i < digits.length; i++) block[start + i] = digits.charCodeAt(i);
  block[start + length - 1] = 0;
  return true;
}
