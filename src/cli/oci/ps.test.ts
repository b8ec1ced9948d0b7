import assert from "node:assert/strict";
import { test } from "node:test";
import { processLines } from "./ps.ts";

test("the table of ps is reduced to the container's processes, wherever the column PID is", () => {
  const table =
    "UID          PID    PPID CMD\nroot           1       0 init\nroot         221       1 sleep 1\n";
  assert.deepEqual(processLines(table, new Set([221])), [
    "UID          PID    PPID CMD",
    "root         221       1 sleep 1",
  ]);
  assert.throws(() => processLines("CMD\ninit\n", new Set([1])), /leave out the column PID/);
});
