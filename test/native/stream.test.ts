/** The operation applyStream: what a stream describes is there afterwards, and nothing outside of the root ever changes. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { encodeStreamEntry, type StreamEntry, streamHead } from "../../src/runtime/index.ts";
import { isRoot, temporaryDirectory } from "../support/index.ts";
import { builds, Kernel, makeBuilds, type Outcome, runPlan } from "./executor.ts";

makeBuilds("all", "asan");

type Item = StreamEntry & { readonly data?: string | Uint8Array };

function encode(items: readonly Item[], end = true): Buffer {
  const parts: Uint8Array[] = [streamHead()];
  for (const { data, ...entry } of items) {
    const bytes = Buffer.from((data ?? "") as string);
    parts.push(encodeStreamEntry(data === undefined ? entry : { ...entry, size: bytes.length }), bytes);
  }
  if (end) parts.push(encodeStreamEntry({ kind: "end" }));
  return Buffer.concat(parts);
}

for (const { name, init } of builds) {
  const apply = (scratch: string, stream: Uint8Array): Outcome =>
    runPlan(
      init,
      scratch,
      {
        host: [
          { op: "open", out: "$root", path: join(scratch, "root"), flags: Kernel.O_PATH },
          { op: "applyStream", root: "$root" },
          { op: "finish" },
        ],
      },
      { input: stream },
    );

  const applyItems = (scratch: string, ...items: readonly Item[]): Outcome => apply(scratch, encode(items));

  /** A root beside a file that must never change. */
  const prepare = (scratch: string): string => {
    const root = join(scratch, "root");
    mkdirSync(root);
    mkdirSync(join(scratch, "outside"));
    writeFileSync(join(scratch, "outside/canary"), "untouched", { mode: 0o640 });
    return root;
  };
  const outside = (scratch: string) =>
    execFileSync("find", [join(scratch, "outside"), "-printf", "%P %y %m %U %T@ %s\n"], { encoding: "utf8" });

  describe(`applyStream, ${name}`, { skip: !isRoot }, () => {
    test("makes every kind of file with owner, mode, time and attributes", () => {
      using scratch = temporaryDirectory("stream");
      const root = prepare(scratch.path);
      const mtime = { seconds: 981_173_106, nanoseconds: 123_456_789 };
      const content = "content\n".repeat(40_000);
      const outcome = applyItems(
        scratch.path,
        { kind: "directory", path: "", mode: 0o750 },
        { kind: "directory", path: "etc", mode: 0o1777, owner: { uid: 5, gid: 6 } },
        { kind: "file", path: "/etc/file", mode: 0o4755, owner: { uid: 7, gid: 8 }, mtime, data: content },
        { kind: "attribute", path: "etc/file", text: "user.colour", data: "red" },
        { kind: "symlink", path: "etc/link", text: "/nowhere", owner: { uid: 9, gid: 9 }, mtime },
        { kind: "hardLink", path: "usr/share/name", text: "etc/file" },
        { kind: "characterDevice", path: "dev/null", mode: 0o666, device: { major: 1, minor: 3 } },
        { kind: "characterDevice", path: "etc/gone", device: { major: 0, minor: 0 } },
        { kind: "blockDevice", path: "dev/big", mode: 0o600, device: { major: 259, minor: 70_000 } },
        { kind: "fifo", path: "dev/fifo", mode: 0o622 },
        { kind: "file", path: "dev/sparse", position: 2 ** 40 },
        { kind: "extent", path: "dev/sparse", position: 2 ** 20, data: "island" },
        { kind: "attribute", path: "etc", text: "trusted.overlay.opaque", data: "y" },
        { kind: "status", path: "etc", mtime },
      );
      assert.equal(outcome.status, 0, outcome.failure?.message ?? outcome.stderr);
      const file = lstatSync(join(root, "etc/file"), { bigint: true });
      assert.deepEqual(
        [file.mode & 0o7777n, file.uid, file.gid, file.nlink, file.mtimeNs],
        [0o4755n, 7n, 8n, 2n, 981_173_106_123_456_789n],
      );
      assert.equal(readFileSync(join(root, "usr/share/name"), "utf8"), content);
      const sparse = statSync(join(root, "dev/sparse"));
      assert.equal(sparse.size, 2 ** 40);
      assert.ok(sparse.blocks < 100, `${sparse.blocks}`);
      assert.equal(readlinkSync(join(root, "etc/link")), "/nowhere");
      assert.equal(lstatSync(join(root, "etc/link")).uid, 9);
      assert.equal(statSync(root).mode & 0o7777, 0o750);
      assert.equal(statSync(join(root, "etc"), { bigint: true }).mtimeNs, 981_173_106_123_456_789n);
      assert.equal(statSync(join(root, "etc")).mode & 0o7777, 0o1777);
      const devices = execFileSync("stat", ["-c", "%F %t %T %a", "null", "big", "fifo", "../etc/gone"], {
        cwd: join(root, "dev"),
        encoding: "utf8",
      });
      assert.match(
        devices,
        /^character special file 1 3 666\nblock special file 103 11170 600\nfifo 0 0 622\ncharacter special file 0 0 \d+\n$/,
      );
      const attributes = execFileSync(
        "getfattr",
        ["-d", "-m", "-", "--absolute-names", join(root, "etc"), join(root, "etc/file")],
        { encoding: "utf8" },
      );
      assert.match(attributes, /trusted.overlay.opaque="y"/);
      assert.match(attributes, /user.colour="red"/);
    });

    test("replaces what is there by what comes later; a directory stays one", () => {
      using scratch = temporaryDirectory("stream");
      const root = prepare(scratch.path);
      const outcome = applyItems(
        scratch.path,
        { kind: "directory", path: "a" },
        { kind: "file", path: "a/kept", data: "1" },
        { kind: "directory", path: "a", mode: 0o700 },
        { kind: "directory", path: "b/c/d" },
        { kind: "file", path: "b", data: "a file now" },
        { kind: "file", path: "c", data: "x" },
        { kind: "directory", path: "c" },
        { kind: "symlink", path: "d", text: "a" },
        { kind: "file", path: "d", data: "no link any more" },
        { kind: "file", path: "e", data: "x" },
        { kind: "remove", path: "e" },
      );
      assert.equal(outcome.status, 0, outcome.failure?.message ?? "");
      assert.deepEqual(readdirSync(root).sort(), ["a", "b", "c", "d"]);
      assert.equal(readFileSync(join(root, "a/kept"), "utf8"), "1");
      assert.equal(readFileSync(join(root, "b"), "utf8"), "a file now");
      assert.ok(lstatSync(join(root, "c")).isDirectory());
      assert.ok(lstatSync(join(root, "d")).isFile());
    });

    test("links in a path mean what they mean inside the root", () => {
      using scratch = temporaryDirectory("stream");
      const root = prepare(scratch.path);
      const outcome = applyItems(
        scratch.path,
        { kind: "directory", path: "usr/bin" },
        { kind: "symlink", path: "bin", text: "/usr/bin" },
        { kind: "file", path: "bin/tool", data: "tool" },
        { kind: "symlink", path: "up", text: "../../../../../.." },
        { kind: "file", path: "up/top", data: "top" },
        { kind: "symlink", path: "abs", text: join(scratch.path, "outside") },
        { kind: "file", path: "abs/canary", data: "inside" },
        { kind: "hardLink", path: "second", text: "abs/canary" },
      );
      assert.equal(outcome.status, 0, outcome.failure?.message ?? "");
      assert.equal(readFileSync(join(root, "usr/bin/tool"), "utf8"), "tool");
      assert.equal(readFileSync(join(root, "top"), "utf8"), "top");
      assert.equal(readFileSync(join(root, "second"), "utf8"), "inside");
      assert.equal(readFileSync(join(scratch.path, "outside/canary"), "utf8"), "untouched");
    });

    test("a hostile entry stops the stream, names itself and reaches nothing outside", () => {
      using scratch = temporaryDirectory("stream");
      const root = prepare(scratch.path);
      symlinkSync(join(scratch.path, "outside"), join(root, "out"));
      symlinkSync(join(scratch.path, "outside/canary"), join(root, "file"));
      chmodSync(root, 0o755);
      const before = outside(scratch.path);
      const hostile: ReadonlyArray<readonly [Item, RegExp]> = [
        [{ kind: "file", path: "../x", data: "1" }, /holds "\.\."/],
        [{ kind: "file", path: "a/../../x", data: "1" }, /holds "\.\."/],
        [{ kind: "hardLink", path: "x", text: "../outside/canary" }, /holds "\.\."/],
        [{ kind: "hardLink", path: "x", text: "out/canary" }, /ENOENT/],
        [{ kind: "attribute", path: "file", text: "user.x", data: "1" }, /only files and directories/],
        [{ kind: "attribute", path: "out/canary", text: "user.x", data: "1" }, /ENOENT/],
        [{ kind: "file", path: "", data: "1" }, /the root can only be a directory/],
        [{ kind: "extent", path: "file", data: "1" }, /only a regular file has extents/],
        [{ kind: "remove", path: "/" }, /the root can only be a directory/],
        [{ kind: "file", path: "file/below", data: "1" }, /ENOTDIR|ENOENT/],
      ];
      for (const [item, message] of hostile) {
        const { status, failure } = applyItems(scratch.path, { kind: "directory", path: "." }, item);
        if (status === 0) continue;
        assert.notEqual(status, 99);
        assert.match(failure?.message ?? "", message);
        assert.match(failure?.message ?? "", /entry 2 of the stream/);
      }
      assert.equal(outside(scratch.path), before);
      // A file or status in the place of a link concerns the link.
      applyItems(scratch.path, { kind: "status", path: "file", mode: 0o777, owner: { uid: 3, gid: 3 } });
      applyItems(
        scratch.path,
        { kind: "file", path: "file", data: "new" },
        { kind: "directory", path: "out", mode: 0o777 },
      );
      assert.equal(outside(scratch.path), before);
      assert.ok(lstatSync(join(root, "out")).isDirectory());
    });

    test("a stream that is cut, too long or nonsense is an error", () => {
      using scratch = temporaryDirectory("stream");
      prepare(scratch.path);
      const whole = encode([{ kind: "file", path: "a", data: "12345" }]);
      for (let length = 0; length < whole.length; length += 7) {
        const { status, failure } = apply(scratch.path, whole.subarray(0, length));
        assert.equal(status, 125);
        assert.match(failure?.message ?? "", /ends too early/);
      }
      for (const [at, size, message] of [
        [0, 1, /not a stream/],
        [8, 1, /not a stream/],
        [16, 2, /unknown kind|no data/],
        [18, 2, /out of range/],
        [20, 4, /out of range/],
        [52, 4, /too long/],
        [64, 8, /out of range/],
      ] as const) {
        const broken = Buffer.from(whole);
        broken.fill(0xff, at, at + size);
        const { status, failure } = apply(scratch.path, broken);
        assert.equal(status, 125, `${at}`);
        assert.match(failure?.message ?? "", message);
      }
    });
  });

  test(`no stream changes anything outside of its root, ${name}`, { skip: !isRoot }, () => {
    const component = fc.constantFrom("a", "b", "c", "out", "..", ".", "", "canary");
    const path = fc.array(component, { maxLength: 4 }).map((parts) => parts.join("/"));
    const item: fc.Arbitrary<Item> = fc.record({
      kind: fc.constantFrom<Item["kind"][]>(
        "directory",
        "file",
        "symlink",
        "hardLink",
        "fifo",
        "attribute",
        "extent",
        "status",
        "remove",
      ),
      path,
      text: fc.oneof(path, fc.constantFrom("/", "../../..", "../outside", "../outside/canary", "user.x")),
      mode: fc.integer({ min: 0, max: 0o7777 }),
    });
    using scratch = temporaryDirectory("stream");
    prepare(scratch.path);
    const before = outside(scratch.path);
    fc.assert(
      fc.property(fc.array(item, { maxLength: 12 }), (items) => {
        const { status } = applyItems(scratch.path, ...items);
        assert.ok(status === 0 || status === 125, `${status}`);
        assert.equal(outside(scratch.path), before);
      }),
      { numRuns: 150 },
    );
    // Damaged anywhere, it is read to its first fault and no further.
    const mutation = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(fc.array(item, { maxLength: 6 }), mutation, (items, changes) => {
        const stream = encode(items);
        for (const [at, byte] of changes) stream[at % stream.length] = byte;
        const { status } = apply(scratch.path, stream);
        assert.ok(status === 0 || status === 125, `${status}`);
        assert.equal(outside(scratch.path), before);
      }),
      { numRuns: 150 },
    );
  });
}
