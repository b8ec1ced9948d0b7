import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { isCortenError } from "../spec/index.ts";
import { tarPieces } from "./chunked/tar-pieces.ts";
import { decompress } from "./compression.ts";
import { examineLayer } from "./layer-examination.ts";
import { pieces } from "./testing-layer.ts";
import { END, pax, rawEntry } from "./testing-tar.ts";
import { ZstdFrames } from "./zstd-frames.ts";

/** `npm run fuzz` sets a time for all properties; without it this many. */
const RUNS = fc.readConfigureGlobal().interruptAfterTimeLimit === undefined ? { numRuns: 400 } : {};

const plain = Buffer.concat([
  rawEntry({ path: "etc/", type: "5" }),
  pax([["path", "etc/passwd"]]),
  rawEntry({ path: "x", content: "root:x:0:0".repeat(60) }),
  rawEntry({ path: ".wh.gone" }),
  END,
]);
const skippable = Buffer.concat([Buffer.from([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0]), Buffer.from("abc")]);
const halves = [plain.subarray(0, 1500), plain.subarray(1500)];
const PACKED = [
  gzipSync(plain),
  Buffer.concat(halves.map((half) => gzipSync(half))),
  zstdCompressSync(plain),
  Buffer.concat([skippable, ...halves.map((half) => zstdCompressSync(half)), skippable]),
];

const damage = fc.record({
  packed: fc.constantFrom(...PACKED),
  changes: fc.array(fc.tuple(fc.nat(10_000), fc.nat(255)), { maxLength: 4 }),
  cut: fc.option(fc.nat(10_000)),
  tail: fc.uint8Array({ maxLength: 20 }),
});

function damaged({
  packed,
  changes,
  cut,
  tail,
}: {
  packed: Buffer;
  changes: [number, number][];
  cut: number | null;
  tail: Uint8Array;
}): Buffer {
  const bytes = Buffer.concat([packed, tail]);
  for (const [at, value] of changes) bytes[at % bytes.length] = value;
  return cut === null ? bytes : bytes.subarray(0, cut % bytes.length);
}

async function outcome(bytes: Uint8Array, step: number): Promise<string> {
  try {
    const out = await Array.fromAsync(decompress(pieces(bytes, step), { limits: { totalBytes: 2 ** 20 } }));
    return Buffer.concat(out).toString("latin1");
  } catch (error) {
    assert.ok(isCortenError(error), `not a CortenError: ${String(error)}`);
    return error.code;
  }
}

test("whatever a packed stream holds, unpacking ends, with CortenErrors only, the same in every chunk size", async () => {
  await fc.assert(
    fc.asyncProperty(damage, fc.integer({ min: 1, max: 900 }), async (how, step) => {
      const bytes = damaged(how);
      assert.equal(await outcome(bytes, step), await outcome(bytes, bytes.length + 1));
    }),
    RUNS,
  );
});

test("the frames of a zstd stream are found, or refused, the same in every chunk size", () => {
  const split = (bytes: Uint8Array, step: number): string => {
    const frames = new ZstdFrames();
    const parts: Uint8Array[] = [];
    try {
      for (const chunk of pieces(bytes, step))
        parts.push(...frames.split(chunk).map((part) => Buffer.from(part)));
      frames.finish();
    } catch (error) {
      assert.ok(isCortenError(error), `not a CortenError: ${String(error)}`);
      return error.code;
    }
    return Buffer.concat(parts).toString("latin1");
  };
  fc.assert(
    fc.property(damage, fc.integer({ min: 1, max: 900 }), (how, step) => {
      const bytes = damaged(how);
      assert.equal(split(bytes, step), split(bytes, bytes.length + 1));
    }),
    RUNS,
  );
});

test("whatever a layer holds, it is judged, and cut into pieces that are its bytes", async () => {
  await fc.assert(
    fc.asyncProperty(damage, fc.integer({ min: 1, max: 900 }), async (how, step) => {
      const bytes = damaged({ ...how, packed: plain });
      await examineLayer(pieces(damaged(how), step));
      const parts: Uint8Array[] = [];
      try {
        for await (const piece of tarPieces(streamOf(bytes, step))) parts.push(Buffer.from(piece.bytes));
      } catch (error) {
        assert.ok(isCortenError(error), `not a CortenError: ${String(error)}`);
        return;
      }
      assert.ok(Buffer.concat(parts).equals(bytes));
    }),
    RUNS,
  );
});

async function* streamOf(bytes: Uint8Array, step: number): AsyncGenerator<Uint8Array, void, undefined> {
  yield* pieces(bytes, step);
}
