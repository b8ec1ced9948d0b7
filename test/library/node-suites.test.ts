import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { command, repository } from "../support/index.ts";

/** The unit tests of the image half as `npm run build -- node-tests` compiles them. */
const compiled = join(repository, "dist/node-tests/src");
const files = readdirSync(compiled, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".test.js"))
  .sort();

test("every room of the image half has tests to run in Node", () => {
  const rooms = new Set(files.map((name) => name.split("/", 1)[0]));
  assert.deepEqual([...rooms].sort(), ["archive", "content", "image", "registry", "spec", "transport"]);
});

for (const file of files) {
  test(`src/${file.replace(/\.js$/, ".ts")} passes in the oldest Node that the library is for`, async () => {
    const node = join(repository, "scripts/node");
    const result = await command(node, ["--test-reporter=tap", join(compiled, file)], {
      cwd: repository,
      timeoutMs: 115_000,
    });
    const failed = result.stdout.split("\n").filter((line) => /^\s*not ok /.test(line));
    assert.deepEqual(failed, [], result.stdout.slice(-4000));
    assert.equal(result.exitCode, 0, result.stderr);
    assert.match(result.stdout, /^# pass [1-9]/m);
  });
}
