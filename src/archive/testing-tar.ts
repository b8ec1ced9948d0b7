import { formatPaxRecord } from "./pax-records.ts";

/**
 * Builds archives byte by byte for tests, also such as no writer would produce: the reader's golden
 * corpus is generated with this, so that nothing of it comes from the writer under test.
 */
export interface RawFields {
  readonly path: string;
  readonly prefix?: string;
  readonly type?: string;
  readonly link?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** The size field; default the length of the content. */
  readonly size?: number;
  readonly mtime?: number;
  readonly user?: string;
  readonly major?: number;
  readonly minor?: number;
  readonly content?: string | Uint8Array;
  /** Makes a GNU `S` entry's map. */
  readonly sparse?: { readonly size: number; readonly segments: readonly (readonly [number, number])[] };
}

/** The end marker. */
export const END: Buffer = Buffer.alloc(1024);

function bytesOf(content: string | Uint8Array): Buffer {
  return typeof content === "string" ? Buffer.from(content, "latin1") : Buffer.from(content);
}

function number(target: Buffer, offset: number, length: number, value: number): void {
  if (value >= 0 && value < 8 ** (length - 1)) {
    target.write(value.toString(8).padStart(length - 1, "0"), offset, "latin1");
    return;
  }
  let rest = BigInt.asUintN(length * 8, BigInt(value));
  for (let i = length - 1; i >= 0; i--) {
    target[offset + i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  target[offset]! |= 0x80;
}

function sum(header: Buffer): Buffer {
  header.fill(0x20, 148, 156);
  let total = 0;
  for (const byte of header) total += byte;
  header.write(`${total.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return header;
}

/** One header block. */
export function block(fields: RawFields): Buffer {
  const header = Buffer.alloc(512);
  header.write(fields.path, 0, 100, "latin1");
  number(header, 100, 8, fields.mode ?? 0o644);
  number(header, 108, 8, fields.uid ?? 0);
  number(header, 116, 8, fields.gid ?? 0);
  number(header, 124, 12, fields.size ?? bytesOf(fields.content ?? "").length);
  number(header, 136, 12, fields.mtime ?? 0);
  header.write(fields.type ?? "0", 156, "latin1");
  header.write(fields.link ?? "", 157, 100, "latin1");
  header.write(fields.sparse === undefined ? "ustar\x0000" : "ustar  \0", 257, "latin1");
  header.write(fields.user ?? "", 265, 32, "latin1");
  number(header, 329, 8, fields.major ?? 0);
  number(header, 337, 8, fields.minor ?? 0);
  header.write(fields.prefix ?? "", 345, 155, "latin1");
  if (fields.sparse !== undefined) {
    const { size, segments } = fields.sparse;
    for (const [i, [offset, length]] of segments.slice(0, 4).entries()) {
      number(header, 386 + 24 * i, 12, offset);
      number(header, 398 + 24 * i, 12, length);
    }
    header[482] = segments.length > 4 ? 1 : 0;
    number(header, 483, 12, size);
  }
  return sum(header);
}

/** A header block, its content and the padding. */
export function rawEntry(fields: RawFields): Buffer {
  const content = bytesOf(fields.content ?? "");
  const parts: Buffer[] = [block(fields)];
  const more = fields.sparse?.segments.slice(4) ?? [];
  for (let start = 0; start < more.length; start += 21) {
    const extension = Buffer.alloc(512);
    for (const [i, [offset, length]] of more.slice(start, start + 21).entries()) {
      number(extension, 24 * i, 12, offset);
      number(extension, 24 * i + 12, 12, length);
    }
    extension[504] = start + 21 < more.length ? 1 : 0;
    parts.push(extension);
  }
  parts.push(content, Buffer.alloc((512 - (content.length % 512)) % 512));
  return Buffer.concat(parts);
}

/** A PAX header of `records`, in the order given, duplicates included. */
export function pax(records: readonly (readonly [string, string | Uint8Array])[]): Buffer {
  const body = Buffer.concat(records.map(([keyword, value]) => formatPaxRecord(keyword, bytesOf(value))));
  return rawEntry({ path: "PaxHeaders/test", type: "x", content: body });
}
