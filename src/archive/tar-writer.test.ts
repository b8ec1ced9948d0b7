import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { NO_XATTRS } from "./tar-entry.ts";
import { readTar } from "./tar-reader.ts";
import type { TarInput } from "./tar-writer.ts";
import { writeTar } from "./tar-writer.ts";

async function bytes(entries: readonly TarInput[]): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of writeTar(entries)) parts.push(part);
  return Buffer.concat(parts);
}

test("equal input gives equal bytes, a whole number of blocks", async () => {
  const entries: TarInput[] = [
    { type: "directory", path: "d" },
    { type: "file", path: "d/f", body: Buffer.from("content") },
    { type: "symlink", path: "d/l", linkPath: "f" },
  ];
  const first = await bytes(entries);
  assert.equal(first.length % 512, 0);
  assert.deepEqual(await bytes(entries), first);
  // Nothing here needs PAX.
  assert.equal(first.includes("PaxHeaders"), false);
});

test("entries that no archive can hold are refused", async () => {
  const refuses = (entry: TarInput, message: RegExp): Promise<void> =>
    assert.rejects(bytes([entry]), message);
  await refuses({ type: "file", path: "" }, /invalid name/);
  await refuses({ type: "file", path: "日" }, /text, not a byte string/);
  await refuses({ type: "directory", path: "d", body: Buffer.from("x") }, /cannot have content/);
  await refuses({ type: "file", path: "f", size: 3 }, /no content/);
  await refuses({ type: "file", path: "f", uid: -1 }, /negative uid/);
  await refuses({ type: "file", path: "f", linkPath: "x" }, /is no link/);
  async function* short(): AsyncGenerator<Uint8Array> {
    yield Buffer.from("ab");
  }
  await refuses({ type: "file", path: "f", size: 3, body: short() }, /fewer than the 3 bytes/);
  await refuses({ type: "file", path: "f", size: 1, body: short() }, /more than the 1 bytes/);
});

const name = fc
  .array(
    fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code)),
    { minLength: 1, maxLength: 300 },
  )
  .map((letters) => letters.join("").replace(/\/+$/, "x"));
const time = fc.record({
  seconds: fc.integer({ min: -(2 ** 40), max: 2 ** 40 }),
  nanoseconds: fc.integer({ min: 0, max: 999_999_999 }),
});
const common = {
  path: name,
  mode: fc.integer({ min: 0, max: 0o7777 }),
  uid: fc.integer({ min: 0, max: 0xffff_fffe }),
  gid: fc.integer({ min: 0, max: 0xffff_fffe }),
  mtime: time,
  userName: fc.string({ unit: "grapheme-ascii", maxLength: 40 }),
};
const entry: fc.Arbitrary<TarInput> = fc.oneof(
  fc.record({ ...common, type: fc.constant("file" as const), body: fc.uint8Array({ maxLength: 2000 }) }),
  fc.record({ ...common, type: fc.constant("symlink" as const), linkPath: name }),
  fc.record({ ...common, type: fc.constant("hardlink" as const), linkPath: name }),
  fc.record({
    ...common,
    type: fc.constant("char-device" as const),
    deviceMajor: fc.integer({ min: 0, max: 4095 }),
    deviceMinor: fc.integer({ min: 0, max: 1_048_575 }),
  }),
  fc.record({
    ...common,
    type: fc.constant("directory" as const),
    xattrs: fc
      .dictionary(fc.stringMatching(/^user\.[a-z]{1,9}$/), fc.uint8Array({ maxLength: 50 }))
      .map((found) => new Map(Object.entries(found))),
  }),
);

test("what is written is read back", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(entry, { maxLength: 6 }),
      fc.integer({ min: 1, max: 3000 }),
      async (entries, step) => {
        const all = await bytes(entries);
        const chunks: Buffer[] = [];
        for (let i = 0; i < all.length; i += step) chunks.push(all.subarray(i, i + step));
        let count = 0;
        for await (const found of readTar(chunks)) {
          const want = entries[count++]!;
          const path = want.type === "directory" ? `${want.path}/` : want.path;
          assert.deepEqual(
            [
              found.type,
              found.path,
              found.linkPath,
              found.mode,
              found.uid,
              found.gid,
              found.mtime,
              found.userName,
            ],
            [
              want.type,
              path,
              want.linkPath ?? "",
              want.mode,
              want.uid,
              want.gid,
              { ...want.mtime },
              want.userName,
            ],
          );
          assert.deepEqual(
            [found.deviceMajor, found.deviceMinor],
            [want.deviceMajor ?? 0, want.deviceMinor ?? 0],
          );
          const pieces: Uint8Array[] = [];
          for await (const piece of found.body) pieces.push(piece);
          assert.deepEqual(Buffer.concat(pieces), Buffer.from((want.body as Uint8Array | undefined) ?? []));
          for (const [key, value] of want.xattrs ?? NO_XATTRS) {
            assert.deepEqual(Buffer.from(found.xattrs.get(key)!), Buffer.from(value));
          }
        }
        assert.equal(count, entries.length);
      },
    ),
    { numRuns: 200 },
  );
});
