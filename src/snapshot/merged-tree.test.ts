import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import fc from "fast-check";
import {
  type DirectoryNode,
  ErofsImage,
  ErofsWriter,
  type NodeAttributes,
  type TreeNode,
} from "../archive/index.ts";
import { isCortenError } from "../spec/index.ts";
import { MergedTree } from "./merged-tree.ts";

const plain: NodeAttributes = {
  mode: 0o644,
  uid: 1,
  gid: 2,
  mtime: { seconds: 3, nanoseconds: 0 },
  xattrs: new Map(),
};

/** A tree in short: an object is a directory, a string a file, `->x` a symlink, null a whiteout; `!` makes it opaque. */
type Short = { readonly [name: string]: Short | string | null };

const lower: Short = {
  etc: {
    passwd: "lower passwd",
    group: "lower group",
    link: "->../usr/real",
    loop: "->loop",
    up: "->../../../etc/group",
  },
  usr: {
    real: "real file",
    big: "x".repeat(10_000),
    many: Object.fromEntries(Array.from({ length: 600 }, (_, i) => [`n${i}`, `${i}`])),
  },
  gone: { file: "a" },
  cut: { old: "old" },
  replaced: { dir: "x" },
};
const upper: Short = {
  etc: { passwd: "upper passwd" },
  gone: null,
  cut: { "!": "", new: "new" },
  replaced: "now a file",
};

describe("the merged tree", () => {
  const directory = mkdtempSync(join(tmpdir(), "corten-merged-"));
  const files = [join(directory, "lower"), join(directory, "upper")] as const;
  before(async () => {
    await write(files[0], lower);
    await write(files[1], upper);
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  function withTree<T>(use: (tree: MergedTree) => T, paths: readonly string[] = files): T {
    const images: ErofsImage[] = [];
    try {
      for (const path of paths) images.push(new ErofsImage(path));
      return use(new MergedTree(images));
    } finally {
      for (const image of images) image.close();
    }
  }

  for (const [path, expected] of [
    ["etc/passwd", "upper passwd"],
    ["/etc/group", "lower group"],
    ["etc/link", "real file"],
    ["etc/up", "lower group"],
    ["../../etc/./passwd", "upper passwd"],
    ["usr/many/n599", "599"],
    ["usr/big", "x".repeat(10_000)],
    ["cut/new", "new"],
    ["cut/old", undefined],
    ["gone/file", undefined],
    ["replaced", "now a file"],
    ["replaced/dir", undefined],
    ["etc/loop", undefined],
    ["etc", undefined],
    ["none/at/all", undefined],
  ] as const) {
    test(path, () => withTree((tree) => assert.equal(tree.readFile(path, 20_000)?.toString(), expected)));
  }

  test("children of merged directories", () =>
    withTree((tree) => {
      const names = (path: string) => [...tree.children(tree.resolve(path)!)].map(([name]) => name).sort();
      assert.deepEqual(names("/"), ["cut", "etc", "replaced", "usr"]);
      assert.deepEqual(names("cut"), ["new"]);
      assert.deepEqual(names("etc"), ["group", "link", "loop", "passwd", "up"]);
      assert.equal(names("usr/many").length, 600);
    }));

  test("a damaged image gives an error of ours, or some content, and never more than that", () => {
    const whole = readFileSync(files[0]);
    const damaged = join(directory, "damaged");
    const flips = fc.array(fc.tuple(fc.nat({ max: whole.length - 1 }), fc.integer({ min: 0, max: 255 })), {
      minLength: 1,
      maxLength: 30,
    });
    fc.assert(
      fc.property(flips, (changes) => {
        const bytes = Buffer.from(whole);
        for (const [at, value] of changes) bytes[at] = value;
        writeFileSync(damaged, bytes);
        try {
          withTree(
            (tree) => {
              for (const path of ["etc/passwd", "etc/link", "usr/big", "usr/many/n300"])
                tree.readFile(path, 20_000);
              const root = tree.resolve("/");
              if (root !== undefined) for (const _ of tree.children(root));
            },
            [damaged],
          );
        } catch (error) {
          if (!isCortenError(error, "data-loss") && !isCortenError(error, "unimplemented")) throw error;
        }
      }),
      { numRuns: 300 },
    );
  });
});

async function write(path: string, tree: Short): Promise<void> {
  const writer = new ErofsWriter(path);
  await writer.finish(directoryNode(writer, tree), new Uint8Array(16));
}

function directoryNode(writer: ErofsWriter, tree: Short): DirectoryNode {
  const { "!": mark, ...named } = tree;
  const children = new Map(
    Object.entries(named).map(([name, value]) => [name, node(writer, value)] as const),
  );
  const xattrs = mark === undefined ? plain.xattrs : new Map([["trusted.overlay.opaque", Buffer.from("y")]]);
  return { type: "directory", ...plain, mode: 0o755, xattrs, children };
}

function node(writer: ErofsWriter, value: Short | string | null): TreeNode {
  if (value === null) return { type: "char-device", ...plain, mode: 0, major: 0, minor: 0 };
  if (typeof value !== "string") return directoryNode(writer, value);
  if (value.startsWith("->")) return { type: "symlink", ...plain, target: value.slice(2) };
  return { type: "file", ...plain, content: writer.store(Buffer.from(value)) };
}
