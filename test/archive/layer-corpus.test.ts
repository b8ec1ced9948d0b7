import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import type { TarInput } from "../../src/archive/index.ts";
import { buildLayer, flattenLayers, readTar, writeTar } from "../../src/archive/index.ts";
import { makeLayeredImage } from "../snapshot/layered-image.ts";
import { mountedManifest, treeManifest } from "../snapshot/mounted-manifest.ts";
import { commandOutput, isInstalled, isRoot, temporaryDirectory } from "../support/index.ts";
import { cannotMount } from "./mounted-tree.ts";

/**
 * The golden corpus of layers: each case is unpacked by umoci, mounted as our EROFS images, and flattened
 * by us and then unpacked by GNU tar. All three are one tree.
 */
const able = { skip: cannotMount() || !isRoot || !["umoci", "python3"].every(isInstalled), timeout: 120_000 };

type Layer = readonly TarInput[] | Uint8Array;

const time = { seconds: 1_600_000_000, nanoseconds: 123_456_789 };
const file = (path: string, body = path, more: Partial<TarInput> = {}): TarInput => ({
  type: "file",
  path,
  body: Buffer.from(body),
  mtime: time,
  ...more,
});
const directory = (path: string, mode = 0o755): TarInput => ({ type: "directory", path, mode, mtime: time });
const empty = (path: string): TarInput => ({ type: "file", path, mtime: time });
const hardlink = (path: string, linkPath: string): TarInput => ({ type: "hardlink", path, linkPath });
const symlink = (path: string, linkPath: string): TarInput => ({
  type: "symlink",
  path,
  linkPath,
  mtime: time,
});
const tar = async (entries: readonly TarInput[]) => Buffer.concat(await Array.fromAsync(writeTar(entries)));

const base: Layer = [
  directory("."),
  directory("a"),
  file("a/x"),
  file("a/y"),
  directory("b", 0o700),
  directory("b/c"),
  file("b/c/deep"),
  file("f"),
  symlink("lib", "b/c"),
];

/** What GNU tar makes of `script`, run in an empty directory. */
async function gnuTar(scratch: string, script: string, options: readonly string[]): Promise<Buffer> {
  const root = join(scratch, `made-${options.length}-${script.length}`);
  mkdirSync(root);
  await commandOutput("bash", ["-euc", script], { cwd: root });
  const archive = `${root}.tar`;
  await commandOutput("tar", ["-C", root, "--sort=name", ...options, "-cf", archive, "."]);
  return readFileSync(archive);
}

const SPARSE =
  "truncate -s 3M holes; printf start | dd of=holes conv=notrunc status=none; printf end | dd of=holes bs=4096 seek=300 conv=notrunc status=none; truncate -s 9M only-hole";
const ODD = `mkdir -p $(printf 'd%.0s' $(seq 150))/$(printf 'e%.0s' $(seq 150))
  printf x > $(printf 'd%.0s' $(seq 150))/$(printf 'n%.0s' $(seq 200)); ln -s $(printf 't%.0s' $(seq 300)) long-link
  printf 1 > $'caf\\351'; printf 2 > $'caf\\303\\251'; printf 3 > $'new\\nline'
  printf 4 > owned; chown 3000000:4000000 owned; touch -d '1969-06-01 00:00:00' owned
  mknod null c 1 3; mknod disk b 300 70000; mkfifo fifo; printf 5 > setuid; chmod 6755 setuid
  printf 6 > cap; python3 -c 'import os; os.setxattr("owned", "user.note", b"value"); os.setxattr("cap", "security.capability", bytes.fromhex("0100000200200000000000000000000000000000"))'`;

const CASES: readonly (readonly [name: string, layers: (scratch: string) => Promise<readonly Layer[]>])[] = [
  [
    "a whiteout in front of the file that replaces it",
    async () => [base, [empty(".wh.f"), file("f", "new")]],
  ],
  ["a whiteout behind the file that replaces it", async () => [base, [file("f", "new"), empty(".wh.f")]]],
  [
    "whiteouts of files, directories and links",
    async () => [base, [directory("a"), empty("a/.wh.x"), empty(".wh.b"), empty(".wh.lib")]],
  ],
  ["a whiteout of nothing", async () => [base, [empty(".wh.none"), directory("a"), empty("a/.wh.none")]]],
  ["a file that is deleted and comes back", async () => [base, [empty(".wh.f")], [file("f", "back")]]],
  [
    "a directory that is deleted and comes back empty",
    async () => [base, [empty(".wh.b")], [directory("b", 0o711)]],
  ],
  [
    "an opaque mark in front",
    async () => [base, [directory("a", 0o750), empty("a/.wh..wh..opq"), file("a/new")]],
  ],
  [
    "an opaque mark behind",
    async () => [base, [directory("a", 0o750), file("a/new"), empty("a/.wh..wh..opq")]],
  ],
  [
    "an opaque directory over directories",
    async () => [base, [directory("b"), empty("b/.wh..wh..opq"), directory("b/n"), file("b/n/f")]],
  ],
  [
    "a file for a directory, and a directory for a file",
    async () => [base, [file("a", "file"), directory("f"), file("f/in")]],
  ],
  ["a link for a directory", async () => [base, [symlink("a", "b")]]],
  ["attributes of a directory alone", async () => [base, [directory("b", 0o1777)]]],
  [
    "hard links within a layer",
    async () => [[directory("."), file("one", "1"), hardlink("two", "one"), hardlink("three", "/two")]],
  ],
  [
    "a hard link whose first name is deleted above",
    async () => [[directory("."), file("one", "1"), hardlink("two", "one")], [empty(".wh.one")]],
  ],
  [
    "a hard link whose first name is replaced above",
    async () => [[directory("."), file("one", "1"), hardlink("two", "one")], [file("one", "new")]],
  ],
  [
    "GNU headers: long names, base-256 numbers, names that are no UTF-8, devices, attributes",
    async (scratch) => [await gnuTar(scratch, ODD, ["--format=gnu"])],
  ],
  [
    "PAX headers: the same, and attributes",
    async (scratch) => [await gnuTar(scratch, ODD, ["--format=posix", "--xattrs", "--xattrs-include=*"])],
  ],
  ...[
    "--format=oldgnu",
    "--format=gnu",
    "--sparse-version=0.0",
    "--sparse-version=0.1",
    "--sparse-version=1.0",
  ].map(
    (option) =>
      [
        `sparse files of ${option}`,
        async (scratch: string) => [
          await gnuTar(scratch, SPARSE, [
            "--sparse",
            ...(option.includes("version") ? ["--format=posix"] : []),
            option,
          ]),
        ],
      ] as const,
  ),
];

/**
 * Lines of a manifest without the times of directories, which an unpacker gives them when a layer does not, and
 * without the number of links, which overlayfs takes from the lower layer; which names are one file is told apart.
 */
function comparable(manifest: string): string[] {
  return manifest
    .split("\n")
    .map((line) =>
      line
        .replace(/^('.*?'|".*?") (0o4\S+ \S+ - - )\d+/, "$1 $2TIME")
        .replace(/^('.*?'|".*?") (0o10\S+ \S+) \d+/, "$1 $2"),
    );
}

async function unpackWithTar(archive: string, to: string): Promise<void> {
  mkdirSync(to);
  const options = ["--numeric-owner", "--xattrs", "--xattrs-include=*"];
  await commandOutput("tar", ["-C", to, ...options, "-xpf", archive]);
}

for (const [name, make] of CASES) {
  test(`corpus: ${name}`, able, async () => {
    using scratch = temporaryDirectory("corpus");
    const at = (path: string) => join(scratch.path, path);
    const layers = await Promise.all(
      (await make(scratch.path)).map(async (layer) => (layer instanceof Uint8Array ? layer : tar(layer))),
    );
    const paths = layers.map((bytes, index) => {
      writeFileSync(at(`layer-${index}.tar`), bytes);
      return at(`layer-${index}.tar`);
    });
    mkdirSync(at("bundle"));
    // umoci does not know GNU's own type of sparse files.
    if (name.includes("sparse")) await unpackWithTar(paths[0]!, at("bundle/rootfs"));
    else {
      const layout = await makeLayeredImage(scratch.path, paths);
      await commandOutput("umoci", ["unpack", "--image", `${layout}:test`, at("bundle")]);
    }
    const expected = comparable(await treeManifest(at("bundle/rootfs")));

    const images: string[] = [];
    for (const [index, bytes] of layers.entries()) {
      images.push(at(`layer-${index}.erofs`));
      await buildLayer([bytes], { output: images.at(-1)! });
    }
    assert.deepEqual(comparable(await mountedManifest(scratch.path, images)), expected, "mounted");

    const opened = layers.map((bytes) => ({ open: async () => pieces(bytes) }));
    writeFileSync(at("flat.tar"), Buffer.concat(await Array.fromAsync(flattenLayers(opened))));
    await unpackWithTar(at("flat.tar"), at("flat"));
    assert.deepEqual(comparable(await treeManifest(at("flat"))), expected, "flattened");
  });
}

test("corpus: gzip of many members and zstd of many frames, skippable ones among them, are one layer", async () => {
  const plain = await tar(base as readonly TarInput[]);
  const parts = [
    plain.subarray(0, 700),
    plain.subarray(700, 701),
    plain.subarray(701, 3000),
    plain.subarray(3000),
  ];
  const skippable = Buffer.concat([Buffer.from([0x53, 0x2a, 0x4d, 0x18, 5, 0, 0, 0]), Buffer.from("extra")]);
  const packed = {
    gzip: Buffer.concat(parts.map((part) => gzipSync(part))),
    "gzip with an empty member": Buffer.concat([gzipSync(plain), gzipSync("")]),
    "gzip with zeros behind it": Buffer.concat([gzipSync(plain), Buffer.alloc(600)]),
    zstd: Buffer.concat(parts.map((part) => zstdCompressSync(part))),
    "zstd with skippable frames": Buffer.concat([
      skippable,
      ...parts.flatMap((part) => [zstdCompressSync(part), skippable]),
    ]),
  };
  using scratch = temporaryDirectory("corpus");
  const expected = await buildLayer([plain], { output: join(scratch.path, "plain") });
  for (const [name, bytes] of Object.entries(packed)) {
    const output = join(scratch.path, name.replaceAll(" ", "-"));
    assert.deepEqual(await buildLayer(pieces(bytes), { output }), expected, name);
    assert.ok(readFileSync(output).equals(readFileSync(join(scratch.path, "plain"))), name);
  }
  const names: string[] = [];
  for await (const { path } of readTar([plain])) names.push(path);
  assert.equal(names.length, base.length);
});

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += 999) yield bytes.subarray(at, at + 999);
}
