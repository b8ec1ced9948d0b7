import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSubordinateRanges } from "./subordinate-ids.ts";

test("ranges are found by name and by number; what is no range is passed over", () => {
  const text = "root:1:2\nana:100000:65536\n# note\n1000:300000:10\nana:x:1\nana:4294967290:65536\nana:5:0\n";
  assert.deepEqual(parseSubordinateRanges(text, { name: "ana", uid: 1000 }), [
    { first: 100_000, count: 65_536 },
    { first: 300_000, count: 10 },
  ]);
  assert.deepEqual(parseSubordinateRanges(text, { uid: 7 }), []);
});
