import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { isCortenError } from "../spec/index.ts";
import type { ByteString } from "./byte-string.ts";
import { ErofsImage } from "./erofs-image.ts";
import type { ImageFile } from "./erofs-image-file.ts";
import { buildLayer } from "./layer-build.ts";
import type { LayersBelow } from "./layers-below.ts";
import { inScratch } from "./testing-layer.ts";
import { END, pax, rawEntry } from "./testing-tar.ts";

const lower = Buffer.concat([
  rawEntry({ path: "usr/lib/", type: "5", mode: 0o750 }),
  rawEntry({ path: "usr/lib/old", content: "old" }),
  rawEntry({ path: "lib", type: "2", link: "usr/lib" }),
  rawEntry({ path: "loop", type: "2", link: "loop" }),
  rawEntry({ path: "large", content: Buffer.alloc(3_000_001, "0123456789"), mode: 0o4711, uid: 7 }),
  pax([
    ["GNU.sparse.size", "5000000"],
    ["GNU.sparse.map", "1000000,512,4999999,1"],
  ]),
  rawEntry({ path: "holes", content: `${"D".repeat(512)}E` }),
  END,
]);

function find(image: ErofsImage, path: ByteString): ImageFile | undefined {
  let file: ImageFile | undefined = image.root;
  for (const name of path.split("/")) {
    file = file?.type === "directory" ? image.lookup(file, name) : undefined;
  }
  return file;
}

/** Builds `entries` upon the lower layer; `use` sees both images. */
async function upon(
  entries: readonly Buffer[],
  use: (upper: ErofsImage, below: ErofsImage) => void,
): Promise<void> {
  await inScratch(async (directory) => {
    const [base, output] = [join(directory, "lower"), join(directory, "upper")];
    await buildLayer([lower], { output: base });
    using image = new ErofsImage(base);
    const below: LayersBelow = {
      chainID: `sha256:${"ab".repeat(32)}`,
      lookup: (path) => {
        const file = find(image, path);
        return file && { image, file };
      },
    };
    try {
      await buildLayer([...entries, END], { output, below });
    } catch (error) {
      assert.ok(!existsSync(output));
      throw error;
    }
    assert.equal(readFileSync(output).subarray(1072, 1088).toString("hex"), "ab".repeat(16));
    using upper = new ErofsImage(output);
    use(upper, image);
  });
}

test("links of lower layers are followed on the way to a name", async () => {
  const entries = [
    rawEntry({ path: "lib/new", content: "new" }),
    rawEntry({ path: "lib/.wh.old" }),
    rawEntry({ path: "lib/deep/more", content: "more" }),
  ];
  await upon(entries, (upper) => {
    assert.deepEqual(
      [...upper.list(upper.root)].map(([name]) => name),
      ["usr"],
    );
    assert.equal(upper.read(find(upper, "usr/lib/new")!, 10).toString(), "new");
    assert.equal(find(upper, "usr/lib/old")?.whiteout, true);
    assert.equal(find(upper, "usr/lib/deep/more")?.type, "file");
  });
});

test("but not where the layer has said what the name is, or that nothing is left of it", async () => {
  for (const first of [
    rawEntry({ path: "lib/", type: "5" }),
    rawEntry({ path: ".wh.lib" }),
    rawEntry({ path: ".wh..wh..opq" }),
  ]) {
    await upon([first, rawEntry({ path: "lib/new" })], (upper) =>
      assert.equal(find(upper, "lib/new")?.type, "file"),
    );
  }
  await assert.rejects(
    upon([rawEntry({ path: "loop/x" })], () => undefined),
    /too many symbolic links/,
  );
});

test("a hard link into a lower layer brings the file along, under both names", async () => {
  const hard = (path: string, link: string) => rawEntry({ path, type: "1", link });
  await upon(
    [hard("l", "large"), hard("again", "l"), hard("h", "holes"), hard("s", "lib"), hard("o", "lib/old")],
    (upper, below) => {
      for (const [name, target] of [
        ["l", "large"],
        ["h", "holes"],
      ] as const) {
        const [file, original] = [find(upper, name)!, find(below, target)!];
        assert.deepEqual(find(upper, target), file);
        assert.deepEqual([file.mode, file.uid, file.mtime], [original.mode, original.uid, original.mtime]);
        assert.ok(upper.read(file, 1e7).equals(below.read(original, 1e7)), name);
      }
      assert.equal(find(upper, "l")!.links, 3);
      const stored = (upper.segments(find(upper, "h")!) ?? []).reduce((sum, { length }) => sum + length, 0);
      assert.ok(stored > 0 && stored < 200_000, `${stored} bytes of the file with holes`);
      assert.deepEqual([find(upper, "s")!.type, find(upper, "lib")!.links], ["symlink", 2]);
      assert.equal(find(upper, "usr/lib/old")!.links, 2);
    },
  );
});

test("a hard link to a lower file that the layer then deletes keeps the file", async () => {
  const link = rawEntry({ path: "kept", type: "1", link: "large" });
  await upon([link, rawEntry({ path: ".wh.large" })], (upper) => {
    assert.equal(find(upper, "large")!.whiteout, true);
    assert.equal(find(upper, "kept")!.size, 3_000_001);
  });
});

test("links that lead nowhere are errors; without the lower layers, they ask for these", async () => {
  for (const link of ["none", "lib/none", "large/x", "usr"]) {
    await assert.rejects(
      upon([rawEntry({ path: "a", type: "1", link })], () => undefined),
      (error) => isCortenError(error, "invalid-argument") && error.message.includes('"a" at byte 0'),
    );
  }
  await inScratch(async (directory) => {
    const source = [rawEntry({ path: "a", type: "1", link: "large" }), END];
    await assert.rejects(buildLayer(source, { output: join(directory, "image") }), (error) =>
      isCortenError(error, "failed-precondition"),
    );
  });
});

test("content is read in pieces, holes left out, or as much of its start as is wanted", async () => {
  await upon([rawEntry({ path: "x" })], (_, below) => {
    const large = find(below, "large")!;
    const whole = Buffer.concat([...below.pieces(large)].map(({ bytes }) => bytes));
    assert.ok(whole.equals(below.read(large, 1e7)));
    assert.equal(below.readStart(large, 12).toString(), "012345678901");
    assert.equal(below.readStart(find(below, "lib")!, 4095).toString(), "usr/lib");
    const holes = find(below, "holes")!;
    const filled = Buffer.alloc(holes.size);
    for (const { bytes, position } of below.pieces(holes)) filled.set(bytes, position);
    assert.ok(filled.equals(below.read(holes, 1e7)));
    assert.equal(below.readStart(holes, 1_000_004).subarray(1_000_000).toString(), "DDDD");
  });
});
