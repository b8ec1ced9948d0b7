import { checkSparseMap } from "./sparse-map.ts";
import { describeEntry } from "./tar-describe.ts";
import type { SparseSegment, TarEntry, TarEntryType } from "./tar-entry.ts";
import type { Extensions } from "./tar-extensions.ts";
import { PendingExtensions } from "./tar-extensions.ts";
import type { RawHeader } from "./tar-header.ts";
import { BLOCK, decodeHeader, isZeroBlock } from "./tar-header.ts";
import type { TarLimits } from "./tar-limits.ts";
import { malformedTar, tarLimitExceeded, withDefaultLimits } from "./tar-limits.ts";
import { SparseMapReader } from "./tar-sparse.ts";

/**
 * - `entry`: {@link TarTokenizer.entry} is a new entry; its data follows, then `end`
 * - `data`: {@link TarTokenizer.data} is content that belongs at {@link TarTokenizer.position}
 * - `end`: the entry is complete
 * - `more`: give the next chunk to {@link TarTokenizer.push}, or call {@link TarTokenizer.finish}
 */
export type TarToken = "entry" | "data" | "end" | "more";

type State = "header" | "extension" | "sparse" | "body" | "padding" | "finished";

const EMPTY = Buffer.alloc(0);

/**
 * Splits a tar stream into tokens without copying content and without a promise for each entry:
 * the caller pushes a chunk, then asks for tokens until it hears `more`.
 */
export class TarTokenizer {
  /** The entry that the last `entry` token announced. */
  entry!: TarEntry;
  /** The content of the last `data` token: a view of the pushed chunk. */
  data: Uint8Array = EMPTY;
  /** Where {@link data} belongs in the file. */
  position = 0;

  readonly #limits: Required<TarLimits>;
  readonly #pending: PendingExtensions;
  readonly #carry = Buffer.alloc(BLOCK);
  #carried = 0;
  #chunk: Buffer = EMPTY;
  #cursor = 0;
  /** Offset in the archive of the chunk's first byte. */
  #base = 0;
  #state: State = "header";
  #entries = 0;
  /** Stored bytes of the current body, and of its padding, that are still to come. */
  #remaining = 0;
  #padding = 0;
  /** The block that {@link #takeBlock} found: where it lies, and its offset in the archive. */
  #block: Buffer = EMPTY;
  #blockStart = 0;
  #blockAt = 0;
  #zeroBlockAt = -1;
  #extension: { typeflag: string; body: Buffer; filled: number; at: number } | undefined;
  #sparseMap: SparseMapReader | undefined;
  #segments: readonly SparseSegment[] | undefined;
  #segment = 0;
  #segmentLeft = 0;

  constructor(limits?: TarLimits) {
    this.#limits = withDefaultLimits(limits);
    this.#pending = new PendingExtensions(this.#limits);
  }

  /** Offset in the archive of the block that was looked at last: where a fault is. */
  get blockOffset(): number {
    return this.#blockAt;
  }

  /** Offset in the archive of the next byte that is looked at: behind a header, or behind the data given last. */
  get offset(): number {
    return this.#base + this.#cursor;
  }

  /** Offset in the archive behind the end marker; undefined while there was none. */
  get endOffset(): number | undefined {
    return this.#state === "finished" ? this.#blockAt + BLOCK : undefined;
  }

  /** Gives the next bytes of the archive; only after {@link next} has said `more`. */
  push(chunk: Uint8Array): void {
    this.#base += this.#chunk.length;
    this.#chunk = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    this.#cursor = 0;
    const limit = this.#limits.totalBytes;
    if (this.#base + chunk.length > limit) {
      throw tarLimitExceeded(this.#base, "length of the archive", limit, "totalBytes");
    }
  }

  /** The next token. @throws invalid-argument, resource-exhausted */
  next(): TarToken {
    for (;;) {
      switch (this.#state) {
        case "header": {
          if (!this.#takeBlock()) return "more";
          const token = this.#readHeader();
          if (token !== undefined) return token;
          break;
        }
        case "extension":
          if (!this.#fillExtension()) return "more";
          break;
        case "sparse":
          if (!this.#takeBlock()) return "more";
          if (this.#readSparseBlock()) return "entry";
          break;
        case "body": {
          if (this.#remaining === 0) {
            this.#state = "padding";
            return "end";
          }
          if (this.#cursor === this.#chunk.length) return "more";
          this.#takeData();
          return "data";
        }
        case "padding": {
          const skipped = Math.min(this.#padding, this.#chunk.length - this.#cursor);
          this.#cursor += skipped;
          this.#padding -= skipped;
          if (this.#padding > 0) return "more";
          this.#state = "header";
          break;
        }
        case "finished":
          // Every reader ignores what follows the end marker; the digest still covers it.
          this.#cursor = this.#chunk.length;
          return "more";
      }
    }
  }

  /**
   * Says that the archive has no more bytes. A missing end marker is accepted at the edge of an
   * entry, as by every other reader: some builders leave it out. So is missing padding behind the last entry, whose
   * content is all there: `umoci insert` leaves out both, and Go's reader, which is everybody's, takes it.
   *
   * @throws invalid-argument when the archive ends inside an entry
   */
  finish(): void {
    const at = this.#base + this.#chunk.length;
    if (this.#state === "finished") return;
    if (this.#state !== "header" && this.#state !== "padding") {
      throw malformedTar(at, "archive ends inside an entry");
    }
    if (this.#carried > 0) throw malformedTar(at, "archive ends inside a header block");
    if (this.#pending.startedAt >= 0) {
      throw malformedTar(this.#pending.startedAt, "extension header without an entry behind it");
    }
  }

  /** Finds the next 512 bytes, in place where they lie in one chunk. */
  #takeBlock(): boolean {
    const available = this.#chunk.length - this.#cursor;
    if (this.#carried === 0 && available >= BLOCK) {
      this.#block = this.#chunk;
      this.#blockStart = this.#cursor;
      this.#blockAt = this.#base + this.#cursor;
      this.#cursor += BLOCK;
      return true;
    }
    const taken = Math.min(BLOCK - this.#carried, available);
    this.#chunk.copy(this.#carry, this.#carried, this.#cursor, this.#cursor + taken);
    this.#cursor += taken;
    this.#carried += taken;
    if (this.#carried < BLOCK) return false;
    this.#carried = 0;
    this.#block = this.#carry;
    this.#blockStart = 0;
    this.#blockAt = this.#base + this.#cursor - BLOCK;
    return true;
  }

  #readHeader(): "entry" | undefined {
    const at = this.#blockAt;
    if (isZeroBlock(this.#block, this.#blockStart)) {
      if (this.#pending.startedAt >= 0) {
        throw malformedTar(this.#pending.startedAt, "extension header without an entry behind it");
      }
      if (this.#zeroBlockAt >= 0) this.#state = "finished";
      this.#zeroBlockAt = at;
      return undefined;
    }
    if (this.#zeroBlockAt >= 0) throw malformedTar(this.#zeroBlockAt, "lone zero block between entries");
    if (++this.#entries > this.#limits.entries) {
      throw tarLimitExceeded(at, "number of entries", this.#limits.entries, "entries");
    }
    const raw = decodeHeader(this.#block, this.#blockStart, at);
    if ("xgLK".includes(raw.typeflag)) {
      this.#beginExtension(raw, at);
      return undefined;
    }
    return this.#beginEntry(raw, at);
  }

  #beginExtension(raw: RawHeader, at: number): void {
    if (raw.size > this.#limits.metadataBytes) {
      throw tarLimitExceeded(at, "size of an extension header", this.#limits.metadataBytes, "metadataBytes");
    }
    this.#extension = { typeflag: raw.typeflag, body: Buffer.alloc(raw.size), filled: 0, at };
    this.#padding = padding(raw.size);
    this.#state = "extension";
  }

  #fillExtension(): boolean {
    const extension = this.#extension!;
    const { body } = extension;
    const copied = this.#chunk.copy(body, extension.filled, this.#cursor);
    extension.filled += copied;
    this.#cursor += copied;
    if (extension.filled < body.length) return false;
    this.#pending.add(extension.typeflag, body, extension.at);
    this.#extension = undefined;
    this.#state = "padding";
    return true;
  }

  #beginEntry(raw: RawHeader, at: number): "entry" | undefined {
    const extensions = this.#pending.take(at);
    const entry = describeEntry(raw, extensions, this.#limits, at);
    this.entry = entry;
    this.position = 0;
    this.data = EMPTY;
    this.#segments = undefined;
    this.#remaining = entry.storedSize;
    this.#padding = padding(entry.storedSize);
    const sparse = raw.typeflag === "S" ? this.#oldSparse(raw) : this.#paxSparse(extensions, entry.type, at);
    if (sparse === undefined) {
      this.#state = "body";
      return "entry";
    }
    this.#sparseMap = sparse;
    if (!sparse.complete) {
      this.#state = "sparse";
      return undefined;
    }
    this.#finishSparse();
    return "entry";
  }

  #oldSparse(raw: RawHeader): SparseMapReader {
    if (!raw.gnu) throw malformedTar(this.#blockAt, "type 'S' in an archive that is not GNU's");
    return SparseMapReader.old(this.#block, this.#blockStart, this.#blockAt, this.#limits.sparseSegments);
  }

  #paxSparse(
    extensions: Extensions | undefined,
    type: TarEntryType,
    at: number,
  ): SparseMapReader | undefined {
    const sparse = extensions?.sparse;
    if (sparse === undefined) return undefined;
    if (type !== "file") throw malformedTar(at, `${type} with a sparse map`);
    return SparseMapReader.pax(sparse, at, this.#limits.sparseSegments);
  }

  /** One block of map that stands between header and data. True when the map is complete. */
  #readSparseBlock(): boolean {
    const map = this.#sparseMap!;
    if (map.insideBody) {
      if (this.#remaining < BLOCK) throw malformedTar(this.#blockAt, "sparse map is longer than its entry");
      this.#remaining -= BLOCK;
    }
    map.read(this.#block, this.#blockStart, this.#blockAt);
    if (!map.complete) return false;
    this.#finishSparse();
    return true;
  }

  #finishSparse(): void {
    const map = this.#sparseMap!;
    const { fileSize } = this.#limits;
    if (map.size > fileSize)
      throw tarLimitExceeded(this.entry.offset, "size of a sparse file", fileSize, "fileSize");
    const segments = checkSparseMap(map.segments, map.size, this.#remaining, this.entry.offset);
    this.entry = { ...this.entry, size: map.size, storedSize: this.#remaining, sparse: segments };
    this.#sparseMap = undefined;
    this.#segments = segments;
    this.#segment = -1;
    this.#segmentLeft = 0;
    this.#state = "body";
  }

  #takeData(): void {
    let length = Math.min(this.#remaining, this.#chunk.length - this.#cursor);
    this.position += this.data.length;
    if (this.#segments !== undefined) {
      if (this.#segmentLeft === 0) {
        const segment = this.#segments[++this.#segment]!;
        this.position = segment.offset;
        this.#segmentLeft = segment.length;
      }
      length = Math.min(length, this.#segmentLeft);
      this.#segmentLeft -= length;
    }
    this.data = this.#chunk.subarray(this.#cursor, this.#cursor + length);
    this.#cursor += length;
    this.#remaining -= length;
  }
}

function padding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}
