import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { encodeFrame, FrameDecoder, MAX_FRAME } from "./frame.ts";

const frames = fc.array(
  fc.record(
    { type: fc.integer({ min: 0, max: 255 }), payload: fc.uint8Array({ maxLength: 300 }) },
    { noNullPrototype: true },
  ),
  { maxLength: 10 },
);

test("frames come back whole, whatever pieces the stream arrives in", () => {
  fc.assert(
    fc.property(frames, fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }), (sent, cuts) => {
      const stream = Buffer.concat(sent.map(({ type, payload }) => encodeFrame(type, payload)));
      const decoder = new FrameDecoder();
      const got = [];
      for (let at = 0, turn = 0; at < stream.length; turn++) {
        const size = cuts[turn % cuts.length]!;
        got.push(...decoder.push(stream.subarray(at, at + size)));
        at += size;
      }
      assert.deepEqual(got, sent);
    }),
  );
});

test("a header that lies is refused", () => {
  assert.throws(() => new FrameDecoder().push(new Uint8Array([17, 0, 0, 0, 0, 0, 0x40, 1])), {
    code: "data-loss",
  });
  assert.throws(() => new FrameDecoder().push(new Uint8Array([17, 1, 0, 0, 0, 0, 0, 0])), {
    code: "data-loss",
  });
  assert.throws(() => encodeFrame(0, new Uint8Array(MAX_FRAME + 1)), { code: "invalid-argument" });
});
