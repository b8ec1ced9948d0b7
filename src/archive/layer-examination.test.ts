import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import type { ExamineLayerOptions } from "./layer-examination.ts";
import { examineLayer } from "./layer-examination.ts";
import { pieces } from "./testing-layer.ts";
import type { RawFields } from "./testing-tar.ts";
import { block, END, pax, rawEntry } from "./testing-tar.ts";

const file = (path: string, more: Partial<RawFields> = {}) => rawEntry({ path, content: "x", ...more });
const directory = (path: string) => rawEntry({ path, type: "5" });
const empty = (path: string) => rawEntry({ path });
const link = (path: string, target: string, type = "1") => rawEntry({ path, type, link: target });
const tar = (...parts: readonly Uint8Array[]) => Buffer.concat([...parts, END]);

/** "rule entry offset" of each finding. */
async function rules(layer: Uint8Array, options?: ExamineLayerOptions): Promise<string[]> {
  const { findings } = await examineLayer(pieces(layer, 700), options);
  return findings.map(({ rule, entry, offset }) => [rule, entry, offset].join(" ").trim());
}

test("a sound layer has no finding, however it is packed", async () => {
  const layer = tar(
    directory("etc/"),
    file("etc/passwd"),
    link("etc/passwd-", "etc/passwd"),
    link("sh", "/bin/sh", "2"),
  );
  const diffID = `sha256:${createHash("sha256").update(layer).digest("hex")}`;
  for (const [compression, packed] of [
    ["none", layer],
    ["gzip", gzipSync(layer)],
    ["gzip", Buffer.concat([gzipSync(layer.subarray(0, 900)), gzipSync(layer.subarray(900))])],
    ["zstd", zstdCompressSync(layer)],
  ] as const) {
    const found = await examineLayer(pieces(packed, 100));
    assert.deepEqual(found.findings, []);
    assert.equal(found.diffID, diffID);
    assert.equal(found.compression, compression);
    assert.equal(found.entries, 4);
  }
});

test("each rule is found broken at its entry and byte", async () => {
  const cases: readonly (readonly [name: string, layer: Uint8Array, ...expected: string[]])[] = [
    ["two entries of one path", tar(file("a"), file("./a")), "duplicate-entry 1 1024"],
    ["a directory twice", tar(directory("a/"), directory("a")), "duplicate-entry 1 512"],
    ["a climbing name", tar(file("a/../../b")), "name-escapes 0 0"],
    ["a name with dots", tar(file("a/../b")), "name-dots 0 0"],
    ["an absolute name", tar(file("/a")), "name-absolute 0 0"],
    ["a long component", tar(pax([["path", "n".repeat(256)]]), file("x")), "name-length 0 1024"],
    ["a Latin-1 name", tar(file("caf\xe9")), "name-encoding 0 0"],
    ["a root that is a link", tar(link("./", "/tmp", "2")), "root 0 0"],
    ["a file for a parent", tar(file("a"), file("a/b")), "parent 1 1024"],
    ["a link for a parent", tar(link("a", "b", "2"), file("a/b")), "parent-link 1 512"],
    ["a whiteout of nothing", tar(empty(".wh.")), "whiteout-name 0 0"],
    ["a whiteout of the directory", tar(empty("a/.wh...")), "whiteout-name 0 0"],
    ["a whiteout with content", tar(file(".wh.a")), "whiteout-type 0 0"],
    ["a whiteout that is a directory", tar(directory(".wh.a")), "whiteout-type 0 0"],
    [
      "a whiteout behind its siblings",
      tar(directory("d"), empty("d/a"), empty("d/.wh.b")),
      "whiteout-order 2 1024",
    ],
    [
      "an opaque mark behind its siblings",
      tar(empty("d/a"), empty("d/.wh..wh..opq")),
      "whiteout-order 1 512",
    ],
    ["aufs's bookkeeping", tar(directory(".wh..wh.plnk/")), "aufs 0 0"],
    ["a hard link to nothing", tar(link("a", "b")), "hard-link 0 0"],
    ["a hard link to what comes later", tar(link("a", "b"), file("b")), "hard-link 0 0"],
    ["a hard link to a directory", tar(directory("d"), link("a", "d")), "hard-link 1 512"],
    ["a hard link out of the root", tar(link("a", "../b")), "hard-link 0 0"],
    ["a hard link along a link", tar(link("lib", "usr/lib", "2"), link("a", "lib/x"))],
    ["an absolute hard link", tar(file("b"), link("a", "/b"))],
    ["a device that Linux has not", tar(rawEntry({ path: "a", type: "3", major: 4096 })), "device 0 0"],
    ["an attribute of no namespace", tar(pax([["SCHILY.xattr.foo", "1"]]), file("x")), "xattr 0 1024"],
    [
      "a sparse file",
      tar(
        rawEntry({
          path: "s",
          type: "S",
          content: "x".repeat(512),
          sparse: { size: 9000, segments: [[0, 512]] },
        }),
      ),
      "sparse 0 0",
    ],
    ["no end marker", file("a"), "end-marker  1024"],
    [
      "data behind the end",
      Buffer.concat([tar(file("a")), Buffer.alloc(512), Buffer.from("secret")]),
      "trailing-data  2560",
    ],
    ["zeros behind the end", Buffer.concat([tar(file("a")), Buffer.alloc(9000)])],
    ["no entry at all", END, "no-entries"],
    ["a wrong checksum", tar(file("a"), block({ path: "b" }).fill(1, 0, 1), file("c")), "tar  1024"],
    ["an end inside a file", file("a", { content: "x".repeat(600) }).subarray(0, 1000), "tar  0"],
    [
      "A7: PAX headers that cannot be read",
      tar(rawEntry({ path: "P", type: "x", content: "junk" }), file("a")),
      "tar  0",
    ],
  ];
  for (const [name, layer, ...expected] of cases) {
    assert.deepEqual(await rules(layer, { below: [await below()] }), expected, name);
  }
});

/** The names of a layer that holds `lower` and the directory `dir`. */
async function below() {
  return (await examineLayer([tar(file("lower"), directory("dir"))])).names;
}

test("what a layer says of those below it is judged with them", async () => {
  const names = await below();
  assert.deepEqual(await rules(tar(link("a", "lower")), { below: [names] }), ["hard-link-below 0 0"]);
  assert.deepEqual(await rules(tar(link("a", "dir")), { below: [names] }), ["hard-link 0 0"]);
  assert.deepEqual(await rules(tar(empty(".wh.lower"))), ["whiteout-lowest 0 0"]);
});

test("the packing is judged: damaged, cut off, with a time", async () => {
  const layer = tar(file("a"));
  assert.deepEqual(await rules(gzipSync(layer).subarray(0, 60)), ["packing"]);
  assert.deepEqual(await rules(zstdCompressSync(layer).subarray(0, 60)), ["packing"]);
  const dated = gzipSync(layer);
  dated.writeUInt32LE(1_700_000_000, 4);
  assert.deepEqual(await rules(dated), ["packing-time"]);
  const broken = gzipSync(layer);
  broken[broken.length - 5]! ^= 0xff;
  const { diffID, findings } = await examineLayer([broken]);
  assert.equal(diffID, undefined);
  assert.equal(findings[0]?.rule, "packing");
});

test("a broken archive is still unpacked to its end for its digest", async () => {
  const layer = tar(file("a"), Buffer.alloc(512, 1), file("b"));
  const { diffID, findings } = await examineLayer([gzipSync(layer)]);
  assert.equal(diffID, `sha256:${createHash("sha256").update(layer).digest("hex")}`);
  assert.deepEqual(
    findings.map(({ rule }) => rule),
    ["tar"],
  );
});

test("limits are findings, and a rule that is broken everywhere is listed a hundred times", async () => {
  const names = Array.from({ length: 150 }, (_, index) => file(`/${index}`));
  const { findings, unlisted } = await examineLayer([tar(...names)]);
  assert.equal(findings.length, 100);
  assert.equal(unlisted, 50);
  assert.deepEqual(await rules(tar(file("a"), file("b")), { limits: { entries: 1 } }), ["limit  1024"]);
});

test("whatever the bytes are, they are judged and not thrown at", async () => {
  const sound = tar(directory("etc/"), file("etc/passwd"), link("etc/p", "etc/passwd"), empty("etc/.wh.x"));
  const edits = fc.array(fc.tuple(fc.nat(sound.length - 1), fc.nat(255)), { maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(edits, fc.nat(sound.length), fc.boolean(), async (changes, length, packed) => {
      const layer = Buffer.from(sound.subarray(0, length));
      for (const [at, value] of changes) if (at < length) layer[at] = value;
      await examineLayer([packed ? gzipSync(layer) : layer]);
    }),
  );
});
