import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { CortenError, isCortenError } from "../spec/index.ts";
import { crc32c } from "./crc32c.ts";
import { checkErofs } from "./erofs-check.ts";
import { ErofsImage } from "./erofs-image.ts";
import { ErofsWriter } from "./erofs-writer.ts";
import { buildLayer } from "./layer-build.ts";
import { inScratch } from "./testing-layer.ts";
import { END, rawEntry } from "./testing-tar.ts";
import type { DirectoryNode, TreeNode } from "./tree.ts";

const attributes = { mode: 0o755, uid: 1, gid: 2, mtime: { seconds: 7, nanoseconds: 8 }, xattrs: new Map() };

function directory(children: Iterable<readonly [string, TreeNode]>, xattrs = new Map()): DirectoryNode {
  return { type: "directory", ...attributes, xattrs, children: new Map(children) };
}

async function makeImage(path: string, tree: (writer: ErofsWriter) => DirectoryNode): Promise<void> {
  const writer = new ErofsWriter(path);
  await writer.finish(tree(writer), Buffer.alloc(16));
}

/** A tree in which the place of everything is easily told. */
const simple = (writer: ErofsWriter): DirectoryNode =>
  directory([
    ["big", { type: "file", ...attributes, content: writer.store(Buffer.alloc(9000, "b")) }],
    ["dir", directory([["file", { type: "file", ...attributes, content: writer.store(Buffer.from("f")) }]])],
    ["gone", { type: "char-device", ...attributes, major: 0, minor: 0 }],
    ["link", { type: "symlink", ...attributes, target: "big" }],
  ]);

/** Where the inode of a name of the root stands. */
function inodeAt(path: string, name?: string): number {
  using image = new ErofsImage(path);
  return image.inode(name === undefined ? image.root : image.lookup(image.root, name)!).at;
}

/** Changes bytes, and makes the superblock's checksum right again. */
function change(path: string, edit: (bytes: Buffer) => unknown): void {
  const bytes = readFileSync(path);
  const shorter = edit(bytes);
  const edited = shorter instanceof Buffer ? shorter : bytes;
  const head = Buffer.from(edited.subarray(1024, 4096));
  head.writeUInt32LE(0, 4);
  edited.writeUInt32LE(crc32c(head), 1028);
  writeFileSync(path, edited);
}

test("what our own encoder makes of a layer is sound, and tells what the layer told", async () => {
  await inScratch(async (scratch) => {
    const output = join(scratch, "image");
    const archive = [
      rawEntry({ path: "a/", type: "5" }),
      rawEntry({ path: "a/.wh..wh..opq" }),
      rawEntry({ path: "a/file", content: "content" }),
      rawEntry({ path: "b/.wh.gone" }),
      END,
    ];
    const built = await buildLayer([Buffer.concat(archive)], { output });
    const checked = await checkErofs(output);
    assert.equal(checked.size, built.size);
    assert.deepEqual(checked.whiteouts, built.whiteouts);
    const told = built.directories.map((each) => ({ ...each, implied: false }));
    assert.deepEqual(checked.directories, told);
    assert.deepEqual(
      checked.directories.map(({ path, opaque }) => [path, opaque]),
      [
        ["", false],
        ["a", true],
        ["b", false],
      ],
    );
  });
});

describe("an image that is not one tree within its file is refused", () => {
  const cases: readonly (readonly [
    what: string,
    RegExp,
    (bytes: Buffer, at: (name?: string) => number) => unknown,
  ])[] = [
    ["another magic number", /no superblock/, (bytes) => bytes.writeUInt32LE(1, 1024)],
    [
      "a feature that is not known",
      /features that are not known/,
      (bytes) => bytes.writeUInt32LE(0x40, 1104),
    ],
    ["a device", /on devices that are not/, (bytes) => bytes.writeUInt32LE(8, 1104)],
    ["large blocks", /2\^16 bytes/, (bytes) => bytes.writeUInt8(16, 1036)],
    ["directories with large blocks", /blocks of their own size/, (bytes) => bytes.writeUInt8(2, 1114)],
    [
      "fewer bytes than blocks",
      /shorter than its superblock/,
      (bytes) => bytes.subarray(0, bytes.length - 1),
    ],
    ["more blocks", /shorter than its superblock/, (bytes) => bytes.writeUInt32LE(1000, 1060)],
    ["metadata behind its end", /ends before byte/, (bytes) => bytes.writeUInt32LE(1000, 1064)],
    [
      "a root that is a file",
      /its root is no directory/,
      (bytes, at) => bytes.writeUInt16LE((at("big") - at()) / 32 + 2, 1038),
    ],
    ["a compressed file", /compressed/, (bytes, at) => bytes.writeUInt16LE(1 | (3 << 1), at("big"))],
    [
      "content behind its end",
      /content of "big" lies beyond/,
      (bytes, at) => bytes.writeUInt32LE(99, at("big") + 16),
    ],
    [
      "content in its superblock",
      /content of "big" lies beyond/,
      (bytes, at) => bytes.writeUInt32LE(0, at("big") + 16),
    ],
    ["a file of 2^60 bytes", /fileSize/, (bytes, at) => bytes.writeUInt32LE(2 ** 28, at("big") + 12)],
    [
      "a file that is too large",
      /content of "big" lies beyond/,
      (bytes, at) => bytes.writeUInt32LE(90_000, at("big") + 8),
    ],
    [
      "a directory that claims to be large",
      /content|names|beyond|name/,
      (bytes, at) => bytes.writeUInt32LE(9000, at() + 8),
    ],
    ["a link without a target", /target of 0 bytes/, (bytes, at) => bytes.writeUInt32LE(0, at("link") + 8)],
    [
      "a link with a zero in its target",
      /target that cannot be/,
      (bytes, at) => bytes.writeUInt8(0, at("link") + 65),
    ],
    ["a time that is none", /time of "big"/, (bytes, at) => bytes.writeUInt32LE(2 ** 30, at("big") + 40)],
    [
      "a wrong count of names",
      /counts 2 names and has 1/,
      (bytes, at) => bytes.writeUInt32LE(2, at("big") + 44),
    ],
    [
      "attributes that are cut off",
      /cut off|ends before/,
      (bytes, at) => bytes.writeUInt16LE(60_000, at("dir") + 2),
    ],
    [
      "a directory in another's place",
      /says another type/,
      (bytes, at) => bytes.writeUInt16LE(0o040755, at("big") + 4),
    ],
    ["names out of order", /out of order/, (bytes, at) => bytes.write("zig", bytes.indexOf("bigdir", at()))],
    ["a slash in a name", /cannot be one/, (bytes, at) => bytes.write("b/g", bytes.indexOf("bigdir", at()))],
    [
      "a count of names that is none",
      /wrong number of names/,
      (bytes, at) => bytes.writeUInt16LE(13, at() + 64 + 8),
    ],
    [
      "a name outside its block",
      /not in its block/,
      (bytes, at) => bytes.writeUInt16LE(5000, at() + 64 + 12 + 8),
    ],
    [
      "another directory for its dot",
      /is another directory|says another|twice/,
      (bytes, at) => bytes.writeUInt8(4, at("dir") + 64),
    ],
  ];
  for (const [what, message, edit] of cases) {
    test(what, async () => {
      await inScratch(async (scratch) => {
        const path = join(scratch, "image");
        await makeImage(path, simple);
        await checkErofs(path);
        change(path, (bytes) => edit(bytes, (name) => inodeAt(path, name)));
        await assert.rejects(checkErofs(path), (error) => {
          assert.ok(error instanceof CortenError);
          assert.ok(
            ["invalid-argument", "unimplemented", "resource-exhausted"].includes(error.code),
            error.code,
          );
          assert.match(error.message, message);
          return true;
        });
      });
    });
  }

  test("a damaged superblock", async () => {
    await inScratch(async (scratch) => {
      const path = join(scratch, "image");
      await makeImage(path, simple);
      const bytes = readFileSync(path);
      bytes[1024 + 60] = bytes[1024 + 60]! ^ 1;
      writeFileSync(path, bytes);
      await assert.rejects(checkErofs(path), /checksum of its superblock/);
    });
  });

  test("a directory that leads back to the root", async () => {
    await inScratch(async (scratch) => {
      const path = join(scratch, "image");
      await makeImage(path, () => directory([["dir", directory([["sub", directory([])]])]]));
      change(path, (bytes) => {
        const root = inodeAt(path);
        // "sub" becomes a second name of the root: the slot of the last entry of "dir".
        const dirents = inodeAt(path, "dir") + 64;
        bytes.writeBigUInt64LE(bytes.readBigUInt64LE(root + 64), dirents + 24);
      });
      await assert.rejects(checkErofs(path), /stands in the tree twice/);
    });
  });
});

describe("attributes by which a layer would steer overlayfs", () => {
  for (const [name, value] of [
    ["trusted.overlay.redirect", "/etc"],
    ["trusted.overlay.metacopy", ""],
    ["trusted.overlay.whiteout", ""],
    ["user.overlay.opaque", "y"],
    ["trusted.overlay.opaque", "x"],
  ] as const) {
    test(`${name}=${value}`, async () => {
      await inScratch(async (scratch) => {
        const path = join(scratch, "image");
        const inner = directory([], new Map([[name, Buffer.from(value)]]));
        await makeImage(path, () => directory([["dir", inner]]));
        await assert.rejects(checkErofs(path), /must not have/);
      });
    });
  }

  test("escaped ones mean nothing", async () => {
    await inScratch(async (scratch) => {
      const path = join(scratch, "image");
      const xattrs = new Map([["trusted.overlay.overlay.redirect", Buffer.from("/etc")]]);
      await makeImage(path, () => directory([["dir", directory([], xattrs)]]));
      assert.deepEqual((await checkErofs(path)).directories[1]!.xattrs, xattrs);
    });
  });
});

test("limits are for images as well", async () => {
  await inScratch(async (scratch) => {
    const path = join(scratch, "image");
    await makeImage(path, simple);
    for (const limits of [{ entries: 4 }, { fileSize: 8999 }, { totalBytes: 9000 }, { pathLength: 5 }]) {
      await assert.rejects(checkErofs(path, { limits }), (error) =>
        isCortenError(error, "resource-exhausted"),
      );
    }
  });
});

test("whatever an image holds, the answer is a verdict of ours", async () => {
  await inScratch(async (scratch) => {
    const path = join(scratch, "image");
    await makeImage(path, simple);
    const bytes = readFileSync(path);
    // Where anything stands but content: superblock and metadata.
    const metadata = inodeAt(path) - 64;
    const place = fc.oneof(
      fc.integer({ min: 1024, max: 1151 }),
      fc.integer({ min: metadata, max: bytes.length - 1 }),
    );
    const edits = fc.array(fc.tuple(place, fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 6 });
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(edits, async (changes) => {
        writeFileSync(path, bytes);
        change(path, (copy) => {
          for (const [at, value] of changes) copy[at] = value;
        });
        try {
          await checkErofs(path);
        } catch (error) {
          assert.ok(error instanceof CortenError, String(error));
          assert.notEqual(error.code, "internal");
          refused++;
        }
      }),
      { numRuns: 600 },
    );
    assert.ok(refused > 50, `${refused}`);
  });
});
