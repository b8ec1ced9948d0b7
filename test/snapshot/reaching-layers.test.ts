import assert from "node:assert/strict";
import { createWriteStream, existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { describe, test } from "node:test";
import { type TarInput, writeTar } from "../../src/archive/index.ts";
import { openStore } from "../../src/content/index.ts";
import { pull, removeImage } from "../../src/image/index.ts";
import { openSnapshots } from "../../src/snapshot/index.ts";
import { isCortenError } from "../../src/spec/index.ts";
import { openSource } from "../../src/transport/index.ts";
import { commandOutput, isInstalled, isRoot, temporaryDirectory } from "../support/index.ts";
import { makeLayeredImage } from "./layered-image.ts";
import { mountedManifest, treeManifest } from "./mounted-manifest.ts";

const file = (path: string, text = path): TarInput => ({ type: "file", path, body: Buffer.from(text) });
const dir = (path: string): TarInput => ({ type: "directory", path, mode: 0o755 });
const link = (path: string, linkPath: string): TarInput => ({ type: "symlink", path, linkPath });
const hard = (path: string, linkPath: string): TarInput => ({ type: "hardlink", path, linkPath });

const big = "0123456789abcdef".repeat(200_000);
const base: readonly TarInput[] = [
  dir("usr"),
  { ...dir("usr/lib"), mode: 0o751 },
  file("usr/lib/old"),
  {
    ...file("usr/lib/big", big),
    mode: 0o4755,
    uid: 12,
    xattrs: new Map([["user.note", Buffer.from("kept")]]),
  },
  link("lib", "usr/lib"),
  link("absolute", "/usr/lib"),
  link("dangling", "var/new/place"),
  link("two", "lib"),
  dir("etc"),
  file("etc/a"),
  dir("info"),
  file("info/q"),
];

/** Layers upon {@link base}, the lowest first, and how many of them need an image for their chain alone. */
const cases: Readonly<Record<string, { layers: TarInput[][]; chained: number }>> = {
  "a file below a lower layer's link": { layers: [[file("lib/x")]], chained: 1 },
  "below an absolute link": { layers: [[file("absolute/deep/x")]], chained: 1 },
  "below a link to a link": { layers: [[file("two/x"), file("usr/lib/y")]], chained: 1 },
  "below a link to nothing": { layers: [[file("dangling/x")]], chained: 1 },
  "below a link that a described directory replaces": { layers: [[dir("lib"), file("lib/x")]], chained: 0 },
  "below a link that a whiteout removes": { layers: [[file(".wh.lib", ""), file("lib/x")]], chained: 1 },
  "a whiteout below a link": { layers: [[file("lib/.wh.old", "")]], chained: 1 },
  "an opaque directory below a link": { layers: [[file("lib/.wh..wh..opq", ""), file("lib/n")]], chained: 1 },
  "again in the layer above": {
    layers: [
      [file("lib/x", "first")],
      [file("lib/x", "second"), file("absolute/y")],
      [file("usr/lib/.wh.y", "")],
    ],
    chained: 2,
  },
  "a hard link to a lower file": { layers: [[hard("etc/b", "etc/a")]], chained: 1 },
  "to one that lies below a link, large, with attributes": {
    layers: [[hard("b", "/lib/big"), hard("c", "b")]],
    chained: 1,
  },
  "to a lower link": { layers: [[hard("b", "lib")]], chained: 1 },
  "to a lower file that is then deleted": {
    layers: [[hard("b", "etc/a"), file("etc/.wh.a", "")]],
    chained: 1,
  },
  "to a file that a chained layer has": { layers: [[file("lib/x")], [hard("y", "usr/lib/x")]], chained: 2 },
  "whiteouts below what became a file": { layers: [[file("info"), file("info/.wh.q", "")]], chained: 0 },
};

const able = isRoot && isInstalled("umoci");

async function archive(path: string, entries: Iterable<TarInput>): Promise<string> {
  await pipeline(writeTar(entries), createWriteStream(path));
  return path;
}

async function makeImage(directory: string, layers: readonly (readonly TarInput[])[]): Promise<string> {
  const archives: string[] = [];
  for (const [i, layer] of layers.entries()) {
    archives.push(await archive(join(directory, `layer-${i}.tar`), layer));
  }
  return makeLayeredImage(directory, archives);
}

/** Times of directories are those of the unpacking where no layer describes them. */
const comparable = (manifest: string) =>
  manifest.split("\n").map((line) => line.replace(/^('.*?' 0o4\S+ \S+ - - )\d+( .*)$/, "$1time$2"));

describe("layers that reach into those below them look as when unpacked by umoci", { skip: !able }, () => {
  for (const [name, { layers, chained }] of Object.entries(cases)) {
    test(name, { timeout: 60_000 }, async () => {
      using scratch = temporaryDirectory("reaching");
      const layout = await makeImage(scratch.path, [base, ...layers]);
      const root = join(scratch.path, "root");
      using store = openStore(root);
      const snapshots = openSnapshots(root);
      await using source = await openSource({ kind: "layout", path: layout, ref: "test" });
      const image = await pull(store, source, { name: "test/image:1", consumer: snapshots.consumer() });
      const stack = await snapshots.prepare(store, image);
      const bundle = join(scratch.path, "bundle");
      await commandOutput("umoci", ["unpack", "--image", `${layout}:test`, bundle]);
      const expected = comparable(await treeManifest(join(bundle, "rootfs")));
      assert.deepEqual(comparable(await mountedManifest(scratch.path, stack.files)), expected);
      assert.equal(stack.layers.filter(({ chainID }) => chainID !== undefined).length, chained);
      assert.deepEqual(await snapshots.prepare(store, image), stack);

      const kept = await snapshots.collect({ images: [stack.imageID], layers: [], minimumAge: -1000 });
      assert.ok(
        stack.files.every((path) => existsSync(path)),
        `${kept.files} files were collected`,
      );
      await removeImage(store, "test/image:1");
      await snapshots.collect({ images: [], layers: [], minimumAge: -1000 });
      assert.equal(await snapshots.usage(), 0);
    });
  }
});

describe("hard links that lead nowhere", { skip: !isInstalled("umoci") }, () => {
  for (const [name, layer, message] of [
    ["to a name that no layer has", [hard("b", "etc/none")], /"b" at byte 0 is a hard link to "etc\/none"/],
    ["to a lower directory", [hard("b", "etc")], /"b" at byte 0 is a hard link to a directory/],
    [
      "to a file that the layer deletes",
      [file("etc/.wh.a", ""), hard("b", "etc/a")],
      /hard link to "etc\/a"/,
    ],
  ] as const) {
    test(name, { timeout: 60_000 }, async () => {
      using scratch = temporaryDirectory("reaching");
      mkdirSync(join(scratch.path, "image"));
      const layout = await makeImage(join(scratch.path, "image"), [base, layer]);
      const root = join(scratch.path, "root");
      using store = openStore(root);
      const snapshots = openSnapshots(root);
      await using source = await openSource({ kind: "layout", path: layout, ref: "test" });
      await assert.rejects(
        async () => {
          const image = await pull(store, source, { name: "test/image:1", consumer: snapshots.consumer() });
          await snapshots.prepare(store, image);
        },
        (error) => isCortenError(error, "invalid-argument") && message.test(error.message),
      );
      const chains = join(root, "snapshots/chains/sha256");
      const left = existsSync(chains) ? readdirSync(chains).filter((at) => /erofs$|partial/.test(at)) : [];
      assert.deepEqual(left, []);
    });
  }
});
