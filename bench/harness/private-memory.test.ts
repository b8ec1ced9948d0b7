import assert from "node:assert/strict";
import { test } from "node:test";
import { privateKiB } from "./private-memory.ts";

test("clean and dirty private memory is summed, nothing else", () => {
  const rollup =
    "00400000-7ffd ---p 00000000 00:00 0    [rollup]\nRss:     1000 kB\nPrivate_Clean:     12 kB\nPrivate_Dirty:    300 kB\nPrivate_Hugetlb:    2048 kB\n";
  assert.equal(privateKiB(rollup), 312);
});
