/** What the build promises about dist/corten, whatever its commands do. */
import assert from "node:assert/strict";
import { symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { command, commandOutput, corten, cortenOci, temporaryDirectory } from "../support/index.ts";

test("two programs stand beside each other; a link to the OCI one may have any name", async () => {
  using scratch = temporaryDirectory("names");
  assert.match(await commandOutput(corten, ["--version"]), /^corten /);
  const link = join(scratch.path, "runc");
  symlinkSync(cortenOci, link);
  for (const program of [cortenOci, link]) {
    assert.match(await commandOutput(program, ["--version"]), /^corten-oci |^runc /);
  }
});

test("nothing in the current directory is loaded", async () => {
  using scratch = temporaryDirectory("hostile");
  const hostile = {
    "bunfig.toml": 'preload = ["./evil.ts"]\n',
    "evil.ts": 'console.log("EVIL");\nprocess.exit(66);\n',
    ".env": "BUN_OPTIONS=--preload=./evil.ts\nCORTEN_ROOT=/evil\n",
    ".env.local": "BUN_OPTIONS=--preload=./evil.ts\n",
    "tsconfig.json": '{"compilerOptions":{"paths":{"*":["./evil.ts"],"node:*":["./evil.ts"]}}}\n',
    "package.json": '{"main":"./evil.ts","imports":{"#*":"./evil.ts"}}\n',
  };
  for (const [name, text] of Object.entries(hostile)) writeFileSync(join(scratch.path, name), text);
  const there = await command(corten, ["--version"], { cwd: scratch.path });
  assert.deepEqual(there, await command(corten, ["--version"]));
  assert.equal(there.exitCode, 0);
});
