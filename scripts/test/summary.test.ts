import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestCase } from "./junit-report.ts";
import { summarize } from "./summary.ts";

const testCase = (outcome: TestCase["outcome"]): TestCase => ({
  file: "a.test.ts",
  name: outcome,
  seconds: 0,
  outcome,
  failure: outcome === "failed" ? "1 !== 2" : "",
});
const last = (lines: readonly string[]) => lines[lines.length - 1];

test("tests and checks are added up and the last line is plain", () => {
  const summary = summarize(
    [
      { name: "style", findings: [] },
      { name: "types", findings: ["a.ts: wrong"] },
    ],
    ["build native: no compiler"],
    [{ suite: "unit", seconds: 1, cases: [testCase("passed"), testCase("failed"), testCase("skipped")] }],
  );
  assert.equal(last(summary.lines), "2 passed, 3 failed");
  assert.equal(summary.failed, 3);
  assert.ok(summary.lines.includes("FAILED build native: no compiler"));
  assert.ok(summary.lines.some((line) => line.startsWith("skipped unit: a.test.ts")));
});

test("a run without tests fails, also when all of them are skipped", () => {
  assert.equal(last(summarize([], [], []).lines), "0 passed, 1 failed");
  const skipped = summarize([], [], [{ suite: "unit", seconds: 0, cases: [testCase("skipped")] }]);
  assert.equal(last(skipped.lines), "0 passed, 1 failed");
});

test("a crashed runner is a failure beside its tests", () => {
  const suite = { suite: "unit", seconds: 0, cases: [testCase("passed")], problem: "was killed by SIGSEGV" };
  assert.equal(last(summarize([], [], [suite]).lines), "1 passed, 1 failed");
});
