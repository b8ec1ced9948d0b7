import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DistributionError } from "./distribution-error.ts";
import { parseChunkRange, parseRange } from "./range.ts";

/** Texts that are nearly ranges. */
const header = fc.oneof(
  fc.string(),
  fc
    .tuple(
      fc.constantFrom("bytes=", "bytes ", "bytes", "", "lines="),
      fc.array(
        fc.oneof(fc.nat().map(String), fc.constantFrom("-", ",", "/", "*", " ", "-1", "9".repeat(30))),
      ),
    )
    .map(([unit, parts]) => unit + parts.join("")),
);

test("whatever a Range header says, the part lies inside of the blob, or the answer is 416", () => {
  fc.assert(
    fc.property(header, fc.nat(), (text, size) => {
      try {
        const range = parseRange(text, size);
        if (range === undefined) return;
        assert.ok(Number.isSafeInteger(range.start) && Number.isSafeInteger(range.end));
        assert.ok(0 <= range.start && range.start < range.end && range.end <= size, JSON.stringify(range));
      } catch (error) {
        assert.ok(error instanceof DistributionError);
        assert.equal(error.status, 416);
      }
    }),
    { numRuns: 5000 },
  );
});

test("a range that is inside means the bytes that it names", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1e9 }), fc.nat(), fc.nat(), (size, first, length) => {
      const start = first % size;
      const end = Math.min(size, start + 1 + (length % size));
      assert.deepEqual(parseRange(`bytes=${start}-${end - 1}`, size), { start, end });
      assert.deepEqual(parseRange(`bytes=${start}-`, size), { start, end: size });
      assert.deepEqual(parseRange(`bytes=-${size - start}`, size), { start, end: size });
    }),
  );
});

test("a chunk's range is one or none", () => {
  fc.assert(
    fc.property(header, (text) => {
      try {
        const range = parseChunkRange(text);
        assert.ok(range !== undefined && range.start < range.end);
      } catch (error) {
        assert.ok(error instanceof DistributionError);
        assert.equal(error.distributionCode, "BLOB_UPLOAD_INVALID");
      }
    }),
    { numRuns: 5000 },
  );
  assert.deepEqual(parseChunkRange("0-99"), { start: 0, end: 100 });
  assert.deepEqual(parseChunkRange("bytes 100-199/1000"), { start: 100, end: 200 });
});
