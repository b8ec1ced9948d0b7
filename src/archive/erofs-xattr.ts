import { CortenError } from "../spec/index.ts";
import type { ByteString } from "./byte-string.ts";
import { quoteName } from "./byte-string.ts";

/** EROFS stores the namespace of an attribute as a number and the rest of its name. */
const NAMESPACES: readonly (readonly [prefix: string, index: number, whole: boolean])[] = [
  ["user.", 1, false],
  ["system.posix_acl_access", 2, true],
  ["system.posix_acl_default", 3, true],
  ["trusted.", 4, false],
  ["security.", 6, false],
];

const HEADER = 12;
/** Linux's own bounds: XATTR_NAME_MAX, and a value whose length fits the 16 bits that EROFS has. */
const NAME_LIMIT = 255;
const VALUE_LIMIT = 65_535;

/** True when EROFS can hold an attribute of this name; others (`system.nfs4_acl`…) no container sees anyway. */
export function canHoldXattr(name: ByteString): boolean {
  return splitName(name) !== undefined;
}

function splitName(name: ByteString): { index: number; rest: ByteString } | undefined {
  for (const [prefix, index, whole] of NAMESPACES) {
    if (whole ? name !== prefix : !name.startsWith(prefix) || name.length === prefix.length) continue;
    return { index, rest: name.slice(prefix.length) };
  }
  return undefined;
}

/**
 * The attribute area that follows an inode: a header and the entries, each aligned to 4 bytes.
 * Sorted by name, so that equal attributes give equal bytes. Empty without attributes.
 *
 * @throws invalid-argument on a name or value that Linux cannot hold
 */
export function encodeXattrs(xattrs: ReadonlyMap<ByteString, Uint8Array>): Buffer {
  if (xattrs.size === 0) return EMPTY;
  const entries: Buffer[] = [Buffer.alloc(HEADER)];
  for (const name of [...xattrs.keys()].sort()) {
    const value = xattrs.get(name)!;
    const split = splitName(name);
    if (split === undefined || name.length > NAME_LIMIT || name.includes("\0")) {
      throw new CortenError("invalid-argument", `extended attribute name ${quoteName(name)} is invalid`);
    }
    if (value.length > VALUE_LIMIT) {
      throw new CortenError(
        "invalid-argument",
        `extended attribute ${quoteName(name)} has ${value.length} bytes, more than ${VALUE_LIMIT}`,
      );
    }
    const { index, rest } = split;
    const entry = Buffer.alloc(Math.ceil((4 + rest.length + value.length) / 4) * 4);
    entry[0] = rest.length;
    entry[1] = index;
    entry.writeUInt16LE(value.length, 2);
    entry.write(rest, 4, "latin1");
    entry.set(value, 4 + rest.length);
    entries.push(entry);
  }
  const area = Buffer.concat(entries);
  if ((area.length - HEADER) / 4 + 1 > 0xffff) {
    throw new CortenError("invalid-argument", `extended attributes of one file take ${area.length} bytes`);
  }
  return area;
}

const EMPTY = Buffer.alloc(0);

/**
 * Reads an attribute area; undefined when an entry reaches over its end, or is in no namespace that is known.
 *
 * @param shared bytes from the area of shared attributes: where it begins, counted in words, and how many
 */
export function decodeXattrs(
  area: Buffer,
  shared: (id: number, length: number) => Buffer,
): ReadonlyMap<ByteString, Uint8Array> | undefined {
  const xattrs = new Map<ByteString, Uint8Array>();
  const sharedCount = area.length === 0 ? 0 : area[4]!;
  if (HEADER + 4 * sharedCount > Math.max(area.length, HEADER)) return undefined;
  for (let i = 0; i < sharedCount; i++) {
    const id = area.readUInt32LE(HEADER + 4 * i);
    const head = shared(id, 4);
    const entry = decodeEntry(shared(id, 4 + head[0]! + head.readUInt16LE(2)), 0);
    if (entry === undefined) return undefined;
    xattrs.set(entry.name, entry.value);
  }
  for (let at = HEADER + 4 * sharedCount; at + 4 <= area.length; ) {
    const entry = decodeEntry(area, at);
    if (entry === undefined) return undefined;
    xattrs.set(entry.name, entry.value);
    at = Math.ceil(entry.end / 4) * 4;
  }
  return xattrs;
}

function decodeEntry(
  area: Buffer,
  at: number,
): { readonly name: ByteString; readonly value: Uint8Array; readonly end: number } | undefined {
  const nameEnd = at + 4 + area[at]!;
  const end = nameEnd + area.readUInt16LE(at + 2);
  const prefix = NAMESPACES.find(([, index]) => index === area[at + 1])?.[0];
  if (end > area.length || prefix === undefined) return undefined;
  return {
    name: prefix + area.toString("latin1", at + 4, nameEnd),
    value: area.subarray(nameEnd, end),
    end,
  };
}
