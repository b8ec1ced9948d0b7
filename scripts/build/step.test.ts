import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { dist } from "../repository.ts";
import { runStep, type Step } from "./step.ts";

test("a step is made again when bytes, facts or outputs changed, and after a failure", async () => {
  const scratch = mkdtempSync(join(tmpdir(), "corten-step-"));
  const name = `test-${process.pid}`;
  const output = join(scratch, "out");
  let made = 0;
  const step: Step = {
    name,
    inputs: [join(scratch, "in")],
    ignore: /\.test$/,
    facts: ["1"],
    outputs: [output],
    make() {
      made++;
      writeFileSync(output, "");
    },
  };
  try {
    writeFileSync(join(scratch, "in"), "a");
    assert.equal(await runStep(step), "made");
    assert.equal(await runStep(step), "unchanged");
    writeFileSync(join(scratch, "in"), "b");
    assert.equal(await runStep(step), "made");
    assert.equal(await runStep({ ...step, facts: ["2"] }), "made");
    rmSync(output);
    assert.equal(await runStep({ ...step, facts: ["2"] }), "made");
    const failing: Step = { ...step, facts: ["3"], make: () => Promise.reject(new Error("no compiler")) };
    await assert.rejects(runStep(failing), /no compiler/);
    assert.equal(await runStep({ ...step, facts: ["2"] }), "made");
    assert.equal(made, 5);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
    rmSync(join(dist, ".stamps", name), { force: true });
  }
});
