import { CortenError } from "../../spec/index.ts";
import { quoteName, toText } from "../byte-string.ts";
import type { TarEntry } from "../tar-entry.ts";

/** A file, or a further chunk of one, in the table of contents of a layer in chunks. */
export interface TocEntry {
  name: string;
  type: "dir" | "reg" | "symlink" | "hardlink" | "char" | "block" | "fifo" | "chunk";
  size?: number;
  modtime?: string;
  linkName?: string;
  mode?: number;
  uid?: number;
  gid?: number;
  userName?: string;
  groupName?: string;
  devMajor?: number;
  devMinor?: number;
  /** Values in base64. */
  xattrs?: Record<string, string>;
  /** Of the whole content. */
  digest?: string;
  /** Where in the blob its first frame begins. */
  offset?: number;
  /** Where its last frame ends (zstd:chunked). */
  endOffset?: number;
  chunkOffset?: number;
  chunkSize?: number;
  chunkDigest?: string;
}

/** Bytes of content in one chunk. */
export const CHUNK_SIZE = 4 * 1024 * 1024;
/** Entries that one layer may have: the table stands in memory. */
const MAX_ENTRIES = 1_000_000;

const TYPES = {
  file: "reg",
  directory: "dir",
  symlink: "symlink",
  hardlink: "hardlink",
  "char-device": "char",
  "block-device": "block",
  fifo: "fifo",
} as const;

/** The table of contents of a layer while it is made. Fields stand in the order of the Go structures. */
export class TocBuilder {
  readonly entries: TocEntry[] = [];

  /**
   * Adds the entry's own line, without its content.
   *
   * @throws failed-precondition for a sparse file, which the formats do not know
   */
  begin(entry: TarEntry): TocEntry {
    if (entry.sparse !== undefined) {
      throw new CortenError(
        "failed-precondition",
        `layer entry ${quoteName(entry.path)} is a sparse file, which a layer in chunks cannot hold`,
        {
          hint: "write it in full first: corten image mutate --flatten",
        },
      );
    }
    if (this.entries.length >= MAX_ENTRIES) {
      throw new CortenError(
        "resource-exhausted",
        `the layer has more than ${MAX_ENTRIES} entries and chunks`,
      );
    }
    const line = describe(entry);
    this.entries.push(line);
    return line;
  }

  /** Adds the line of a further chunk of the entry added last. */
  chunk(name: string, chunkOffset: number): TocEntry {
    const line: TocEntry = { name, type: "chunk", chunkOffset };
    this.entries.push(line);
    return line;
  }
}

function describe(entry: TarEntry): TocEntry {
  const { type, path, linkPath, mode, uid, gid, userName, groupName, mtime, xattrs, size } = entry;
  const device = type === "char-device" || type === "block-device";
  return {
    name: toText(path),
    type: TYPES[type],
    ...(type === "file" && size > 0 ? { size } : {}),
    modtime: dateTime(mtime.seconds),
    ...(linkPath === "" ? {} : { linkName: toText(linkPath) }),
    ...(mode === 0 ? {} : { mode }),
    ...(uid === 0 ? {} : { uid }),
    ...(gid === 0 ? {} : { gid }),
    ...(userName === "" ? {} : { userName: toText(userName) }),
    ...(groupName === "" ? {} : { groupName: toText(groupName) }),
    ...(device && entry.deviceMajor > 0 ? { devMajor: entry.deviceMajor } : {}),
    ...(device && entry.deviceMinor > 0 ? { devMinor: entry.deviceMinor } : {}),
    ...(xattrs.size === 0 ? {} : { xattrs: valuesOf(xattrs) }),
  };
}

function valuesOf(xattrs: TarEntry["xattrs"]): Record<string, string> {
  return Object.fromEntries(
    [...xattrs]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, value]) => [toText(name), Buffer.from(value).toString("base64")]),
  );
}

/** RFC 3339 in whole seconds; a time that it cannot say is the epoch. */
function dateTime(seconds: number): string {
  const date = new Date(seconds * 1000);
  const valid = !Number.isNaN(date.getTime()) && date.getUTCFullYear() >= 0 && date.getUTCFullYear() <= 9999;
  return (valid ? date : new Date(0)).toISOString().replace(".000Z", "Z");
}
