import assert from "node:assert/strict";
import { test } from "node:test";
import { judgeLicences } from "./licences.ts";

test("a choice needs one accepted licence, a sum needs all, none is refused", () => {
  const lock = {
    packages: {
      "": {},
      "node_modules/a": { license: "MIT OR GPL-3.0-only", version: "1" },
      "node_modules/b": { license: "(MIT AND BSD-3-Clause)", version: "1" },
      "node_modules/c": { license: "MIT AND GPL-3.0-only", version: "1" },
      "node_modules/d": { version: "2" },
      "node_modules/e": { license: "MPL-2.0", version: "3", dev: true },
      "node_modules/f": { license: "MPL-2.0", version: "4" },
    },
  };
  assert.deepEqual(judgeLicences(lock), [
    "node_modules/c@1: licence MIT AND GPL-3.0-only",
    "node_modules/d@2: licence unknown",
    "node_modules/f@4: licence MPL-2.0",
  ]);
});
