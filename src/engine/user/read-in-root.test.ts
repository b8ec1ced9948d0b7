import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { readInRoot } from "./read-in-root.ts";

const base = mkdtempSync(join(tmpdir(), "corten-read-"));
const root = join(base, "root");
after(() => rmSync(base, { recursive: true, force: true }));
mkdirSync(join(root, "etc/real"), { recursive: true });
mkdirSync(join(root, "a/b"), { recursive: true });
writeFileSync(join(base, "secret"), "of the host");
writeFileSync(join(root, "etc/passwd"), "root:x:0:0\n");
writeFileSync(join(root, "etc/real/file"), "real");
symlinkSync("../../../../../../../secret", join(root, "etc/climb"));
symlinkSync(join(base, "secret"), join(root, "etc/absolute"));
symlinkSync("/etc/real", join(root, "etc/link"));
symlinkSync("loop", join(root, "etc/loop"));
symlinkSync("../../etc/passwd", join(root, "a/b/up"));

for (const [path, expected] of [
  ["etc/passwd", "root:x:0:0\n"],
  ["/etc/../etc/./passwd", "root:x:0:0\n"],
  ["etc/link/file", "real"],
  ["a/b/up", "root:x:0:0\n"],
  ["../../etc/passwd", "root:x:0:0\n"],
  ["etc/climb", undefined],
  ["etc/absolute", undefined],
  ["etc/loop", undefined],
  ["etc/none", undefined],
  ["etc/passwd/x", undefined],
  ["etc", undefined],
  ["", undefined],
] as const) {
  test(`"${path}"`, () => assert.equal(readInRoot(root, path, 100)?.toString(), expected));
}

test("reads the beginning of a large file", () => {
  writeFileSync(join(root, "large"), "x".repeat(1000));
  assert.equal(readInRoot(root, "large", 10)?.toString(), "xxxxxxxxxx");
});
