import assert from "node:assert/strict";
import { test } from "node:test";
import { timeInTurn } from "./contest.ts";

test("contestants take turns, warm-ups are not counted, and a failure takes one out", async () => {
  const turns: string[] = [];
  let runs = 0;
  const entries = await timeInTurn(
    [
      { name: "a", prepare: () => void turns.push("ready"), run: () => void turns.push("a") },
      {
        name: "b",
        run() {
          if (++runs === 2) throw new Error("broke");
          turns.push("b");
        },
      },
    ],
    { rounds: 2, warmUp: 1 },
  );
  assert.deepEqual(turns, ["ready", "a", "b", "ready", "a", "ready", "a"]);
  assert.ok(entries[0] && "spread" in entries[0]);
  assert.equal(entries[0].spread.samples, 2);
  assert.deepEqual(entries[1], { name: "b", failure: "broke" });
});

test("the first of a row is not counted", async () => {
  let runs = 0;
  const [entry] = await timeInTurn([{ name: "a", run: () => void runs++ }], { rounds: 2, warmUp: 0, row: 4 });
  assert.equal(runs, 8);
  assert.ok(entry && "spread" in entry);
  assert.equal(entry.spread.samples, 6);
});
