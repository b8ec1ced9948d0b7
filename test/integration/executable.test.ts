/** What the build promises about dist/corten, whatever its commands do. */
import assert from "node:assert/strict";
import { lstatSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { command, commandOutput, corten, cortenOci, temporaryDirectory } from "../support/index.ts";

test("one file is two programs, told apart by the name it is called by", async () => {
  assert.match(await commandOutput(corten, ["--version"]), /^corten /);
  assert.match(await commandOutput(cortenOci, ["--version"]), /^corten-oci |^runc /);
  assert.ok(lstatSync(cortenOci).size < 1000, "dist/corten-oci is a link");
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
