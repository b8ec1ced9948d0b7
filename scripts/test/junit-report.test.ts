import assert from "node:assert/strict";
import { test } from "node:test";
import { parseJunitReport } from "./junit-report.ts";

const report = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="bun test" tests="4" failures="1" skipped="1">
  <testsuite name="a.test.ts" file="a.test.ts" tests="4">
    <testcase name="adds" classname="" time="0.5" file="a.test.ts" line="3" />
    <testsuite name="group &lt;x&gt;" file="a.test.ts">
      <testcase name="fails &quot;q&quot;" classname="group &lt;x&gt;" time="0" file="a.test.ts">
        <failure type="AssertionError" message="short">1 &amp;&#10;2</failure>
      </testcase>
      <testcase name="skips" classname="group &lt;x&gt;" time="0" file="a.test.ts">
        <skipped />
      </testcase>
    </testsuite>
    <testcase name="breaks" classname="" time="0" file="a.test.ts"><error message="load &amp; go"/></testcase>
  </testsuite>
</testsuites>`;

test("nested suites are read flat, each test with its outcome", () => {
  assert.deepEqual(parseJunitReport(report), [
    { file: "a.test.ts", name: "adds", seconds: 0.5, outcome: "passed", failure: "" },
    { file: "a.test.ts", name: 'group <x> > fails "q"', seconds: 0, outcome: "failed", failure: "1 &\n2" },
    { file: "a.test.ts", name: "group <x> > skips", seconds: 0, outcome: "skipped", failure: "" },
    { file: "a.test.ts", name: "breaks", seconds: 0, outcome: "failed", failure: "load & go" },
  ]);
});

test("an empty report has no tests", () => {
  assert.deepEqual(parseJunitReport("<testsuites></testsuites>"), []);
});
