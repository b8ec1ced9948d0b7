import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import { DirectFile } from "./direct-file.ts";
import { PartialFile } from "./partial-file.ts";

const directory = mkdtempSync(join(tmpdir(), "corten-direct-"));
after(() => rmSync(directory, { recursive: true, force: true }));

/** Bytes that tell where they belong. */
function pattern(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32LE((seed + at) >>> 0, at);
  return bytes;
}

const lengths = fc.array(fc.oneof(fc.nat(9000), fc.nat(2_500_000)), { maxLength: 8 });

test("whatever the chunks, and wherever the file went on, it holds what was appended", {
  timeout: 120_000,
}, async () => {
  let files = 0;
  await fc.assert(
    fc.asyncProperty(fc.nat(10_000), lengths, fc.boolean(), async (before, sizes, refused) => {
      const path = join(directory, `file-${files++}`);
      const start = pattern(before, 1);
      writeFileSync(path, start);
      const file = await PartialFile.open(path, before, { uncached: true });
      if (refused) {
        // Opened by that name there is a link now, which is not followed: as on a file system without direct writes.
        renameSync(path, `${path}.moved`);
        symlinkSync(`${path}.moved`, path);
        assert.equal(await DirectFile.open(path), undefined);
      }
      const chunks = sizes.map((size, index) => pattern(size, index * 77));
      for (const chunk of chunks) await file.append(chunk);
      await file.sync();
      await file.close();
      assert.ok(readFileSync(path).equals(Buffer.concat([start, ...chunks])));
      rmSync(path);
    }),
    { numRuns: 40 },
  );
});

test("uncached content does not fill the page cache", async () => {
  const [uncached, cached] = await Promise.all([cachedBytes(true), cachedBytes(false)]);
  assert.equal(cached, 8 * 2 ** 20 + 100);
  // tmpfs takes direct writes, too, but has nothing but the page cache to keep them in.
  const isTmpfs = statfsSync(directory).type === 0x01021994;
  if (isTmpfs) assert.equal(uncached, cached);
  else assert.ok(uncached < 2 ** 20, `${uncached} bytes are in the page cache`);
});

async function cachedBytes(uncached: boolean): Promise<number> {
  const path = join(directory, `cached-${uncached}`);
  writeFileSync(path, "");
  const direct = await DirectFile.open(path);
  assert.ok(direct, `the file system of ${directory} takes no direct writes`);
  await direct.close();
  const file = await PartialFile.open(path, 0, { uncached });
  for (let n = 0; n < 8; n++) await file.append(pattern(2 ** 20, n));
  await file.append(pattern(100, 8));
  await file.sync();
  await file.close();
  const { stdout, stderr } = spawnSync("fincore", ["--bytes", "--noheadings", "--output", "RES,SIZE", path]);
  const [resident, size] = stdout.toString().trim().split(/\s+/).map(Number);
  assert.equal(size, 8 * 2 ** 20 + 100, stderr.toString());
  return Math.min(resident!, size!);
}
