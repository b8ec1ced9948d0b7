import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import zlib from "node:zlib";
import fc from "fast-check";
import type { Digest } from "../spec/index.ts";
import { isCortenError } from "../spec/index.ts";
import { buildLayer } from "./layer-build.ts";
import { inScratch, pieces } from "./testing-layer.ts";
import { END, pax, rawEntry } from "./testing-tar.ts";

const layer = Buffer.concat([
  rawEntry({ path: "etc/", type: "5", mode: 0o755 }),
  rawEntry({ path: "etc/hosts", content: "127.0.0.1 localhost\n" }),
  rawEntry({ path: "var/lib/data", content: Buffer.alloc(10_000, 7) }),
  rawEntry({ path: "etc/.wh.passwd" }),
  END,
  Buffer.alloc(8192),
]);

const digest = (bytes: Uint8Array, algorithm = "sha256"): Digest =>
  `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}`;

test("the DiffID covers the archive with its padding, however it is packed", async () => {
  await inScratch(async (directory) => {
    for (const [i, packed] of [layer, zlib.gzipSync(layer)].entries()) {
      const output = join(directory, `image-${i}`);
      const built = await buildLayer(pieces(packed, 1000), { output, expectedDiffID: digest(layer) });
      assert.equal(built.diffID, digest(layer));
      assert.equal(built.bytesUncompressed, layer.length);
      assert.equal(built.entries, 4);
      assert.equal(built.size, readFileSync(output).length);
      assert.deepEqual(built.whiteouts, ["etc/passwd"]);
      assert.deepEqual(
        built.directories.map(({ path, implied }) => [path, implied]),
        [
          ["", true],
          ["etc", false],
          ["var", true],
          ["var/lib", true],
        ],
      );
    }
    assert.deepEqual(readFileSync(join(directory, "image-0")), readFileSync(join(directory, "image-1")));
    const output = join(directory, "sha512");
    const expectedDiffID = digest(layer, "sha512");
    assert.equal((await buildLayer([layer], { output, expectedDiffID })).diffID, expectedDiffID);
  });
});

test("whatever goes wrong, no image is left", async () => {
  const attempts: [source: Iterable<Uint8Array>, code: string, message: RegExp][] = [
    [[layer, Buffer.alloc(1)], "data-loss", /layer unpacks to sha256:/],
    [[zlib.gzipSync(layer).subarray(0, -9)], "data-loss", /gzip stream is damaged/],
    [[layer.subarray(0, 1100)], "data-loss", /unpacks to/],
    [[Buffer.alloc(512, 1)], "invalid-argument", /malformed tar at byte 0/],
    [[rawEntry({ path: "./", type: "2", link: "/etc" })], "invalid-argument", /makes the root a symlink/],
    [
      [pax([["SCHILY.xattr.user.x", "v".repeat(70_000)]]), rawEntry({ path: "f", content: "x" }), END],
      "invalid-argument",
      /has 70000 bytes/,
    ],
    [
      [rawEntry({ path: "a" }), rawEntry({ path: "b" }), rawEntry({ path: "c" })],
      "resource-exhausted",
      /more than 2 files/,
    ],
  ];
  await inScratch(async (directory) => {
    const output = join(directory, "image");
    for (const [source, code, message] of attempts) {
      const limits = code === "resource-exhausted" ? { entries: 2 } : {};
      await assert.rejects(
        buildLayer(source, { output, limits, expectedDiffID: digest(layer) }),
        (error) => isCortenError(error) && error.code === code && message.test(error.message),
        String(message),
      );
      assert.deepEqual(readdirSync(directory), []);
    }
  });
});

test("a file that is there is kept", async () => {
  await inScratch(async (directory) => {
    const output = join(directory, "image");
    writeFileSync(output, "precious");
    await assert.rejects(buildLayer([layer], { output }), (error) => isCortenError(error, "already-exists"));
    assert.equal(readFileSync(output, "utf8"), "precious");
  });
});

test("an abort stops the build and removes the image", async () => {
  await inScratch(async (directory) => {
    const output = join(directory, "image");
    const controller = new AbortController();
    async function* slow(): AsyncGenerator<Uint8Array> {
      yield layer.subarray(0, 600);
      controller.abort(new Error("user went away"));
      yield layer.subarray(600);
    }
    await assert.rejects(buildLayer(slow(), { output, signal: controller.signal }), /user went away/);
    assert.equal(existsSync(output), false);
  });
});

test("A14: layers built side by side are the ones built one after another", async () => {
  const layers = Array.from({ length: 8 }, (_, i) =>
    Buffer.concat([
      rawEntry({ path: `d${i}/f`, content: Buffer.alloc(300_000 * i + 17, i) }),
      rawEntry({ path: `d${i}/.wh.old` }),
      rawEntry({ path: `e/.wh..wh..opq` }),
      END,
    ]),
  );
  await inScratch(async (directory) => {
    const build = (i: number, output: string) => buildLayer(pieces(layers[i]!, 70_000), { output });
    const serial = [];
    for (const i of layers.keys()) serial.push(await build(i, join(directory, `s${i}`)));
    const parallel = await Promise.all([...layers.keys()].map((i) => build(i, join(directory, `p${i}`))));
    assert.deepEqual(parallel, serial);
    for (const i of layers.keys()) {
      assert.deepEqual(readFileSync(join(directory, `p${i}`)), readFileSync(join(directory, `s${i}`)));
    }
  });
});

test("A14 containerd#13125: whatever the layers, building them side by side is building them in order", async () => {
  const names = fc.constantFrom("a", "d/b", "d/.wh.a", ".wh.d", "d/.wh..wh..opq", "e/f/g");
  const entries = fc.uniqueArray(fc.tuple(names, fc.nat(200_000)), {
    selector: ([name]) => name,
    maxLength: 6,
  });
  const stacks = fc.array(entries, { minLength: 2, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(stacks, async (stack) => {
      const layers = stack.map((list) =>
        Buffer.concat([
          ...list.map(([path, size]) =>
            rawEntry({ path, content: path.includes(".wh.") ? "" : Buffer.alloc(size, size) }),
          ),
          END,
        ]),
      );
      await inScratch(async (directory) => {
        const build = (i: number, kind: string) =>
          buildLayer(pieces(layers[i]!, 33_000), { output: join(directory, `${kind}${i}`) });
        const serial = [];
        for (const i of layers.keys()) serial.push(await build(i, "s"));
        assert.deepEqual(await Promise.all([...layers.keys()].map((i) => build(i, "p"))), serial);
        for (const i of layers.keys()) {
          assert.ok(readFileSync(join(directory, `p${i}`)).equals(readFileSync(join(directory, `s${i}`))));
        }
      });
    }),
    { numRuns: 25 },
  );
});
