import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { isCortenError } from "../../spec/index.ts";
import { readTar } from "../tar-reader.ts";
import { pieces } from "../testing-layer.ts";
import type { RawFields } from "../testing-tar.ts";
import { END, pax, rawEntry } from "../testing-tar.ts";
import { FlatTree } from "./flat-tree.ts";
import { flattenLayers } from "./flatten.ts";
import { scanLayer } from "./layer-scan.ts";

const file = (path: string, content = path, more: Partial<RawFields> = {}) =>
  rawEntry({ path, content, ...more });
const directory = (path: string, mode = 0o755) => rawEntry({ path, type: "5", mode });
const empty = (path: string) => rawEntry({ path });
const link = (path: string, target: string, type = "1") => rawEntry({ path, type, link: target });
const layerOf = (...parts: readonly Uint8Array[]) => Buffer.concat([...parts, END]);

async function flatten(...layers: readonly Uint8Array[]): Promise<Buffer> {
  const opened = layers.map((bytes) => ({ open: async () => toAsync(pieces(bytes, 999)) }));
  return Buffer.concat(await Array.fromAsync(flattenLayers(opened)));
}

async function* toAsync<T>(items: Iterable<T>): AsyncGenerator<T, void, undefined> {
  yield* items;
}

/** "path: what it is" for each entry of an archive, in its order. */
async function listing(archive: Uint8Array): Promise<string[]> {
  const found: string[] = [];
  for await (const { type, path, linkPath, mode, body } of readTar([archive])) {
    const content = type === "file" ? Buffer.concat(await Array.fromAsync(body)).toString() : linkPath;
    found.push(`${path}: ${type} ${mode.toString(8)} ${content}`.trim());
  }
  return found;
}

/** "path = content" of the files, sorted; the content of links is that of their target. */
async function files(archive: Uint8Array): Promise<string[]> {
  const seen = new Map<string, string>();
  for await (const { type, path, linkPath, body } of readTar([archive])) {
    if (type === "file") seen.set(path, Buffer.concat(await Array.fromAsync(body)).toString());
    else if (type === "hardlink") seen.set(path, seen.get(linkPath)!);
  }
  return [...seen].map(([path, content]) => `${path}=${content}`).sort();
}

test("files of several layers stand in one, directories first, attributes the uppermost ones", async () => {
  const flat = await flatten(
    layerOf(directory("etc/", 0o700), file("etc/a", "1"), file("b", "2"), link("c", "b", "2")),
    gzipSync(layerOf(directory("etc/", 0o750), file("etc/a", "3", { mode: 0o600 }), file("usr/d", "4"))),
  );
  assert.deepEqual(await listing(flat), [
    "etc/: directory 750",
    "usr/: directory 755",
    "b: file 644 2",
    "c: symlink 644 b",
    "etc/a: file 600 3",
    "usr/d: file 644 4",
  ]);
});

test("whiteouts and opaque marks hide lower layers wherever they stand, and are gone", async () => {
  const base = layerOf(file("a/x"), file("a/y"), file("b/x"), file("c"), file("d/e/f"), file("d/g"));
  const cases: readonly (readonly [name: string, layer: Uint8Array, ...expected: string[]])[] = [
    ["a file", layerOf(empty(".wh.c")), "a/x=a/x", "a/y=a/y", "b/x=b/x", "d/e/f=d/e/f", "d/g=d/g"],
    ["a directory", layerOf(empty(".wh.d")), "a/x=a/x", "a/y=a/y", "b/x=b/x", "c=c"],
    [
      "before its own file",
      layerOf(empty(".wh.c"), file("c", "n")),
      "a/x=a/x",
      "a/y=a/y",
      "b/x=b/x",
      "c=n",
      "d/e/f=d/e/f",
      "d/g=d/g",
    ],
    [
      "behind its own file",
      layerOf(file("c", "n"), empty(".wh.c")),
      "a/x=a/x",
      "a/y=a/y",
      "b/x=b/x",
      "c=n",
      "d/e/f=d/e/f",
      "d/g=d/g",
    ],
    [
      "behind its own directory",
      layerOf(file("d/n"), empty(".wh.d")),
      "a/x=a/x",
      "a/y=a/y",
      "b/x=b/x",
      "c=c",
      "d/n=d/n",
    ],
    [
      "opaque, first",
      layerOf(empty("a/.wh..wh..opq"), file("a/n")),
      "a/n=a/n",
      "b/x=b/x",
      "c=c",
      "d/e/f=d/e/f",
      "d/g=d/g",
    ],
    [
      "opaque, last",
      layerOf(file("a/n"), empty("a/.wh..wh..opq")),
      "a/n=a/n",
      "b/x=b/x",
      "c=c",
      "d/e/f=d/e/f",
      "d/g=d/g",
    ],
    [
      "opaque, deep",
      layerOf(file("d/e/n"), empty("d/.wh..wh..opq")),
      "a/x=a/x",
      "a/y=a/y",
      "b/x=b/x",
      "c=c",
      "d/e/n=d/e/n",
    ],
    ["opaque root", layerOf(empty(".wh..wh..opq"), file("n")), "n=n"],
    [
      "of nothing",
      layerOf(empty(".wh.none"), empty("none/.wh.x")),
      "a/x=a/x",
      "a/y=a/y",
      "b/x=b/x",
      "c=c",
      "d/e/f=d/e/f",
      "d/g=d/g",
    ],
    [
      "below a file",
      layerOf(empty("c/.wh.x")),
      "a/x=a/x",
      "a/y=a/y",
      "b/x=b/x",
      "c=c",
      "d/e/f=d/e/f",
      "d/g=d/g",
    ],
    ["a file for a directory", layerOf(file("d", "n")), "a/x=a/x", "a/y=a/y", "b/x=b/x", "c=c", "d=n"],
    [
      "a directory for a file",
      layerOf(directory("c/"), file("c/n")),
      "a/x=a/x",
      "a/y=a/y",
      "b/x=b/x",
      "c/n=c/n",
      "d/e/f=d/e/f",
      "d/g=d/g",
    ],
    [
      "then a file below",
      layerOf(empty(".wh.c"), file("c/n")),
      "a/x=a/x",
      "a/y=a/y",
      "b/x=b/x",
      "c/n=c/n",
      "d/e/f=d/e/f",
      "d/g=d/g",
    ],
    [
      "aufs's",
      layerOf(directory(".wh..wh.plnk/"), file(".wh..wh.plnk/1"), empty(".wh..wh.aufs")),
      "a/x=a/x",
      "a/y=a/y",
      "b/x=b/x",
      "c=c",
      "d/e/f=d/e/f",
      "d/g=d/g",
    ],
  ];
  for (const [name, layer, ...expected] of cases) {
    const flat = await flatten(base, layer);
    assert.deepEqual(await files(flat), expected, name);
    assert.ok(!flat.includes(".wh."), name);
  }
});

test("hard links stay links, also across layers and when their first name is gone", async () => {
  const base = layerOf(file("a", "content"), link("b", "a"), link("z", "/b"));
  assert.deepEqual(await listing(await flatten(base)), [
    "a: file 644 content",
    "b: hardlink 644 a",
    "z: hardlink 644 a",
  ]);
  const above = layerOf(empty(".wh.a"), link("n", "b"));
  assert.deepEqual(await listing(await flatten(base, above)), [
    "b: file 644 content",
    "n: hardlink 644 b",
    "z: hardlink 644 b",
  ]);
  const replaced = layerOf(file("a", "new"));
  assert.deepEqual(await files(await flatten(base, replaced)), ["a=new", "b=content", "z=content"]);
});

test("links of lower layers are followed on the way, inside of the tree only", async () => {
  const base = layerOf(file("usr/lib/x"), link("lib", "usr/lib", "2"), link("up", "../../usr", "2"));
  const above = layerOf(
    file("lib/n"),
    file("up/m"),
    link("h", "lib/x"),
    empty("lib/.wh.x"),
    link("loop", "loop", "2"),
  );
  assert.deepEqual(await files(await flatten(base, above)), ["h=usr/lib/x", "usr/lib/n=lib/n", "usr/m=up/m"]);
  for (const bad of [
    file("loop/x"),
    link("h", "lib/none"),
    link("h", "../x"),
    link("h", "usr"),
    file("../x"),
    link("./", "x", "2"),
    empty(".wh.."),
  ]) {
    await assert.rejects(flatten(base, layerOf(link("loop", "loop", "2"), bad)), (error) =>
      isCortenError(error, "invalid-argument"),
    );
  }
});

test("every kind of file and attribute comes through", async () => {
  const layer = layerOf(
    rawEntry({ path: "c", type: "3", major: 7, minor: 300, mode: 0o600 }),
    rawEntry({ path: "b", type: "4", major: 300, minor: 7 }),
    rawEntry({ path: "p", type: "6" }),
    pax([
      ["SCHILY.xattr.user.a", "1"],
      ["mtime", "1.5"],
    ]),
    rawEntry({ path: "f", content: "x", uid: 3_000_000, gid: 5, mode: 0o4755 }),
    rawEntry({
      path: "s",
      type: "S",
      content: "d".repeat(512),
      sparse: { size: 5000, segments: [[4096, 512]] },
    }),
  );
  const flat = await flatten(layer);
  const [c, b, p, f, s] = await Array.fromAsync(readTar([flat]));
  assert.deepEqual([c!.type, c!.deviceMajor, c!.deviceMinor, c!.mode], ["char-device", 7, 300, 0o600]);
  assert.deepEqual([b!.type, b!.deviceMajor, b!.deviceMinor], ["block-device", 300, 7]);
  assert.equal(p!.type, "fifo");
  assert.deepEqual(
    [f!.uid, f!.gid, f!.mode, f!.mtime],
    [3_000_000, 5, 0o4755, { seconds: 1, nanoseconds: 500_000_000 }],
  );
  assert.equal(Buffer.from(f!.xattrs.get("user.a")!).toString(), "1");
  assert.deepEqual([s!.size, s!.sparse], [5000, undefined]);
  assert.deepEqual(await flatten(layer), flat);
});

test("A10 CVE-2026-95838: a layer of opaque marks is linear work", async () => {
  const marks = (count: number) =>
    layerOf(
      ...Array.from({ length: count }, (_, index) => [
        empty(`d/${index}/.wh..wh..opq`),
        empty("d/.wh..wh..opq"),
        empty(`d/.wh.${index}`),
      ]).flat(),
    );
  const looked = async (count: number) => {
    const tree = new FlatTree();
    let names = 0;
    for (const layer of [layerOf(file("d/x")), marks(count)]) {
      tree.begin();
      await scanLayer([layer], { end: (entry, index) => tree.apply(entry, index) });
      names = tree.seal();
    }
    return names;
  };
  const [small, large] = [await looked(1000), await looked(20_000)];
  assert.ok(large <= 20 * small, `${small} and ${large}`);
});

const NAMES = ["a", "b", "c"];
const paths = fc
  .array(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 3 })
  .map((parts) => parts.join("/"));
type Step = {
  readonly kind: "file" | "directory" | "whiteout" | "opaque";
  readonly path: string;
  readonly content: string;
};
const steps = fc.record({
  kind: fc.constantFrom<Step["kind"]>("file", "file", "directory", "whiteout", "opaque"),
  path: paths,
  content: fc.string({ unit: fc.constantFrom("x", "y"), maxLength: 3 }),
});

/** A layer without what is no sound layer: two entries of a path, something below a file. */
function soundLayer(all: readonly Step[]): Step[] {
  const kept = new Map<string, Step>();
  for (const step of all) {
    const own = step.kind === "file" || step.kind === "directory";
    const inTheWay = [...kept.values()].some(
      ({ kind, path }) =>
        (kind === "file" && step.path.startsWith(`${path}/`)) ||
        (step.kind !== "whiteout" && path.startsWith(`${step.path}/`) && step.kind === "file"),
    );
    const below =
      step.kind === "opaque" &&
      [...kept.values()].some(({ kind, path }) => kind === "file" && path === step.path);
    const key = own ? step.path : `${step.kind} ${step.path}`;
    if (!inTheWay && !below && !kept.has(key) && !(step.kind === "file" && kept.has(`opaque ${step.path}`)))
      kept.set(key, step);
  }
  return [...kept.values()];
}

function entryOf({ kind, path, content }: Step): Buffer {
  const slash = path.lastIndexOf("/") + 1;
  if (kind === "whiteout") return empty(`${path.slice(0, slash)}.wh.${path.slice(slash)}`);
  if (kind === "opaque") return empty(`${path}/.wh..wh..opq`);
  return kind === "file" ? file(path, content) : directory(`${path}/`);
}

/** The plainest way to apply layers: a list of paths; first what is hidden goes, then what is new comes. */
function model(layers: readonly (readonly Step[])[]): string[] {
  const tree = new Map<string, string>();
  for (const layer of layers) {
    for (const { kind, path } of layer) {
      if (kind === "whiteout" || kind === "opaque") {
        for (const name of [...tree.keys()]) {
          if (name.startsWith(`${path}/`) || (kind === "whiteout" && name === path)) tree.delete(name);
        }
      }
    }
    for (const { kind, path, content } of layer) {
      if (kind !== "file" && kind !== "directory") continue;
      if (kind === "file")
        for (const name of [...tree.keys()]) if (name.startsWith(`${path}/`)) tree.delete(name);
      // A directory in place of a file; what stands below it must not lie below a file.
      if (kind === "directory") tree.delete(path);
      if (kind === "file") tree.set(path, content);
    }
  }
  return [...tree].map(([path, content]) => `${path}=${content}`).sort();
}

test("whatever the layers are, flattened they are what applying them one after another gives", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(steps, { maxLength: 8 }), { minLength: 1, maxLength: 4 }),
      async (all) => {
        const layers = all.map(soundLayer);
        let flat: Buffer;
        try {
          flat = await flatten(...layers.map((layer) => layerOf(...layer.map(entryOf))));
        } catch (error) {
          // A file of a lower layer is in the way of this layer's directory, which the layer does not name.
          if (isCortenError(error, "invalid-argument") && /lies below/.test(error.message)) return;
          throw error;
        }
        assert.deepEqual(await files(flat), model(layers));
        assert.deepEqual(await files(await flatten(flat)), model(layers));
      },
    ),
    { numRuns: 300 },
  );
});
