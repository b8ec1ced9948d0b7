import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { command, isRoot, temporaryDirectory } from "../support/index.ts";

const rooms = JSON.stringify(join(import.meta.dirname, "../../src/content/index.ts"));

/** Runs in a mount namespace of its own, so that the small file system is nowhere else. */
const program = `
import { openStore } from ${rooms};
import { makeImage } from ${JSON.stringify(join(import.meta.dirname, "images.ts"))};
using store = openStore("/mnt/root");
using lease = store.lease();
const [first, second] = makeImage(900);
for (const piece of [first, second]) {
  try {
    await store.put(piece.descriptor, piece.bytes, { lease });
    console.log("stored");
  } catch (error) {
    console.log(error.code + ": " + error.message.replace(/[0-9a-f]{64}/, "…"));
  }
}
console.log((await store.read(first.descriptor)).length === first.descriptor.size);
console.log((await store.collect({ interrupted: true })).partials);
await store.put(makeImage(0)[0].descriptor, makeImage(0)[0].bytes, { lease });
console.log("stored");
`;

test("a full disk is an error that says so, and the store stays whole", {
  skip: !isRoot,
  timeout: 30_000,
}, async () => {
  using directory = temporaryDirectory("full");
  const file = join(directory.path, "fill.ts");
  writeFileSync(file, program);
  const script = `mount -t tmpfs -o size=2200k tmpfs /mnt && exec "$0" "$1"`;
  const { stdout, stderr } = await command("unshare", ["-m", "sh", "-c", script, process.execPath, file]);
  assert.deepEqual(
    stdout.trim().split("\n"),
    ["stored", "resource-exhausted: cannot store blob sha256:…: the disk is full", "true", "1", "stored"],
    stderr,
  );
});
