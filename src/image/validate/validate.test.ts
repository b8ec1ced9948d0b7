import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { writeTar } from "../../archive/index.ts";
import type { Descriptor } from "../../spec/index.ts";
import { MediaType } from "../../spec/index.ts";
import { sha256 } from "../testing-image.ts";
import { MemoryLayout } from "./testing-layout.ts";
import type { ValidateOptions } from "./validate.ts";
import { validateImage } from "./validate.ts";

const platform = { os: "linux", architecture: "amd64" };
const tar = Buffer.concat(
  await Array.fromAsync(writeTar([{ type: "file", path: "etc/motd", body: Buffer.from("hello\n") }])),
);

/** What is different from a sound image of one layer. */
interface Broken {
  readonly layer?: Uint8Array;
  readonly layerType?: string;
  readonly layerChange?: object;
  readonly configChange?: object;
  readonly manifestChange?: object;
  readonly entryChange?: object;
}

/** A layout with one image, and the descriptors of its parts. */
function makeLayout(broken: Broken = {}) {
  const layout = new MemoryLayout();
  const content = broken.layer ?? gzipSync(tar);
  const layer = { ...layout.add(broken.layerType ?? MediaType.layerGzip, content), ...broken.layerChange };
  const config = layout.add(MediaType.imageConfig, {
    ...platform,
    rootfs: { type: "layers", diff_ids: [sha256(tar)] },
    ...broken.configChange,
  });
  const manifest = layout.add(MediaType.imageManifest, {
    schemaVersion: 2,
    mediaType: MediaType.imageManifest,
    config,
    layers: [layer],
    ...broken.manifestChange,
  });
  layout.index({ ...manifest, ...broken.entryChange });
  return { layout, layer, config, manifest };
}

/** "rule document pointer" of each finding; digests become the names of what they are of. */
async function found(
  layout: MemoryLayout,
  parts: Readonly<Record<string, Descriptor>>,
  options?: ValidateOptions,
) {
  const { findings } = await validateImage(layout, options);
  const names = Object.entries(parts);
  return findings.map(({ rule, document, pointer }) => {
    const name = names.find(([, { digest }]) => digest === document)?.[0] ?? document;
    return [rule, name, pointer].join(" ").trim();
  });
}

test("a sound image has no finding", async () => {
  const { layout } = makeLayout();
  const report = await validateImage(layout);
  assert.deepEqual(report, { findings: [], errors: 0, warnings: 0, unlisted: 0, documents: 4, layers: 1 });
});

test("each rule is found broken in its document", async () => {
  const wrong = sha256("something else");
  const cases: readonly (readonly [name: string, broken: Broken, ...expected: string[]])[] = [
    ["a layer of another packing", { layer: tar }, "compression layer"],
    [
      "Docker's type for a plain tar",
      { layer: tar, layerType: MediaType.dockerLayerGzip },
      "compression-docker layer",
    ],
    [
      "a layer of another DiffID",
      { configChange: { rootfs: { type: "layers", diff_ids: [wrong] } } },
      "diff-id layer",
    ],
    [
      "a layer of an unknown type",
      { layerType: "application/x-tar" },
      "layer-type manifest /layers/0/mediaType",
    ],
    ["a layer of another size", { layerChange: { size: 5 } }, "size-mismatch layer"],
    [
      "embedded content of another digest",
      { layerChange: { size: 3, digest: wrong, data: "AAAA" } },
      "data-mismatch manifest /layers/0/data",
      "missing layer",
    ],
    ["a layer that is not there", { layerChange: { digest: wrong } }, "missing layer"],
    [
      "a layer that is not there and need not be",
      { layerChange: { digest: wrong, mediaType: MediaType.dockerForeignLayerGzip } },
      "missing-entry layer",
    ],
    [
      "a digest that cannot be computed",
      { layerChange: { digest: `blake2b:${"0".repeat(64)}` } },
      "digest-algorithm manifest /layers/0/digest",
      "missing layer",
    ],
    [
      "more DiffIDs than layers",
      { configChange: { rootfs: { type: "layers", diff_ids: [sha256(tar), wrong] } } },
      "layer-count config /rootfs/diff_ids",
    ],
    [
      "an image for another platform",
      { entryChange: { platform: { os: "linux", architecture: "arm64" } } },
      "platform-mismatch config",
    ],
    [
      "an image for another spelling of it",
      { entryChange: { platform: { os: "linux", architecture: "amd64", variant: "v1" } } },
    ],
    ["a broken manifest", { manifestChange: { schemaVersion: 1 } }, "schema-version manifest /schemaVersion"],
    [
      "M1: a manifest announced as an index",
      { entryChange: { mediaType: MediaType.imageIndex } },
      "document-media-type manifest /mediaType",
      "document-kind manifest /config",
      "document-kind manifest /layers",
      "required manifest /manifests",
    ],
    [
      "M2: a digest that is a path",
      { layerChange: { digest: "sha256:../../etc/passwd" } },
      "digest manifest /layers/0/digest",
    ],
    ["a manifest of another size", { entryChange: { size: 4 } }, "size-mismatch manifest"],
    ["a manifest of too many bytes", { entryChange: { size: 1e9 } }, "too-much index.json /manifests/0/size"],
    ["a manifest that is not there", { entryChange: { digest: wrong } }, `missing ${wrong}`],
    [
      "an entry of any type that is not there",
      { entryChange: { digest: wrong, mediaType: "a/b" } },
      `missing-entry ${wrong}`,
    ],
  ];
  for (const [name, broken, ...expected] of cases) {
    const { layout, ...parts } = makeLayout(broken);
    assert.deepEqual((await found(layout, parts)).sort(), [...expected].sort(), name);
  }
});

test("M3: content that is not what its digest says is told of, and judged all the same", async () => {
  const { layout, ...parts } = makeLayout();
  layout.blobs.set(parts.config.digest, Buffer.from('{"os":"linux"}'));
  layout.blobs.set(parts.layer.digest, gzipSync(Buffer.concat([tar, Buffer.from("more")])));
  assert.deepEqual(await found(layout, parts), [
    "size-mismatch config",
    "digest-mismatch config",
    "required config /architecture",
    "required config /rootfs",
    "size-mismatch layer",
    "digest-mismatch layer",
    "trailing-data layer",
  ]);
});

test("an entry of a layer is named with its number and its byte", async () => {
  const layer = Buffer.concat(
    await Array.fromAsync(
      writeTar([
        { type: "directory", path: "etc" },
        { type: "file", path: "../x" },
      ]),
    ),
  );
  const { layout, layer: descriptor } = makeLayout({
    layer: gzipSync(layer),
    configChange: { rootfs: { type: "layers", diff_ids: [sha256(layer)] } },
  });
  const { findings, errors } = await validateImage(layout);
  assert.equal(errors, 1);
  const { rule, document, entry, path, offset } = findings[0]!;
  assert.deepEqual(
    { rule, document, entry, path, offset },
    { rule: "name-escapes", document: descriptor.digest, entry: 1, path: "../x", offset: 512 },
  );
});

test("a layout's own files are judged", async () => {
  const { layout } = makeLayout();
  layout.setFile("oci-layout", { imageLayoutVersion: "9" });
  assert.deepEqual(await found(layout, {}), ["layout oci-layout /imageLayoutVersion"]);
  layout.files.delete("oci-layout");
  assert.deepEqual(await found(layout, {}), ["layout-file oci-layout"]);
  layout.files.delete("index.json");
  assert.deepEqual(await found(layout, {}), ["layout-file oci-layout", "layout-file index.json"]);
  assert.deepEqual(await found(new MemoryLayout().setFile("index.json", "{"), {}), ["json index.json"]);
});

test("one image of a layout can be named, one platform wanted, layers left out", async () => {
  const { layout, manifest } = makeLayout({ layer: tar });
  const other = layout.add(MediaType.imageManifest, { schemaVersion: 1 });
  const named = (descriptor: Descriptor, name: string) => ({
    ...descriptor,
    annotations: { "org.opencontainers.image.ref.name": name },
  });
  layout.index(
    named({ ...manifest, platform }, "good"),
    named({ ...other, platform: { ...platform, os: "windows" } }, "bad"),
  );
  assert.deepEqual(await found(layout, {}, { image: "good", layers: false }), []);
  assert.deepEqual(await found(layout, {}, { image: manifest.digest, layers: false }), []);
  assert.deepEqual(await found(layout, {}, { platform, layers: false }), []);
  assert.equal((await validateImage(layout, { image: "bad" })).errors, 3);
  assert.deepEqual(await found(layout, {}, { image: "none" }), ["no-image index.json /manifests"]);
});

test("M5 CVE-2026-53493: each document of a graph is visited once; depth and number are capped", async () => {
  const layout = new MemoryLayout();
  const index = (manifests: unknown[]) =>
    layout.add(MediaType.imageIndex, { schemaVersion: 2, mediaType: MediaType.imageIndex, manifests });
  let level = index([]);
  for (let depth = 0; depth < 7; depth++) level = index(Array.from({ length: 50 }, () => level));
  layout.index(level);
  assert.deepEqual(await found(layout, {}), []);
  assert.equal(layout.reads, 8);
  const image = index([]);
  const deep = index([level]);
  layout.index(deep);
  assert.deepEqual(
    (await found(layout, {})).map((text) => text.split(" ")[0]),
    ["too-much"],
  );
  layout.index(
    ...Array.from({ length: 2100 }, (_, n) =>
      index([{ ...image, annotations: { "com.example.n": String(n) } }]),
    ),
  );
  assert.deepEqual(
    (await found(layout, {})).map((text) => text.split(" ")[0]),
    ["too-much"],
  );
});

test("what two images share is told of once; an artifact's content is verified", async () => {
  const { layout, manifest, layer } = makeLayout({ layerChange: { size: 1 } });
  const artifact = layout.add(MediaType.imageManifest, {
    schemaVersion: 2,
    mediaType: MediaType.imageManifest,
    artifactType: "application/vnd.example",
    config: layout.add(MediaType.empty, "{}"),
    layers: [{ ...layout.add("text/plain", "note"), size: 9 }],
    annotations: { "com.example.a": "b" },
  });
  const again = layout.add(MediaType.imageManifest, {
    ...JSON.parse(Buffer.from(layout.blobs.get(manifest.digest)!).toString()),
    annotations: { "com.example.second": "yes" },
  });
  layout.index(manifest, again, artifact);
  const { errors, findings } = await validateImage(layout);
  assert.equal(errors, 2);
  assert.deepEqual(
    findings.map(({ document }) => document),
    [layer.digest, sha256("note")],
  );
});
