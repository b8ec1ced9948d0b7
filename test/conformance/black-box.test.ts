/** Our own black-box suite on the peers, and from the places where a user without rights stands. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { type ClauseResult, deviations } from "../black-box/harness/index.ts";
import { command, isInstalled, isRoot, repository, temporaryDirectory } from "../support/index.ts";

/** Fewer are tried elsewhere, as much of the suite takes more than one ID. */
const RUNS = [
  { name: "runc", env: { RUNTIME: "runc" }, atLeast: 100 },
  { name: "crun", env: { RUNTIME: "crun" }, atLeast: 100 },
  { name: "corten-oci as a user", env: { PLACE: "user" }, atLeast: 75 },
  { name: "corten-oci in a user namespace", env: { PLACE: "user-namespace" }, atLeast: 75 },
  { name: "corten-oci in an unprivileged container", env: { PLACE: "container" }, atLeast: 75 },
] as const;

describe("the black-box suite", { skip: isRoot ? false : "needs root" }, () => {
  for (const { name, env, atLeast } of RUNS) {
    it(`holds on ${name}, but for the deviations that are listed`, { timeout: 300_000 }, async () => {
      if ("RUNTIME" in env) assert.ok(isInstalled(env.RUNTIME), `${env.RUNTIME} is missing`);
      using scratch = temporaryDirectory("black-box");
      const file = join(scratch.path, "results");
      const { exitCode, stdout, stderr } = await command(
        join(repository, "scripts/bun"),
        ["test", "--timeout", "120000", "./test/black-box/"],
        { cwd: repository, env: { ...env, RESULTS: file }, timeoutMs: 280_000 },
      );
      const lines = existsSync(file) ? readFileSync(file, "utf8").trimEnd().split("\n") : [];
      const results = lines.map((line) => JSON.parse(line) as ClauseResult);
      const titles = (outcome: ClauseResult["outcome"]) =>
        results.filter((result) => result.outcome === outcome).map((result) => result.name);
      assert.deepEqual(titles("failed"), [], `${stdout}${stderr}`.slice(-8000));
      assert.equal(exitCode, 0, `${stdout}${stderr}`.slice(-8000));
      const listed = "RUNTIME" in env ? Object.keys(deviations[env.RUNTIME]!) : [];
      const tried = new Set(results.map((result) => result.name));
      assert.deepEqual(
        listed.filter((title) => !tried.has(title)),
        [],
        "a listed deviation has no case",
      );
      assert.ok(
        titles("held").length + titles("deviates").length >= atLeast,
        `${titles("held").length} held`,
      );
    });
  }
});
