import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { BlockFile } from "./block-file.ts";

const directory = mkdtempSync(join(tmpdir(), "corten-block-file-"));
after(() => rmSync(directory, { recursive: true, force: true }));

const MiB = 2 ** 20;

/** What a file is made of: bytes, or so many zeros. */
const parts: readonly (Uint8Array | number)[] = [
  4096,
  bytes(3 * MiB + 1234, 1),
  600_000,
  bytes(34 * MiB, 2),
  bytes(5000, 3),
  700_001,
  ...Array.from({ length: 50 }, (_, index) => bytes(200_000 + index * 333, index)),
  bytes(9 * MiB, 4),
];

for (const refused of [false, true]) {
  test(`a long file holds what was appended, ${refused ? "without" : "with"} direct writes`, async () => {
    const path = join(directory, `file-${refused}`);
    const file = new BlockFile(path);
    if (refused) {
      // Opened by that name there is a link now, which is not followed: as on a file system without direct writes.
      renameSync(path, `${path}.moved`);
      symlinkSync(`${path}.moved`, path);
    }
    const hash = createHash("sha256");
    const head = Buffer.alloc(100, "head");
    hash.update(head);
    for (const [index, part] of parts.entries()) {
      const content = typeof part === "number" ? Buffer.alloc(part) : part;
      hash.update(index === 0 ? content.subarray(100) : content);
      if (typeof part === "number") file.appendZeros(part);
      else file.append(part);
      if (file.pressed) await file.drain();
    }
    const length = file.position;
    file.keepCached();
    const metadata = bytes(2 * MiB + 77, 9);
    file.append(metadata);
    hash.update(metadata);
    await file.finish(head);
    const found = readFileSync(path);
    assert.equal(found.length, length + metadata.length);
    assert.equal(createHash("sha256").update(found).digest("hex"), hash.digest("hex"));
  });
}

function bytes(length: number, seed: number): Buffer {
  const made = Buffer.alloc(length);
  for (let at = 0; at + 4 <= length; at += 4) made.writeUInt32LE((seed * 7919 + at) >>> 0, at);
  return made;
}
