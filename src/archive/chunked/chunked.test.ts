import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { gunzipSync, gzipSync, zstdDecompressSync } from "node:zlib";
import fc from "fast-check";
import { isCortenError } from "../../spec/index.ts";
import { decompress } from "../compression.ts";
import { Crc64 } from "../crc64.ts";
import { readTar } from "../tar-reader.ts";
import { pieces } from "../testing-layer.ts";
import { END, pax, rawEntry } from "../testing-tar.ts";
import type { ChunkedLayer, ChunkedOptions } from "./estargz.ts";
import { toEstargz } from "./estargz.ts";
import { tarPieces } from "./tar-pieces.ts";
import type { TocEntry } from "./toc.ts";
import { toZstdChunked } from "./zstd-chunked.ts";

const MIB = 1024 * 1024;
const noise = Buffer.from(Array.from({ length: 9 * MIB + 5 }, (_, index) => (index * 2_654_435_761) >>> 24));
const layer = Buffer.concat([
  rawEntry({ path: "etc/", type: "5", mode: 0o755 }),
  rawEntry({ path: "etc/passwd", content: "root", mode: 0o644, uid: 3, user: "root", mtime: 1_700_000_000 }),
  rawEntry({ path: "etc/empty" }),
  rawEntry({ path: "sh", type: "2", link: "/bin/sh" }),
  pax([["SCHILY.xattr.user.a", "1"]]),
  rawEntry({ path: "large", content: noise }),
  rawEntry({ path: "hard", type: "1", link: "etc/passwd" }),
  rawEntry({ path: "dev", type: "3", major: 1, minor: 3 }),
  rawEntry({ path: "caf\xe9", content: "latin" }),
  rawEntry({ path: "etc/.wh.old" }),
  END,
  Buffer.alloc(2048),
]);

async function* streamOf(bytes: Uint8Array, step = 70_001): AsyncGenerator<Uint8Array, void, undefined> {
  yield* pieces(bytes, step);
}

type Pack = typeof toEstargz;

async function packed(
  pack: Pack,
  bytes: Uint8Array,
  options?: ChunkedOptions,
): Promise<ChunkedLayer & { readonly blob: Buffer }> {
  let layer: ChunkedLayer | undefined;
  const made = pack(
    async () => streamOf(bytes),
    (it) => {
      layer = it;
    },
    options,
  );
  const blob = Buffer.concat(await Array.fromAsync(made));
  return { blob, ...layer! };
}

const sha256 = (bytes: Uint8Array) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
const unpack = async (blob: Uint8Array) => Buffer.concat(await Array.fromAsync(decompress(streamOf(blob))));

/** The first frame of a packed stream from `offset`, unpacked: what a reader gets that begins there. */
function frameAt(blob: Buffer, offset: number, length: number, kind: "gzip" | "zstd"): Buffer {
  const bytes = blob.subarray(offset);
  return (kind === "gzip" ? gunzipSync(bytes) : zstdDecompressSync(bytes)).subarray(0, length);
}

/** Reads every chunk that a table of contents lists from where it says, and compares with its digest. */
function checkChunks(blob: Buffer, entries: readonly TocEntry[], kind: "gzip" | "zstd"): Map<string, Buffer> {
  const contents = new Map<string, Buffer>();
  let size = 0;
  for (const { name, type, size: own, offset, chunkOffset = 0, chunkSize, chunkDigest, digest } of entries) {
    if (type === "reg") size = own ?? 0;
    if (offset === undefined) continue;
    const content = frameAt(blob, offset, chunkSize ?? size - chunkOffset, kind);
    assert.equal(sha256(content), chunkDigest, `${name} at ${chunkOffset}`);
    contents.set(name, Buffer.concat([contents.get(name) ?? Buffer.alloc(0), content]));
    if (contents.get(name)!.length === size) {
      const whole = entries.find((entry) => entry.type === "reg" && entry.name === name)!.digest;
      assert.equal(sha256(contents.get(name)!), whole, name);
    }
    if (type === "chunk") assert.equal(digest, undefined);
  }
  return contents;
}

test("pieces of an archive are its bytes, however it is cut", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 3000 }), async (step) => {
      const small = Buffer.concat([
        rawEntry({ path: "a", content: "x".repeat(600) }),
        pax([["path", "b"]]),
        rawEntry({ path: "y", content: "z" }),
        rawEntry({ path: "e" }),
        END,
        Buffer.from("tail"),
      ]);
      const parts: Buffer[] = [];
      const kinds: string[] = [];
      for await (const piece of tarPieces(streamOf(small, step))) {
        parts.push(Buffer.from(piece.bytes));
        if (kinds.at(-1) !== piece.kind) kinds.push(piece.kind);
      }
      assert.deepEqual(Buffer.concat(parts), small);
      assert.deepEqual(kinds, ["entry", "content", "padding", "entry", "content", "padding", "entry", "end"]);
    }),
  );
});

test("CRC-64 of ISO 3309 has its check value", () => {
  const crc = new Crc64();
  crc.update(Buffer.from("12345"));
  crc.update(Buffer.from("6789"));
  assert.equal(crc.digest().toString("hex"), "b90956c775a41001");
});

test("the checksum is the polynomial's, bit by bit, wherever the content is cut", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat(40), (bytes, cut) => {
      let expected = 0xffff_ffff_ffff_ffffn;
      for (const byte of bytes) {
        expected ^= BigInt(byte);
        for (let bit = 0; bit < 8; bit++) {
          expected = (expected >> 1n) ^ ((expected & 1n) * 0xd800_0000_0000_0000n);
        }
      }
      const crc = new Crc64();
      crc.update(bytes.subarray(0, cut));
      crc.update(bytes.subarray(cut));
      assert.equal(crc.digest().readBigUInt64BE(), expected ^ 0xffff_ffff_ffff_ffffn);
    }),
  );
});

test("eStargz: every reader of gzip sees the layer, with a landmark and the table of contents", async () => {
  const { blob, diffID, annotations } = await packed(toEstargz, gzipSync(layer));
  const tar = await unpack(blob);
  assert.equal(sha256(tar), diffID);
  assert.equal(annotations["io.containers.estargz.uncompressed-size"], String(tar.length));
  const names: string[] = [];
  for await (const { path } of readTar([tar])) names.push(path);
  assert.deepEqual(names, [
    ".no.prefetch.landmark",
    "etc/",
    "etc/passwd",
    "etc/empty",
    "sh",
    "large",
    "hard",
    "dev",
    "caf\xe9",
    "etc/.wh.old",
    "stargz.index.json",
  ]);
  assert.deepEqual((await packed(toEstargz, layer)).blob, blob);
  assert.deepEqual((await packed(toEstargz, blob)).blob, blob);
});

test("eStargz: the footer leads to the table, and the table to each chunk", async () => {
  const { blob, annotations } = await packed(toEstargz, layer);
  const footer = blob.subarray(-51);
  assert.equal(gunzipSync(footer).length, 0);
  assert.equal(footer.toString("latin1", 32, 38), "STARGZ");
  const tocOffset = Number.parseInt(footer.toString("latin1", 16, 32), 16);
  const [entry] = await Array.fromAsync(readTar([gunzipSync(blob.subarray(tocOffset, -51))]));
  assert.equal(entry!.path, "stargz.index.json");
  const table = gunzipSync(blob.subarray(tocOffset)).subarray(512, 512 + entry!.size);
  assert.equal(sha256(table), annotations["containerd.io/snapshot/stargz/toc.digest"]);
  const { version, entries } = JSON.parse(table.toString()) as { version: number; entries: TocEntry[] };
  assert.equal(version, 1);
  const contents = checkChunks(blob, entries, "gzip");
  assert.equal(contents.get("etc/passwd")?.toString(), "root");
  assert.ok(contents.get("large")!.equals(noise));
  const passwd = entries.find(({ name }) => name === "etc/passwd")!;
  const { offset, chunkDigest, digest, ...rest } = passwd;
  assert.deepEqual(rest, {
    name: "etc/passwd",
    type: "reg",
    size: 4,
    modtime: "2023-11-14T22:13:20Z",
    mode: 0o644,
    uid: 3,
    userName: "root",
  });
  assert.deepEqual([chunkDigest, digest], [sha256(Buffer.from("root")), sha256(Buffer.from("root"))]);
  const large = entries.filter(({ name }) => name === "large");
  assert.deepEqual(
    large.map(({ type, chunkOffset, chunkSize }) => [type, chunkOffset, chunkSize]),
    [
      ["reg", undefined, 4 * MIB],
      ["chunk", 4 * MIB, 4 * MIB],
      ["chunk", 8 * MIB, undefined],
    ],
  );
  assert.deepEqual(large[0]?.xattrs, { "user.a": "MQ==" });
});

test("eStargz: files to be prefetched come first, with their directories, and hard links never before their file", async () => {
  const { blob } = await packed(toEstargz, layer, { prefetch: ["/caf\u00e9", "etc/passwd", "hard"] });
  const names: string[] = [];
  for await (const { path } of readTar([await unpack(blob)])) names.push(path);
  assert.deepEqual(names.slice(0, 4), ["etc/", "etc/passwd", ".prefetch.landmark", "etc/empty"]);
  assert.deepEqual([...names].sort(), [...new Set(names)].sort());
  assert.equal(names.length, 11);
});

test("zstd:chunked: the layer is the same, and the table leads to each chunk", async () => {
  const { blob, diffID, annotations } = await packed(toZstdChunked, gzipSync(layer));
  assert.equal(diffID, sha256(layer));
  assert.deepEqual(await unpack(blob), layer);
  const footer = blob.subarray(-64);
  assert.equal(footer.toString("latin1", 56), "GNUlInUx");
  const [at, length, size, type, splitAt, splitLength, splitSize] = Array.from({ length: 7 }, (_, index) =>
    Number(footer.readBigUInt64LE(8 * index)),
  ) as [number, number, number, number, number, number, number];
  const prefix = "io.github.containers.zstd-chunked";
  assert.equal(annotations[`${prefix}.manifest-position`], `${at}:${length}:${size}:${type}`);
  assert.equal(annotations[`${prefix}.tarsplit-position`], `${splitAt}:${splitLength}:${splitSize}`);
  const packedTable = blob.subarray(at, at + length);
  assert.equal(sha256(packedTable), annotations[`${prefix}.manifest-checksum`]);
  const table = zstdDecompressSync(packedTable);
  assert.equal(table.length, size);
  const { entries, tarSplitDigest } = JSON.parse(table.toString()) as {
    entries: TocEntry[];
    tarSplitDigest: string;
  };
  const framing = blob.subarray(splitAt, splitAt + splitLength);
  assert.equal(sha256(framing), tarSplitDigest);
  const contents = checkChunks(blob, entries, "zstd");
  assert.ok(contents.get("large")!.equals(noise));
  const passwd = entries.find(({ name }) => name === "etc/passwd")!;
  assert.equal(zstdDecompressSync(blob.subarray(passwd.offset, passwd.endOffset)).toString(), "root");
  // The framing and the files make the archive again.
  const lines = zstdDecompressSync(framing).toString();
  assert.equal(lines.length, splitSize);
  const parts: Buffer[] = [];
  for (const [index, line] of lines.trimEnd().split("\n").entries()) {
    const { type: kind, name, name_raw, size: own = 0, payload, position } = JSON.parse(line);
    assert.equal(position, index);
    if (kind === 2) parts.push(Buffer.from(payload, "base64"));
    else if (own > 0) {
      const content = contents.get(name ?? Buffer.from(name_raw, "base64").toString("utf8"))!;
      const crc = new Crc64();
      crc.update(content);
      assert.equal(crc.digest().toString("base64"), payload);
      parts.push(content);
    }
  }
  assert.ok(Buffer.concat(parts).equals(layer));
});

test("a sparse file is refused, with the way out", async () => {
  const sparse = Buffer.concat([
    rawEntry({
      path: "s",
      type: "S",
      content: "x".repeat(512),
      sparse: { size: 9000, segments: [[0, 512]] },
    }),
    END,
  ]);
  for (const pack of [toEstargz, toZstdChunked]) {
    await assert.rejects(
      packed(pack, sparse),
      (error) => isCortenError(error, "failed-precondition") && /flatten/.test(error.hint ?? ""),
    );
  }
});

test("an archive without an end, and one of nothing, come through", async () => {
  const open = rawEntry({ path: "a", content: "1" });
  assert.deepEqual(await unpack((await packed(toZstdChunked, open)).blob), open);
  const nothing = await packed(toEstargz, END);
  assert.equal(sha256(await unpack(nothing.blob)), nothing.diffID);
});
