import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { commandOutput, cortenOci, isRoot, makeBundle, temporaryDirectory } from "../support/index.ts";

test("plan prints the operations and does nothing", { skip: !isRoot }, async () => {
  using scratch = temporaryDirectory("cli-plan");
  const state = join(scratch.path, "state");
  const bundle = join(scratch.path, "bundle");
  makeBundle(bundle, ["true"]);
  assert.match(await commandOutput(cortenOci, ["--root", state, "plan", bundle]), /pivotRoot|pivot_root/);
  const plan = await commandOutput(cortenOci, ["--root", state, "plan", "--format", "json", bundle]);
  assert.equal(typeof JSON.parse(plan), "object");
  assert.equal(existsSync(state), false);
});
