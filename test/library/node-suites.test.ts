import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { command, repository } from "../support/index.ts";

const ROOMS = ["spec", "content", "archive", "transport", "image", "registry"];

for (const room of ROOMS) {
  test(`the unit tests of src/${room} pass in the oldest Node that the library is for`, async () => {
    const files = `dist/node-tests/src/${room}/**/*.test.js`;
    const result = await command(join(repository, "scripts/node"), ["--test", "--test-reporter=tap", files], {
      cwd: repository,
      timeoutMs: 600_000,
    });
    const failed = result.stdout.split("\n").filter((line) => /^\s*not ok /.test(line));
    assert.deepEqual(failed, []);
    assert.equal(result.exitCode, 0, result.stderr);
    assert.match(result.stdout, /^# pass [1-9]/m);
  });
}
