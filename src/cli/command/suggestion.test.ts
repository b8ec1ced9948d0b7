import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { editDistance, suggestions } from "./suggestion.ts";

const names = ["run", "rm", "rmi", "ps", "pull", "images", "inspect", "import", "system"];

test("close names are suggested, the closest first", () => {
  assert.deepEqual(suggestions("imgaes", names), ["images"]);
  assert.deepEqual(suggestions("rn", names), ["rm", "run"]);
  assert.deepEqual(suggestions("sys", names), ["system"]);
  assert.deepEqual(suggestions("frobnicate", names), []);
});

test("the distance is symmetric, zero for equals only, and counts a swap as one", () => {
  assert.equal(editDistance("pull", "plul"), 1);
  const text = fc.string({ maxLength: 10 });
  fc.assert(
    fc.property(text, text, (a, b) => {
      assert.equal(editDistance(a, b), editDistance(b, a));
      assert.equal(editDistance(a, b) === 0, a === b);
    }),
  );
});
