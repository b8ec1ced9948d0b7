import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { isCortenError } from "../spec/index.ts";
import { ErofsImage } from "./erofs-image.ts";
import { ErofsWriter } from "./erofs-writer.ts";
import { buildLayer } from "./layer-build.ts";
import { inScratch } from "./testing-layer.ts";
import { END, pax, rawEntry } from "./testing-tar.ts";
import type { DirectoryNode, TreeNode } from "./tree.ts";

const attributes = { mode: 0o755, uid: 1, gid: 2, mtime: { seconds: -7, nanoseconds: 8 }, xattrs: new Map() };

function directory(children: Iterable<readonly [string, TreeNode]>): DirectoryNode {
  return { type: "directory", ...attributes, children: new Map(children) };
}

/** Asks erofs-utils, where they are installed, what they think of the image. */
function fsck(path: string): void {
  const { error, status, stdout } = spawnSync("fsck.erofs", [path], { encoding: "utf8" });
  if (error === undefined) assert.equal(status, 0, stdout);
}

test("what the writer wrote is found by name, with every attribute", async () => {
  await inScratch(async (scratch) => {
    const path = join(scratch, "image");
    const writer = new ErofsWriter(path);
    const sizes = [0, 1, 2048, 2049, 4095, 4096, 4097, 6144, 100_000];
    const files = sizes.map((size): [string, TreeNode] => {
      const content = writer.store(Buffer.alloc(size, size % 251));
      return [`f${size}`, { type: "file", ...attributes, content }];
    });
    const xattrs = new Map([["security.capability", Buffer.from("cap")]]);
    const root = directory([
      ...files,
      ["hard", files[3]![1]],
      ["link", { type: "symlink", ...attributes, target: "f1" }],
      ["device", { type: "block-device", ...attributes, xattrs, major: 300, minor: 70_000 }],
      ["fifo", { type: "fifo", ...attributes }],
    ]);
    const { size } = await writer.finish(root, Buffer.alloc(16));
    assert.equal(size, readFileSync(path).length);
    fsck(path);
    const image = new ErofsImage(path);
    for (const size of sizes) {
      const file = image.lookup(image.root, `f${size}`)!;
      assert.deepEqual(image.read(file, 1 << 20), Buffer.alloc(size, size % 251));
      assert.deepEqual([file.mode, file.uid, file.gid, file.mtime], [0o755, 1, 2, attributes.mtime]);
    }
    assert.equal(image.lookup(image.root, "hard")!.links, 2);
    assert.equal(image.read(image.lookup(image.root, "link")!, 4096).toString(), "f1");
    const device = image.lookup(image.root, "device")!;
    assert.deepEqual([device.deviceMajor, device.deviceMinor, device.whiteout], [300, 70_000, false]);
    assert.deepEqual(device.xattrs, xattrs);
    assert.equal(image.lookup(image.root, "f"), undefined);
    assert.equal(image.lookup(image.root, "zzz"), undefined);
    assert.throws(() => image.read(image.lookup(image.root, "f100000")!, 99_999), /more than 99999/);
    assert.throws(() => image.lookup(device, "x"), /no names below it/);
    image.close();
    image.close();
  });
});

test("large directories are searched by blocks, names ascend in byte order", async () => {
  await inScratch(async (scratch) => {
    const path = join(scratch, "image");
    const writer = new ErofsWriter(path);
    const names = Array.from({ length: 3000 }, (_, i) => `${i * 7919}${"\xff".repeat(i % 240)}`);
    names.push("!before-the-dots", "-", "\x01", "n".repeat(255));
    const file: TreeNode = { type: "fifo", ...attributes };
    await writer.finish(directory([["big", directory(names.map((name) => [name, file]))]]), Buffer.alloc(16));
    fsck(path);
    const image = new ErofsImage(path);
    const big = image.lookup(image.root, "big")!;
    const listed = [...image.list(big)].map(([name]) => name);
    assert.deepEqual(listed, [...names].sort());
    for (const name of names) assert.equal(image.lookup(big, name)?.links, names.length);
    assert.equal(image.lookup(big, "absent"), undefined);
    image.close();
  });
});

test("directories and links that need blocks keep theirs apart", async () => {
  await inScratch(async (scratch) => {
    const path = join(scratch, "image");
    const writer = new ErofsWriter(path);
    const fifo: TreeNode = { type: "fifo", ...attributes };
    const many = (prefix: string): DirectoryNode =>
      directory(Array.from({ length: 500 }, (_, i) => [`${prefix}${i}${"x".repeat(i % 90)}`, fifo]));
    const long = (letter: string): TreeNode => ({
      type: "symlink",
      ...attributes,
      target: letter.repeat(4090),
    });
    const inner = directory([["l", long("i")], ["d", many("i")], ...many("o").children]);
    const root = directory([["a", long("a")], ["b", inner], ["c", long("c")], ...many("r").children]);
    await writer.finish(root, Buffer.alloc(16));
    fsck(path);
    const image = new ErofsImage(path);
    assert.equal([...image.list(image.root)].length, 503);
    const b = image.lookup(image.root, "b")!;
    assert.equal([...image.list(b)].length, 502);
    assert.equal([...image.list(image.lookup(b, "d")!)].length, 500);
    assert.equal(image.read(image.lookup(b, "l")!, 4096).toString(), "i".repeat(4090));
    assert.equal(image.read(image.lookup(image.root, "c")!, 4096).toString(), "c".repeat(4090));
    image.close();
  });
});

test("whiteouts, opaque directories and holes of a layer", async () => {
  await inScratch(async (scratch) => {
    const output = join(scratch, "image");
    const data = "D".repeat(512);
    await buildLayer(
      [
        Buffer.concat([
          rawEntry({ path: "d/.wh..wh..opq" }),
          rawEntry({ path: ".wh.gone" }),
          pax([
            ["GNU.sparse.size", "5000000"],
            ["GNU.sparse.map", "1000000,512,4999999,1"],
          ]),
          rawEntry({ path: "holes", content: `${data}E` }),
          END,
        ]),
      ],
      { output },
    );
    fsck(output);
    const image = new ErofsImage(output);
    assert.equal(image.lookup(image.root, "d")!.opaque, true);
    assert.equal(image.lookup(image.root, "gone")!.whiteout, true);
    const want = Buffer.alloc(5_000_000);
    want.write(data, 1_000_000);
    want.write("E", 4_999_999);
    assert.ok(image.read(image.lookup(image.root, "holes")!, 1 << 23).equals(want));
    image.close();
  });
});

test("files that are no image of ours are refused", async () => {
  await inScratch(async (scratch) => {
    const path = join(scratch, "image");
    assert.throws(
      () => new ErofsImage(path),
      (error) => isCortenError(error, "not-found"),
    );
    writeFileSync(path, "short");
    assert.throws(
      () => new ErofsImage(path),
      (error) => isCortenError(error, "data-loss"),
    );
    writeFileSync(path, Buffer.alloc(8192));
    assert.throws(() => new ErofsImage(path), /checksum of its superblock is wrong|no superblock of EROFS/);
  });
});

test("trees that no image can hold are refused, and leave none", async () => {
  const twice = directory([]);
  const bad: [TreeNode, RegExp][] = [
    [directory([["a/b", directory([])]]), /name "a\/b" is invalid/],
    [directory([["..", directory([])]]), /is invalid/],
    [directory([["n".repeat(256), directory([])]]), /is invalid/],
    [
      directory([
        ["a", twice],
        ["b", twice],
      ]),
      /stands in the tree twice/,
    ],
    [{ ...directory([]), xattrs: new Map([["nonsense", Buffer.alloc(0)]]) }, /attribute name "nonsense"/],
  ];
  await inScratch(async (scratch) => {
    for (const [root, message] of bad) {
      const path = join(scratch, "image");
      const writer = new ErofsWriter(path);
      await assert.rejects(writer.finish(root as DirectoryNode, Buffer.alloc(16)), message);
      await writer[Symbol.asyncDispose]();
      assert.throws(() => readFileSync(path), /ENOENT/);
    }
  });
});
