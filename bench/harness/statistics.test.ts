import assert from "node:assert/strict";
import { test } from "node:test";
import { spreadOf } from "./statistics.ts";

test("the median of an even count lies between the two in the middle", () => {
  assert.deepEqual(spreadOf([4, 1, 3, 2]), { samples: 4, median: 2.5, p10: 1.3, p90: 3.7, min: 1 });
  assert.equal(spreadOf([7]).p90, 7);
  assert.throws(() => spreadOf([]), /nothing was measured/);
});
