import type { ByteString } from "./byte-string.ts";
import { quoteName } from "./byte-string.ts";
import type { PaxRecord } from "./pax-records.ts";
import { parsePaxNumber, parsePaxRecords, parsePaxTime } from "./pax-records.ts";
import { pairSegments } from "./sparse-map.ts";
import type { SparseSegment, TarTime } from "./tar-entry.ts";
import { NO_XATTRS } from "./tar-entry.ts";
import type { TarLimits } from "./tar-limits.ts";
import { malformedTar, tarLimitExceeded } from "./tar-limits.ts";

/** What the extension headers in front of an entry say about it; undefined where they say nothing. */
export interface Extensions {
  path: ByteString | undefined;
  linkPath: ByteString | undefined;
  size: number | undefined;
  uid: number | undefined;
  gid: number | undefined;
  mtime: TarTime | undefined;
  userName: ByteString | undefined;
  groupName: ByteString | undefined;
  xattrs: ReadonlyMap<ByteString, Uint8Array>;
  sparse: SparseExtension | undefined;
}

/** The PAX form of a sparse file (GNU tar manual, "Sparse Formats"). */
export interface SparseExtension {
  /** Length with holes. */
  readonly size: number;
  /** The map of formats 0.0 and 0.1; undefined for 1.0, whose map stands in front of the data. */
  readonly segments: readonly SparseSegment[] | undefined;
}

const XATTR = "SCHILY.xattr.";

/** Keywords whose meaning in a *global* header differs between readers, so that they hide entries. */
const LOCAL_ONLY = /^(?:path|linkpath|size|GNU\.sparse\..*)$/;

/**
 * Collects the headers that stand in front of an entry: PAX `x` and `g`, GNU `L` and `K`.
 * Where two of them contradict each other in a way that readers resolve differently, the archive
 * is refused: what one program sees must be what every program sees.
 */
export class PendingExtensions {
  readonly #limits: Required<TarLimits>;
  readonly #globals = new Map<ByteString, Buffer>();
  #longPath: ByteString | undefined;
  #longLink: ByteString | undefined;
  #local: PaxRecord[] | undefined;
  /** Offset of the first pending header, or -1: an archive must not end between it and its entry. */
  startedAt = -1;

  constructor(limits: Required<TarLimits>) {
    this.#limits = limits;
  }

  /** Takes in the body of an extension header that began at byte `at`. */
  add(typeflag: string, body: Buffer, at: number): void {
    if (typeflag === "g") {
      for (const [keyword, value] of parsePaxRecords(body, at + 512)) {
        if (LOCAL_ONLY.test(keyword)) throw malformedTar(at, `global pax header sets ${quoteName(keyword)}`);
        if (value.length === 0) this.#globals.delete(keyword);
        else this.#globals.set(keyword, value);
        if (this.#globals.size > this.#limits.xattrs) {
          throw tarLimitExceeded(at, "number of global pax records", this.#limits.xattrs, "xattrs");
        }
      }
      return;
    }
    if (this.startedAt < 0) this.startedAt = at;
    if (typeflag === "x") {
      if (this.#local !== undefined) throw malformedTar(at, "second pax header for one entry");
      this.#local = parsePaxRecords(body, at + 512);
    } else if (typeflag === "L") {
      if (this.#longPath !== undefined) throw malformedTar(at, "second long name for one entry");
      this.#longPath = longName(body, at);
    } else {
      if (this.#longLink !== undefined) throw malformedTar(at, "second long link for one entry");
      this.#longLink = longName(body, at);
    }
  }

  /** What is pending, for the entry whose header is at byte `at`; nothing is pending afterwards. */
  take(at: number): Extensions | undefined {
    if (this.startedAt < 0 && this.#globals.size === 0) return undefined;
    const found: Extensions = {
      path: this.#longPath,
      linkPath: this.#longLink,
      size: undefined,
      uid: undefined,
      gid: undefined,
      mtime: undefined,
      userName: undefined,
      groupName: undefined,
      xattrs: NO_XATTRS,
      sparse: undefined,
    };
    const records = new Map<ByteString, Buffer>(this.#globals);
    const sparseNumbers: number[] = [];
    for (const [keyword, value] of this.#local ?? []) {
      // Format 0.0 repeats this pair for each segment; everywhere else the last one of a keyword wins.
      if (keyword === "GNU.sparse.offset" || keyword === "GNU.sparse.numbytes") {
        if ((keyword === "GNU.sparse.offset") !== (sparseNumbers.length % 2 === 0)) {
          throw malformedTar(at, "sparse offsets and lengths do not alternate");
        }
        sparseNumbers.push(parsePaxNumber(keyword, value.toString("latin1"), at));
        this.#checkSegments(sparseNumbers.length, at);
      } else records.set(keyword, value);
    }
    this.#apply(records, sparseNumbers, found, at);
    this.#longPath = this.#longLink = this.#local = undefined;
    this.startedAt = -1;
    return found;
  }

  #apply(
    records: ReadonlyMap<ByteString, Buffer>,
    sparseNumbers: readonly number[],
    found: Extensions,
    at: number,
  ): void {
    const sparse = new Map<string, string>();
    const xattrs = new Map<ByteString, Uint8Array>();
    let xattrBytes = 0;
    for (const [keyword, value] of records) {
      if (keyword.startsWith(XATTR)) {
        const name = keyword.slice(XATTR.length);
        if (name === "") throw malformedTar(at, "extended attribute without a name");
        xattrBytes += name.length + value.length;
        // A copy: the record is a view of the whole header, which would stay alive with it.
        xattrs.set(name, Buffer.from(value));
        continue;
      }
      // POSIX: an empty value deletes the keyword, so that the header block's field counts.
      if (value.length === 0) continue;
      switch (keyword) {
        case "path":
          if (found.path !== undefined) throw malformedTar(at, "entry has both a pax path and a long name");
          found.path = paxText(keyword, value, at);
          break;
        case "linkpath":
          if (found.linkPath !== undefined) {
            throw malformedTar(at, "entry has both a pax linkpath and a long link");
          }
          found.linkPath = paxText(keyword, value, at);
          break;
        case "size":
          found.size = parsePaxNumber(keyword, value.toString("latin1"), at);
          break;
        case "uid":
        case "gid":
          found[keyword] = parsePaxNumber(keyword, value.toString("latin1"), at);
          break;
        case "mtime":
          found.mtime = parsePaxTime(keyword, value.toString("latin1"), at);
          break;
        case "uname":
          found.userName = paxText(keyword, value, at);
          break;
        case "gname":
          found.groupName = paxText(keyword, value, at);
          break;
        default:
          if (keyword.startsWith("GNU.sparse.")) sparse.set(keyword.slice(11), paxText(keyword, value, at));
      }
    }
    if (xattrs.size > 0) found.xattrs = this.#checkXattrs(xattrs, xattrBytes, at);
    if (sparse.size > 0 || sparseNumbers.length > 0) found.sparse = this.#sparse(sparse, sparseNumbers, at);
    // The name in `path` is then one made up for programs that know no sparse files.
    const sparseName = sparse.get("name");
    if (sparseName !== undefined) found.path = sparseName;
  }

  #checkXattrs(
    xattrs: ReadonlyMap<ByteString, Uint8Array>,
    bytes: number,
    at: number,
  ): ReadonlyMap<ByteString, Uint8Array> {
    const { xattrs: count, xattrBytes } = this.#limits;
    if (xattrs.size > count) throw tarLimitExceeded(at, "number of extended attributes", count, "xattrs");
    if (bytes > xattrBytes)
      throw tarLimitExceeded(at, "size of extended attributes", xattrBytes, "xattrBytes");
    return xattrs;
  }

  #sparse(fields: ReadonlyMap<string, string>, numbers: readonly number[], at: number): SparseExtension {
    const version = `${fields.get("major") ?? "0"}.${fields.get("minor") ?? "0"}`;
    const size = fields.get("realsize") ?? fields.get("size");
    if (size === undefined) throw malformedTar(at, "sparse file without its real size");
    const realSize = parsePaxNumber("GNU.sparse.realsize", size, at);
    if (version === "1.0") {
      if (fields.has("map") || numbers.length > 0) throw malformedTar(at, "sparse file with two maps");
      return { size: realSize, segments: undefined };
    }
    if (version !== "0.0" && version !== "0.1") {
      throw malformedTar(at, `sparse format ${quoteName(version)} is unknown`);
    }
    const map = fields.get("map");
    if (map !== undefined && numbers.length > 0) throw malformedTar(at, "sparse file with two maps");
    const parts = map === undefined ? [] : map.split(",", 2 * this.#limits.sparseSegments + 1);
    this.#checkSegments(parts.length, at);
    const all = map === undefined ? numbers : parts.map((part) => parsePaxNumber("GNU.sparse.map", part, at));
    const segments = pairSegments(all, at);
    const count = fields.get("numblocks");
    if (count !== undefined && parsePaxNumber("GNU.sparse.numblocks", count, at) !== segments.length) {
      throw malformedTar(at, `sparse map has ${segments.length} segments, but numblocks is ${count}`);
    }
    return { size: realSize, segments };
  }

  #checkSegments(numbers: number, at: number): void {
    const limit = this.#limits.sparseSegments;
    if (numbers > 2 * limit) {
      throw tarLimitExceeded(at, "number of sparse segments", limit, "sparseSegments");
    }
  }
}

/** A name of a PAX record. A NUL would end it early for some readers only. */
function paxText(keyword: string, value: Buffer, at: number): ByteString {
  const text = value.toString("latin1");
  if (text.includes("\0")) throw malformedTar(at, `pax ${keyword} ${quoteName(text)} contains a NUL byte`);
  return text;
}

/** The body of an `L` or `K` header: the name, ended by NULs. */
function longName(body: Buffer, at: number): ByteString {
  const name = body.toString("latin1");
  const nul = name.indexOf("\0");
  if (nul < 0) return name;
  if (!/^\0+$/.test(name.slice(nul))) throw malformedTar(at, "long name goes on after a NUL byte");
  return name.slice(0, nul);
}
