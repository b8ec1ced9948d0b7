import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { generateId, generateName, isName } from "./names.ts";

test("generated names are names", () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (value) => {
      const name = generateName(() => value);
      assert.match(name, /^[a-z]+_[a-z]+$/);
      assert.ok(isName(name));
    }),
  );
});

test("names as docker takes them", () => {
  for (const name of ["a", "A.b-c_d", "0", "x".repeat(128)]) assert.ok(isName(name), name);
  for (const name of ["", "-a", ".a", "a/b", "a b", "ä", "x".repeat(129), "a\n"])
    assert.ok(!isName(name), name);
});

test("IDs are 64 hex digits and never the same", () => {
  const ids = new Set(Array.from({ length: 100 }, generateId));
  assert.equal(ids.size, 100);
  for (const id of ids) assert.match(id, /^[0-9a-f]{64}$/);
});
