import assert from "node:assert/strict";
import { createReadStream, createWriteStream, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { test } from "node:test";
import type { TarInput } from "../../src/archive/index.ts";
import { buildLayer, compress, writeTar } from "../../src/archive/index.ts";
import type { Tree } from "./mounted-tree.ts";
import { cannotMount, run, seeTree } from "./mounted-tree.ts";

const needsMount = { skip: cannotMount(), timeout: 120_000 };

/** Files of every type, names that need an extension, holes, links, times with nanoseconds. */
const ODD_TREE = `
  mkdir -p sub/$(printf 'd%.0s' $(seq 120)) empty
  printf content > sub/$(printf 'd%.0s' $(seq 120))/$(printf 'n%.0s' $(seq 140))
  printf x > "$(printf 'caf\\351')"; printf y > "$(printf 'caf\\303\\251')"; printf z > "$(printf 'new\\nline')"
  ln -s sub link; ln -s /$(printf 't%.0s' $(seq 400)) long-link; ln sub/../"$(printf 'new\\nline')" hard
  mkfifo fifo; mknod char c 7 300; mknod block b 300 7
  chmod 4755 hard; chmod 1777 empty; chown 70000:80000 fifo; chown 3000000:4000000 empty
  truncate -s 3000000 holes; printf start | dd of=holes conv=notrunc status=none
  printf middle | dd of=holes bs=4096 seek=100 conv=notrunc status=none
  printf last | dd of=holes bs=1 seek=2999996 conv=notrunc status=none
  truncate -s 50000000 only-hole; truncate -s 30000000 far; printf end | dd of=far bs=1M seek=28 conv=notrunc status=none
  for i in $(seq 60); do printf $i | dd of=many bs=8192 seek=$i conv=notrunc status=none; done
  touch -d '2001-02-03 04:05:06.789012345' link -h; touch -d '1960-01-01 00:00:00.25' sub; touch -d @4294967296 empty`;

async function inScratch<T>(body: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), "corten-tar-"));
  try {
    for (const name of ["mnt", "tree"]) mkdirSync(join(directory, name));
    return await body(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A comparison without what the format cannot carry. */
function without(tree: Tree, nanoseconds: boolean): Record<string, object> {
  const shown: Record<string, object> = {};
  for (const [path, { mtime, ...rest }] of tree) {
    shown[path] = { ...rest, mtime: nanoseconds ? mtime : mtime.replace(/\..*/, "") };
  }
  return shown;
}

const FORMATS: readonly (readonly string[])[] = [
  ["--format=gnu"],
  ["--format=oldgnu", "--sparse"],
  ["--format=gnu", "--sparse"],
  ["--format=posix"],
  ["--format=posix", "--sparse", "--sparse-version=0.0"],
  ["--format=posix", "--sparse", "--sparse-version=0.1"],
  ["--format=posix", "--sparse", "--sparse-version=1.0"],
];

for (const options of FORMATS) {
  test(`what tar ${options.join(" ")} packs, a mounted layer shows`, needsMount, async () => {
    await inScratch(async (directory) => {
      const [tree, archive, output] = ["tree", "archive", "image"].map((name) => join(directory, name)) as [
        string,
        string,
        string,
      ];
      await run("sh", ["-ec", ODD_TREE], tree);
      await run("tar", [...options, "--xattrs", "--numeric-owner", "-cf", archive, "-C", tree, "."]);
      await buildLayer(createReadStream(archive), { output });
      await run("fsck.erofs", [output]);
      const posix = options[0] === "--format=posix";
      const want = without(await seeTree(tree), posix);
      if (!posix) {
        // GNU's format rounds times before 1970 up, where the fraction counts down.
        for (const [path, seen] of Object.entries(want)) {
          if (path === "sub") Object.assign(seen, { mtime: "-315619200" });
        }
      }
      assert.deepEqual(without(await seeTree(join(directory, "mnt"), output), posix), want);
    });
  });
}

test("a file of more than 4 GiB has its data where it belongs", needsMount, async () => {
  await inScratch(async (directory) => {
    const [tree, archive, output, mount] = ["tree", "archive", "image", "mnt"].map((name) =>
      join(directory, name),
    ) as [string, string, string, string];
    // Looked at in a few places only: reading gigabytes of holes back takes its time.
    const look = `stat -c %s big; for at in 0 1000 4999 5000 5119; do
      dd if=big bs=1M skip=$at count=1 status=none | sha256sum; done; tail -c 9 big`;
    await run(
      "sh",
      [
        "-ec",
        "for at in 0 4999 5119; do printf $at | dd of=big bs=1M seek=$at conv=notrunc status=none; done",
      ],
      tree,
    );
    await run("sh", ["-ec", "truncate -s 5368709119 big; printf end >> big"], tree);
    await run("tar", ["--format=posix", "--sparse", "-cf", archive, "-C", tree, "big"]);
    await buildLayer(createReadStream(archive), { output });
    await run("fsck.erofs", [output]);
    const mounted = `busybox mount -t erofs -o ro "$0" "$1"; cd "$1"; ${look}`;
    assert.equal(
      await run("unshare", ["-m", "--propagation", "private", "sh", "-ec", mounted, output, mount]),
      await run("sh", ["-ec", look], tree),
    );
  });
});

test("GNU tar unpacks what we write into the tree that we mount", needsMount, async () => {
  const byte = (...codes: number[]): string => String.fromCharCode(...codes);
  const entries: TarInput[] = [
    {
      type: "directory",
      path: "d",
      mode: 0o2775,
      uid: 3_000_000,
      gid: 5,
      mtime: { seconds: -5, nanoseconds: 1 },
    },
    { type: "file", path: `d/${"long".repeat(60)}`, body: Buffer.alloc(5000, 1) },
    { type: "file", path: `${"p".repeat(100)}/${"q".repeat(90)}`, body: Buffer.from("prefix") },
    {
      type: "file",
      path: `caf${byte(0xe9)}`,
      body: Buffer.from("latin1"),
      mtime: { seconds: 2 ** 33, nanoseconds: 9 },
    },
    { type: "hardlink", path: "hard", linkPath: `caf${byte(0xe9)}` },
    { type: "symlink", path: "soft", linkPath: "t".repeat(300) },
    { type: "char-device", path: "c", deviceMajor: 5, deviceMinor: 300, mode: 0o620 },
    { type: "fifo", path: "pipe" },
    {
      type: "file",
      path: "attributes",
      body: Buffer.from("x"),
      xattrs: new Map([
        ["user.text", Buffer.from("value\n=1")],
        ["trusted.binary", Buffer.from([0, 1, 255])],
      ]),
    },
  ];
  await inScratch(async (directory) => {
    const [tree, archive, output] = ["tree", "archive.tar.gz", "image"].map((name) =>
      join(directory, name),
    ) as [string, string, string];
    await pipeline(Readable.from(compress(writeTar(entries), "gzip")), createWriteStream(archive));
    await run("tar", ["--xattrs", "--xattrs-include=*", "--numeric-owner", "-xpf", archive, "-C", tree]);
    await buildLayer(createReadStream(archive), { output });
    const [want, seen] = [await seeTree(tree), await seeTree(join(directory, "mnt"), output)];
    assert.deepEqual([...seen.keys()], [...want.keys()]);
    // What no entry describes has the time of unpacking on disk.
    const implied = new Set(["", "p".repeat(100)]);
    for (const [path, found] of seen) {
      if (!implied.has(path)) assert.deepEqual({ path, ...found }, { path, ...want.get(path) });
    }
  });
});
