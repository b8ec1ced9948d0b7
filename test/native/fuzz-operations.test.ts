import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, test } from "node:test";
import { isRoot, repository, temporaryDirectory } from "../support/index.ts";
import { makeBuilds } from "./executor.ts";

describe("fuzzing the operations on paths", { skip: isRoot ? false : "needs root" }, () => {
  test("nothing outside of a hostile root changes in a bounded run", { timeout: 120_000 }, () => {
    makeBuilds("fuzz");
    using found = temporaryDirectory("fuzz-operations");
    const { status, stderr } = spawnSync(
      join(repository, "dist/native/fuzz-operations"),
      [
        ...["-runs=20000", "-max_total_time=10", "-seed=1", "-len_control=0", "-max_len=200", "-timeout=50"],
        ...[`-artifact_prefix=${found.path}/`, found.path],
      ],
      { encoding: "utf8" },
    );
    assert.equal(status, 0, stderr.slice(-4000));
  });
});
