import type { Digest } from "../../spec/index.ts";
import type { ByteString } from "../byte-string.ts";
import { toByteString } from "../byte-string.ts";
import { decompress } from "../compression.ts";
import { splitPath } from "../layer-path.ts";
import type { TarEntry } from "../tar-entry.ts";
import { writeTar } from "../tar-writer.ts";
import { ContentChunks } from "./content-chunks.ts";
import { FramedOutput } from "./framed-output.ts";
import type { TarPiece } from "./tar-pieces.ts";
import { tarPieces } from "./tar-pieces.ts";
import { TocBuilder } from "./toc.ts";

/** Annotations of a layer in the eStargz format. */
export const STARGZ_TOC_DIGEST = "containerd.io/snapshot/stargz/toc.digest";
export const STARGZ_UNCOMPRESSED_SIZE = "io.containers.estargz.uncompressed-size";

const TOC_NAME = "stargz.index.json";
/** Says where the files end that a container reads at its start; the other name says that nobody knows. */
const PREFETCH = ".prefetch.landmark";
const NO_PREFETCH = ".no.prefetch.landmark";
const LANDMARK: Uint8Array = new Uint8Array([0x0f]);
/** Names that a layer in the format has of its own. */
const OWN_NAMES: ReadonlySet<string> = new Set([TOC_NAME, PREFETCH, NO_PREFETCH]);

/** A layer to be packed anew; one that is read in a new order is opened twice. */
export type OpenLayer = () => Promise<AsyncIterable<Uint8Array>>;

/** Options of {@link toEstargz} and `toZstdChunked`. */
export interface ChunkedOptions {
  /** 1 to 9, default 9; for zstd 1 to 22, default 3. */
  readonly level?: number;
  /** Files that a container reads at its start, which come first (eStargz). Default: none are known. */
  readonly prefetch?: readonly string[];
  readonly signal?: AbortSignal;
}

/** What is known of a layer in chunks once all of it has been read. */
export interface ChunkedLayer {
  readonly diffID: Digest;
  /** What the layer's descriptor has to say. */
  readonly annotations: Readonly<Record<string, string>>;
}

/**
 * A layer in the eStargz format: a gzip stream in which the content of each file, in chunks of 4 MiB,
 * begins a member of its own, with a table of contents as its last file, and behind that a footer that
 * says where the table is. Who knows the format mounts the layer before it is there; every other reader
 * of gzip sees a layer with two more files. The bytes between the entries' content stay as they are.
 *
 * @param done hears of the finished layer
 */
export async function* toEstargz(
  open: OpenLayer,
  done: (layer: ChunkedLayer) => void,
  options: ChunkedOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const { level = 9 } = options;
  const { promisify } = await import("node:util");
  const zlib = await import("node:zlib");
  const { createHash } = await import("node:crypto");
  const gzip = promisify<Uint8Array, import("node:zlib").ZlibOptions, Buffer>(zlib.gzip);
  const output = new FramedOutput((bytes) => gzip(bytes, { level }));
  const toc = new TocBuilder();
  const diffID = createHash("sha256");
  let size = 0;
  const passes = (bytes: Uint8Array) => {
    diffID.update(bytes);
    size += bytes.length;
  };
  let content: ContentChunks | undefined;
  for await (const piece of orderedPieces(open, options)) {
    passes(piece.bytes);
    if (piece.kind === "content") yield* content!.add(piece.bytes);
    else yield* output.add(piece.bytes);
    if (piece.kind !== "entry") continue;
    content?.finish();
    const line = toc.begin(piece.entry);
    const hasContent = piece.entry.type === "file" && piece.entry.size > 0;
    content = hasContent ? new ContentChunks(piece.entry, line, output, toc, createHash, false) : undefined;
  }
  content?.finish();
  yield* output.cut();
  const table = Buffer.from(JSON.stringify({ version: 1, entries: toc.entries }));
  const tocOffset = output.offset;
  for await (const bytes of writeTar([{ type: "file", path: TOC_NAME, body: table, mode: 0o444 }])) {
    passes(bytes);
    yield* output.add(bytes);
  }
  yield* output.cut();
  yield footer(tocOffset);
  done({
    diffID: `sha256:${diffID.digest("hex")}`,
    annotations: {
      [STARGZ_TOC_DIGEST]: `sha256:${createHash("sha256").update(table).digest("hex")}`,
      [STARGZ_UNCOMPRESSED_SIZE]: String(size),
    },
  });
}

/** The layer's pieces without its end, with a landmark, what is to be prefetched in front of that. */
async function* orderedPieces(
  open: OpenLayer,
  { prefetch = [], signal }: ChunkedOptions,
): AsyncGenerator<TarPiece, void, undefined> {
  const wanted = withParents(prefetch.map(toByteString));
  // A hard link must not come before its file, wherever that is.
  const isFirst = ({ type, path }: TarEntry) =>
    type !== "hardlink" && wanted.has(splitPath(path)?.join("/") ?? "");
  const layer = async () => tarPieces(decompress(await open(), signal === undefined ? {} : { signal }));
  const landmark = (path: string) =>
    tarPieces(writeTar([{ type: "file", path, body: LANDMARK, mode: 0o444 }]));
  if (wanted.size === 0) {
    yield* selected(landmark(NO_PREFETCH), () => true);
    yield* selected(await layer(), isNotOwn);
    return;
  }
  yield* selected(await layer(), (entry) => isNotOwn(entry) && isFirst(entry));
  yield* selected(landmark(PREFETCH), () => true);
  yield* selected(await layer(), (entry) => isNotOwn(entry) && !isFirst(entry));
}

async function* selected(
  pieces: AsyncIterable<TarPiece>,
  wants: (entry: TarEntry) => boolean,
): AsyncGenerator<TarPiece, void, undefined> {
  let wanted = false;
  for await (const piece of pieces) {
    if (piece.kind === "entry") wanted = wants(piece.entry);
    if (wanted && piece.kind !== "end") yield piece;
  }
}

function isNotOwn({ path }: TarEntry): boolean {
  return !OWN_NAMES.has(splitPath(path)?.join("/") ?? "");
}

/** Paths with the directories on the way to them. */
function withParents(paths: readonly ByteString[]): Set<ByteString> {
  const all = new Set<ByteString>();
  for (const path of paths) {
    const parts = splitPath(path) ?? [];
    for (let length = 1; length <= parts.length; length++) all.add(parts.slice(0, length).join("/"));
  }
  return all;
}

/**
 * The footer: an empty gzip member of 51 bytes whose extra field says where the table begins. Its deflate
 * stream is one empty stored block, as every writer of the format makes it.
 */
function footer(tocOffset: number): Uint8Array {
  const subfield = Buffer.from(`${tocOffset.toString(16).padStart(16, "0")}STARGZ`, "latin1");
  const bytes = Buffer.alloc(51);
  bytes.set([0x1f, 0x8b, 8, 4], 0);
  bytes[9] = 0xff; // no operating system is named
  bytes.writeUInt16LE(4 + subfield.length, 10);
  bytes.write("SG", 12, "latin1");
  bytes.writeUInt16LE(subfield.length, 14);
  bytes.set(subfield, 16);
  bytes.set([1, 0, 0, 0xff, 0xff], 38);
  return bytes;
}
