import { CortenError } from "../../spec/index.ts";
import { decompress } from "../compression.ts";
import { ContentChunks } from "./content-chunks.ts";
import type { ChunkedLayer, ChunkedOptions, OpenLayer } from "./estargz.ts";
import { FramedOutput } from "./framed-output.ts";
import { tarPieces } from "./tar-pieces.ts";
import { TarSplit } from "./tar-split.ts";
import { TocBuilder } from "./toc.ts";

const PREFIX = "io.github.containers.zstd-chunked";
/** "GNUlInUx": the end of the footer. */
const MAGIC = Buffer.from([0x47, 0x4e, 0x55, 0x6c, 0x49, 0x6e, 0x55, 0x78]);
/** The kind of table that there is. */
const TABLE_TYPE = 1;
/** Magic number and length of a skippable frame. */
const FRAME_HEAD = 8;

/**
 * A layer in the zstd:chunked format: a zstd stream in which the content of each file, in chunks of 4 MiB,
 * begins a frame of its own; behind it, in frames that other readers skip, a table of contents, the
 * archive's framing in tar-split's format, and a footer that says where they are. It unpacks to the same
 * bytes as before, so the DiffID stays.
 *
 * @param done hears of the finished layer
 */
export async function* toZstdChunked(
  open: OpenLayer,
  done: (layer: ChunkedLayer) => void,
  options: ChunkedOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const { level = 3, signal } = options;
  const { createHash } = await import("node:crypto");
  const pack = await packer(level);
  const sha256 = (bytes: Uint8Array) => `sha256:${createHash("sha256").update(bytes).digest("hex")}` as const;
  const output = new FramedOutput(pack);
  const toc = new TocBuilder();
  const split = new TarSplit(pack);
  const diffID = createHash("sha256");
  let content: ContentChunks | undefined;
  /** Ends the frames of a file's content. */
  const end = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    if (content === undefined) return;
    yield* output.cut();
    content.finish(output.offset);
    content = undefined;
  };
  for await (const piece of tarPieces(decompress(await open(), signal === undefined ? {} : { signal }))) {
    diffID.update(piece.bytes);
    if (piece.kind === "content") {
      split.content(piece.bytes);
      yield* content!.add(piece.bytes);
      continue;
    }
    yield* end();
    yield* output.add(piece.bytes);
    await split.raw(piece.bytes);
    if (piece.kind !== "entry") continue;
    const { entry } = piece;
    const line = toc.begin(entry);
    await split.file(entry.path, entry.size);
    if (entry.type === "file" && entry.size > 0)
      content = new ContentChunks(entry, line, output, toc, createHash, true);
  }
  yield* end();
  yield* output.cut();
  const { packed: framing, size: framingSize } = await split.finish();
  const table = Buffer.from(
    JSON.stringify({ version: 1, entries: toc.entries, tarSplitDigest: sha256(framing) }),
  );
  const packedTable = await pack(table);
  const tableAt = output.offset + FRAME_HEAD;
  const framingAt = tableAt + packedTable.length + FRAME_HEAD;
  const places = [
    tableAt,
    packedTable.length,
    table.length,
    TABLE_TYPE,
    framingAt,
    framing.length,
    framingSize,
  ];
  yield skippable(packedTable);
  yield skippable(framing);
  yield skippable(footer(places));
  done({
    diffID: `sha256:${diffID.digest("hex")}`,
    annotations: {
      [`${PREFIX}.manifest-checksum`]: sha256(packedTable),
      [`${PREFIX}.manifest-position`]: places.slice(0, 4).join(":"),
      [`${PREFIX}.tarsplit-checksum`]: sha256(framing),
      [`${PREFIX}.tarsplit-position`]: places.slice(4).join(":"),
    },
  });
}

async function packer(level: number): Promise<(bytes: Uint8Array) => Promise<Uint8Array>> {
  const { promisify } = await import("node:util");
  const zlib = await import("node:zlib");
  if (zlib.zstdCompress === undefined) {
    throw new CortenError("unimplemented", "this Node has no zstd", { hint: "Node 22.15 and later have it" });
  }
  const compress = promisify<Uint8Array, import("node:zlib").ZstdOptions, Buffer>(zlib.zstdCompress);
  const params = { [zlib.constants.ZSTD_c_compressionLevel]: level };
  return (bytes) => compress(bytes, { params });
}

/** A frame that decoders pass over (RFC 8878, section 3.1.2). */
function skippable(content: Uint8Array): Uint8Array {
  const head = Buffer.alloc(FRAME_HEAD);
  head.writeUInt32LE(0x184d2a50, 0);
  head.writeUInt32LE(content.length, 4);
  return Buffer.concat([head, content]);
}

function footer(places: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(8 * places.length);
  for (const [index, place] of places.entries()) bytes.writeBigUInt64LE(BigInt(place), 8 * index);
  return Buffer.concat([bytes, MAGIC]);
}
