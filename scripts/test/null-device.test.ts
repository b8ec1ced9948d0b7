import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { mendNullDevice } from "./null-device.ts";

const directory = mkdtempSync(join(tmpdir(), "corten-null-"));
after(() => rmSync(directory, { recursive: true }));

test("a null device is put right once, and told of", { skip: process.getuid?.() !== 0 }, () => {
  const path = join(directory, "null");
  assert.equal(spawnSync("mknod", [path, "c", "1", "3"]).status, 0);
  chmodSync(path, 0o600);
  assert.equal(mendNullDevice(path), `${path} belonged to 0:0 with mode 600`);
  assert.equal(statSync(path).mode & 0o7777, 0o666);
  assert.equal(mendNullDevice(path), undefined);
});

test("what is no device is never changed", () => {
  const path = join(directory, "file");
  writeFileSync(path, "", { mode: 0o600 });
  assert.throws(() => mendNullDevice(path), /is not a device: mknod/);
  assert.equal(statSync(path).mode & 0o7777, 0o600);
});
