import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createReadStream, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import type { DirectoryNode, TarInput, TreeNode } from "../../src/archive/index.ts";
import { buildLayer, ErofsWriter, writeTar } from "../../src/archive/index.ts";
import type { Seen, Tree } from "./mounted-tree.ts";
import { cannotMount, run, seeTree } from "./mounted-tree.ts";

const needsMount = { skip: cannotMount(), timeout: 120_000 };

async function inScratch<T>(body: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), "corten-erofs-"));
  try {
    mkdirSync(join(directory, "mnt"));
    return await body(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The tree of `entries` once it has been through our tar writer, our layer builder and the kernel. */
async function throughKernel(directory: string, entries: Iterable<TarInput>): Promise<Tree> {
  const output = join(directory, "image");
  rmSync(output, { force: true });
  await buildLayer(writeTar(entries), { output });
  await run("fsck.erofs", [output]);
  return seeTree(join(directory, "mnt"), output);
}

const NAMES = fc.oneof(
  { weight: 8, arbitrary: fc.stringMatching(/^[a-z]{1,8}$/) },
  { weight: 2, arbitrary: fc.stringMatching(/^[!-.0-~]{1,30}$/) },
  {
    weight: 2,
    arbitrary: fc
      .array(fc.integer({ min: 1, max: 255 }), { minLength: 1, maxLength: 255 })
      .map((bytes) => String.fromCharCode(...bytes).replaceAll("/", "_")),
  },
);
const NAME = NAMES.filter((name) => name !== "." && name !== ".." && !name.startsWith(".wh."));

/** Around every boundary: inline tails of up to 2048 bytes, what is free behind an inode, blocks. */
const SIZES = [0, 1, 2047, 2048, 2049, 4031, 4032, 4033, 4095, 4096, 4097, 8192, 10_000, 70_001];

const ATTRIBUTES = {
  mode: fc.integer({ min: 0, max: 0o7777 }),
  uid: fc.integer({ min: 0, max: 0xffff_fffe }),
  gid: fc.integer({ min: 0, max: 0xffff_fffe }),
  mtime: fc.record({
    seconds: fc.integer({ min: -(2 ** 33), max: 2 ** 36 }),
    nanoseconds: fc.integer({ min: 0, max: 999_999_999 }),
  }),
  xattrs: fc
    .dictionary(
      fc.stringMatching(/^(user|trusted|security)\.[a-z]{1,20}$/),
      fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ minLength: 2500, maxLength: 5000 })),
      { maxKeys: 3 },
    )
    .map((found) => new Map(Object.entries(found))),
};
/** The kernel shows attributes of the user on files and directories only, and tar asks for no others. */
const NO_XATTRS = fc.constant(new Map<string, Uint8Array>());

const ENTRY = fc.oneof(
  fc.record({
    ...ATTRIBUTES,
    type: fc.constant("file" as const),
    body: fc
      .tuple(fc.constantFrom(...SIZES), fc.integer({ min: 0, max: 255 }))
      .map(([size, byte]) => Buffer.alloc(size, byte)),
  }),
  fc.record({ ...ATTRIBUTES, type: fc.constant("directory" as const) }),
  fc.record({
    ...ATTRIBUTES,
    xattrs: NO_XATTRS,
    type: fc.constant("symlink" as const),
    linkPath: fc.oneof(
      NAMES,
      fc.integer({ min: 1, max: 4095 }).map((length) => "t".repeat(length)),
    ),
  }),
  fc.record({ ...ATTRIBUTES, xattrs: NO_XATTRS, type: fc.constant("fifo" as const) }),
  fc.record({
    ...ATTRIBUTES,
    xattrs: NO_XATTRS,
    type: fc.constantFrom("char-device" as const, "block-device" as const),
    deviceMajor: fc.integer({ min: 1, max: 4095 }),
    deviceMinor: fc.integer({ min: 0, max: 1_048_575 }),
  }),
  fc.record({ type: fc.constant("hardlink" as const), to: fc.nat() }),
);

/** Draws a tree: each step puts an entry with a new name into one of the directories there are. */
const TREE = fc
  .array(fc.record({ name: NAME, where: fc.nat(), entry: ENTRY }), { maxLength: 40 })
  .map((steps) => {
    const directories = [""];
    const entries = new Map<string, TarInput>();
    for (const { name, where, entry } of steps) {
      const path = directories[where % directories.length]! + name;
      // PATH_MAX, with room for the "./" and "/" of archives.
      if (entries.has(path) || path.length > 3000) continue;
      if (entry.type === "hardlink") {
        const targets = [...entries].filter(([, { type }]) => type !== "directory" && type !== "hardlink");
        if (targets.length === 0) continue;
        entries.set(path, { type: "hardlink", path, linkPath: targets[entry.to % targets.length]![0] });
        continue;
      }
      entries.set(path, { ...entry, path });
      if (entry.type === "directory") directories.push(`${path}/`);
    }
    return entries;
  });

/** What the kernel should show for `entries`, worked out without the code under test. */
function expected(entries: ReadonlyMap<string, TarInput>): Map<string, Omit<Seen, "size" | "link" | "type">> {
  const wanted = new Map<string, Omit<Seen, "size" | "link" | "type">>();
  const real = (path: string): TarInput => {
    const entry = entries.get(path)!;
    return entry.type === "hardlink" ? entries.get(entry.linkPath!)! : entry;
  };
  const links = new Map<TarInput, number>();
  for (const path of entries.keys()) links.set(real(path), (links.get(real(path)) ?? 0) + 1);
  for (const path of entries.keys()) {
    const entry = real(path);
    const below = [...entries].filter(
      ([other, { type }]) =>
        type === "directory" && other.startsWith(`${path}/`) && !other.slice(path.length + 1).includes("/"),
    );
    wanted.set(path, {
      mode: entry.mode!,
      owner: [entry.uid!, entry.gid!],
      mtime: `${entry.mtime!.seconds}.${entry.mtime!.nanoseconds}`,
      device: `${entry.deviceMajor ?? 0}:${entry.deviceMinor ?? 0}`,
      xattrs: Object.fromEntries(
        [...(entry.xattrs ?? [])].sort().map(([name, value]) => [name, Buffer.from(value).toString("hex")]),
      ),
      content: createHash("sha256")
        .update((entry.body as Buffer | undefined) ?? "")
        .digest("hex"),
      links: entry.type === "directory" ? 2 + below.length : links.get(entry)!,
    });
  }
  return wanted;
}

test("any tree comes through tar, builder and kernel as it was", needsMount, async () => {
  await inScratch((directory) =>
    fc.assert(
      fc.asyncProperty(TREE, async (entries) => {
        const seen = await throughKernel(directory, entries.values());
        const wanted = expected(entries);
        assert.deepEqual([...seen.keys()].sort(), ["", ...wanted.keys()].sort());
        for (const [path, found] of seen) {
          if (path === "") continue;
          const want = wanted.get(path)!;
          const entry = entries.get(path)!;
          // tar writes the first name it meets as the file and the others as links to it.
          if (found.type === "hardlink") {
            assert.ok(want.links > 1, `${path} is no hard link`);
            continue;
          }
          const { type, size, link, ...rest } = found;
          const self = entry.type === "hardlink" ? entries.get(entry.linkPath!)! : entry;
          assert.equal(type, self.type);
          assert.deepEqual({ path, ...rest }, { path, ...want });
          if (type === "symlink") assert.equal(link, self.linkPath);
          assert.equal(size, (self.body as Buffer | undefined)?.length ?? 0);
        }
      }),
      { numRuns: 40, interruptAfterTimeLimit: 60_000, markInterruptAsFailure: false },
    ),
  );
});

test("directories of many blocks and names of every length are found and listed", needsMount, async () => {
  await inScratch(async (directory) => {
    const entries: TarInput[] = [{ type: "directory", path: "big" }];
    for (let i = 0; i < 5000; i++) entries.push({ type: "file", path: `big/${i}-${"x".repeat(i % 250)}` });
    const seen = await throughKernel(directory, entries);
    assert.equal(seen.size, 5002);
    for (const { path } of entries) assert.ok(seen.has(path), path);
  });
});

test("whiteouts, opaque directories and capabilities do in overlayfs what they say", needsMount, async () => {
  await inScratch(async (directory) => {
    const body = Buffer.from("x");
    // VFS_CAP_REVISION_2, effective, cap_net_raw permitted.
    const capability = Buffer.from("0100000200200000000000000000000000000000", "hex");
    const lower: TarInput[] = [
      { type: "file", path: "gone", body },
      { type: "file", path: "dir/old", body },
      { type: "file", path: "opaque/old", body },
      { type: "file", path: "replaced/old", body },
      { type: "file", path: "stays", body },
    ];
    const upper: TarInput[] = [
      { type: "file", path: ".wh.gone" },
      { type: "file", path: "dir/.wh.old" },
      { type: "file", path: "dir/new", body },
      { type: "file", path: "opaque/new", body },
      { type: "file", path: "opaque/.wh..wh..opq" },
      { type: "file", path: "replaced/new", body },
      { type: "file", path: ".wh.replaced" },
      { type: "file", path: "ping", body, xattrs: new Map([["security.capability", capability]]) },
      { type: "directory", path: "fake", xattrs: new Map([["trusted.overlay.opaque", Buffer.from("y")]]) },
    ];
    for (const [name, entries] of [
      ["lower", lower],
      ["upper", upper],
    ] as const) {
      mkdirSync(join(directory, name));
      await buildLayer(writeTar(entries), { output: join(directory, `${name}.erofs`) });
    }
    const script = `cd "$0"; for l in lower upper; do busybox mount -t erofs -o ro $l.erofs $l; done
      mount -t overlay -o ro,lowerdir=upper:lower overlay mnt; cd mnt; find . -type f | sort; getcap ping || true`;
    const output = await run("unshare", ["-m", "--propagation", "private", "sh", "-ec", script, directory]);
    assert.deepEqual(
      output.split("\n").filter((line) => line.startsWith("./")),
      ["./dir/new", "./opaque/new", "./ping", "./replaced/new", "./stays"],
    );
    const seen = await seeTree(join(directory, "mnt"), join(directory, "upper.erofs"));
    assert.equal(seen.get("ping")!.xattrs["security.capability"], capability.toString("hex"));
    assert.deepEqual(seen.get("fake")!.xattrs, { "trusted.overlay.overlay.opaque": "79" });
    assert.deepEqual(seen.get("opaque")!.xattrs, { "trusted.overlay.opaque": "79" });
  });
});

test("an image from a tree in memory: directories only, as for fixing attributes", needsMount, async () => {
  await inScratch(async (directory) => {
    const attributes = {
      mode: 0o1777,
      uid: 3,
      gid: 4,
      mtime: { seconds: 5, nanoseconds: 6 },
      xattrs: new Map(),
    };
    const inner: DirectoryNode = { type: "directory", ...attributes, children: new Map() };
    const output = join(directory, "image");
    const writer = new ErofsWriter(output);
    const content = writer.store(Buffer.from("hello"));
    const file: TreeNode = { type: "file", ...attributes, content };
    const children = new Map<string, TreeNode>([
      ["inner", inner],
      ["a", file],
      ["b", file],
    ]);
    const { size } = await writer.finish({ type: "directory", ...attributes, children }, Buffer.alloc(16, 1));
    assert.equal(size, 8192);
    await run("fsck.erofs", [output]);
    const seen = await seeTree(join(directory, "mnt"), output);
    assert.deepEqual([...seen.keys()], ["", "a", "b", "inner"]);
    assert.deepEqual(
      [seen.get("")!.mode, seen.get("")!.links, seen.get("inner")!.owner],
      [0o1777, 3, [3, 4]],
    );
    assert.deepEqual([seen.get("a")!.links, seen.get("b")!.type], [2, "hardlink"]);
    assert.equal(seen.get("inner")!.mtime, "5.6");
  });
});

test("a part of /usr mounts as GNU tar unpacks it", needsMount, async () => {
  await inScratch(async (directory) => {
    const archive = join(directory, "usr.tar");
    const unpacked = join(directory, "unpacked");
    const output = join(directory, "image");
    mkdirSync(unpacked);
    await run("tar", [
      "--format=pax",
      "--xattrs",
      "-cf",
      archive,
      "-C",
      "/",
      "etc",
      "usr/share/doc",
      "usr/sbin",
    ]);
    await run("tar", ["--xattrs", "--xattrs-include=*", "--numeric-owner", "-xpf", archive, "-C", unpacked]);
    await buildLayer(createReadStream(archive, { highWaterMark: 2 ** 20 }), { output });
    await run("fsck.erofs", [output]);
    const [want, seen] = [await seeTree(unpacked), await seeTree(join(directory, "mnt"), output)];
    assert.deepEqual([...seen.keys()], [...want.keys()]);
    assert.ok(seen.size > 1000, `only ${seen.size} files`);
    const implied = new Set(["", "usr", "usr/share"]);
    for (const [path, found] of seen)
      if (!implied.has(path)) assert.deepEqual({ path, ...found }, { path, ...want.get(path) });
  });
});
