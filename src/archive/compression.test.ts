import assert from "node:assert/strict";
import { test } from "node:test";
import zlib from "node:zlib";
import { isCortenError } from "../spec/index.ts";
import type { DecompressOptions } from "./compression.ts";
import { compress, decompress, detectCompression } from "./compression.ts";
import { pieces } from "./testing-layer.ts";

async function unpack(parts: readonly Uint8Array[], options?: DecompressOptions): Promise<Buffer> {
  const out: Uint8Array[] = [];
  for await (const chunk of decompress(parts, options)) out.push(chunk);
  return Buffer.concat(out);
}

const one = Buffer.from("first ");
const two = Buffer.from("second ".repeat(5000));
const both = Buffer.concat([one, two]);
const bytewise = (bytes: Buffer): Buffer[] => Array.from(bytes, (byte) => Buffer.from([byte]));
const withZstd = { skip: zlib.zstdCompressSync === undefined && "this Node has no zstd" };

function skippable(content: string, magic = 0x50): Buffer {
  const head = Buffer.from([magic, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]);
  head.writeUInt32LE(content.length, 4);
  return Buffer.concat([head, Buffer.from(content)]);
}

test("plain data passes, also when shorter than a magic number", async () => {
  for (const text of ["", "a", "abc", "plain text"]) {
    assert.equal((await unpack([Buffer.from(text)])).toString(), text);
  }
});

test("gzip with several members, wherever chunks and members end", async () => {
  const members = [zlib.gzipSync(one), zlib.gzipSync(Buffer.alloc(0)), zlib.gzipSync(two)];
  const joined = Buffer.concat(members);
  assert.equal(detectCompression(joined), "gzip");
  for (const parts of [[joined], members, bytewise(joined), [...members, Buffer.alloc(700)]]) {
    assert.deepEqual(await unpack(parts), both);
  }
});

test("damaged, cut off or continued gzip is data loss", async () => {
  const packed = zlib.gzipSync(two);
  const flipped = Buffer.from(packed);
  flipped[packed.length - 6]! ^= 1;
  for (const parts of [
    [packed.subarray(0, -3)],
    [packed, packed.subarray(0, 12)],
    [packed, Buffer.from("rubbish")],
    [flipped],
  ]) {
    await assert.rejects(unpack(parts), (error) => isCortenError(error, "data-loss"));
  }
});

test("zstd with several frames and skippable frames between them", withZstd, async () => {
  const frames = [
    skippable("toc", 0x5e),
    zlib.zstdCompressSync(one),
    skippable(""),
    zlib.zstdCompressSync(two, { params: { [zlib.constants.ZSTD_c_checksumFlag]: 1 } }),
    skippable("end"),
  ];
  const joined = Buffer.concat(frames);
  assert.equal(detectCompression(joined), "zstd");
  for (const parts of [[joined], frames, bytewise(joined)]) assert.deepEqual(await unpack(parts), both);
});

test("zstd frames of every shape are followed", withZstd, async () => {
  for (const content of [Buffer.alloc(0), one, two, Buffer.alloc(3_000_000, 7), noise(400_000)]) {
    for (const level of [1, 19]) {
      for (const checksum of [0, 1]) {
        const { ZSTD_c_compressionLevel, ZSTD_c_checksumFlag } = zlib.constants;
        const params = { [ZSTD_c_compressionLevel]: level, [ZSTD_c_checksumFlag]: checksum };
        const packed = zlib.zstdCompressSync(content, { params });
        assert.deepEqual(await unpack([packed, packed]), Buffer.concat([content, content]));
      }
    }
  }
});

test("cut off or continued zstd is data loss", withZstd, async () => {
  const packed = zlib.zstdCompressSync(two);
  for (const parts of [
    [packed.subarray(0, -1)],
    [packed, packed.subarray(0, 3)],
    [packed, Buffer.from("rubbish")],
    [packed, skippable("abc").subarray(0, -1)],
  ]) {
    await assert.rejects(unpack(parts), (error) => isCortenError(error, "data-loss"));
  }
});

test("A12: a bomb is stopped", async () => {
  const bomb = zlib.gzipSync(Buffer.alloc(50_000_000));
  await assert.rejects(unpack([bomb], { limits: { totalBytes: 1_000_000 } }), (error) =>
    isCortenError(error, "resource-exhausted"),
  );
});

test("A12: a bomb of many small frames is stopped by its ratio", withZstd, async () => {
  const frame = zlib.zstdCompressSync(Buffer.alloc(2 ** 26));
  const attempt = async (): Promise<void> => {
    for await (const _ of decompress(Array.from({ length: 100 }, () => frame)));
  };
  await assert.rejects(
    attempt(),
    (error) => isCortenError(error, "resource-exhausted") && /2000 times/.test(error.message),
  );
});

test("xz and bzip2 are called by their names", async () => {
  await assert.rejects(unpack([Buffer.from("fd377a585a000004e6d6", "hex")]), /packed with xz/);
  await assert.rejects(unpack([Buffer.from("BZh91AY&SY..", "latin1")]), /packed with bzip2/);
});

test("an abort ends the stream with the signal's reason", async () => {
  const controller = new AbortController();
  const packed = zlib.gzipSync(noise(20_000_000), { level: 1 });
  const parts: Buffer[] = [];
  for (let i = 0; i < packed.length; i += 100_000) parts.push(packed.subarray(i, i + 100_000));
  await assert.rejects(async () => {
    for await (const _ of decompress(parts, { signal: controller.signal }))
      controller.abort(new Error("stop"));
  });
});

test("an error of the source comes through unchanged", async () => {
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield zlib.gzipSync(two).subarray(0, 20);
    throw new Error("connection lost");
  }
  await assert.rejects(async () => {
    for await (const _ of decompress(broken()));
  }, /connection lost/);
});

test("what is packed is unpacked", async () => {
  for (const how of ["gzip", ...(withZstd.skip === false ? (["zstd"] as const) : []), "none"] as const) {
    const packed: Uint8Array[] = [];
    for await (const chunk of compress([one, two], how, how === "none" ? {} : { level: 3 }))
      packed.push(chunk);
    assert.equal(detectCompression(Buffer.concat(packed)), how);
    assert.deepEqual(await unpack(packed), both);
  }
});

test("the end of a source comes when it will: zstd gives the same bytes", withZstd, async () => {
  const results = new Set<string>();
  for (let run = 0; run < 60; run++) {
    const source = async function* () {
      for (const chunk of [one, two]) {
        for (let turns = run % 4; turns > 0; turns--) await new Promise(setImmediate);
        yield chunk;
      }
      for (let turns = run % 3; turns > 0; turns--) await new Promise(setImmediate);
    };
    const packed: Uint8Array[] = [];
    for await (const chunk of compress(source(), "zstd")) packed.push(chunk);
    results.add(Buffer.concat(packed).toString("hex"));
  }
  assert.equal(results.size, 1);
});

function noise(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let state = 1;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) | 0;
    bytes[i] = state >>> 16;
  }
  return bytes;
}

test("zeros behind a gzip stream are padding and anything else is damage, in chunks of every size", async () => {
  const packed = zlib.gzipSync("hello");
  for (const step of [1, 2, 7, 1000]) {
    for (const zeros of [1, 2, 600]) {
      const padded = Buffer.concat([packed, Buffer.alloc(zeros)]);
      assert.equal(
        Buffer.concat(await Array.fromAsync(decompress(pieces(padded, step)))).toString(),
        "hello",
      );
      const followed = Buffer.concat([padded, Buffer.from("x")]);
      await assert.rejects(Array.fromAsync(decompress(pieces(followed, step))), (error) =>
        isCortenError(error, "data-loss"),
      );
    }
  }
});
