import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { gunzipSync, gzipSync, zstdCompressSync } from "node:zlib";
import { type TarInput, writeTar } from "../archive/index.ts";
import type { ImageManifest } from "../spec/index.ts";
import { isCortenError, MediaType, parseManifest } from "../spec/index.ts";
import { openImages } from "./image-set.ts";
import { openSource } from "./open.ts";
import {
  collect,
  contentsOf,
  describe,
  jsonBytes,
  type MemoryImage,
  sha256,
  smallImage,
} from "./testing-image.ts";

let directory: string;
let image: MemoryImage;
let manifest: ImageManifest;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), "corten-docker-"));
  image = await smallImage();
  manifest = parseManifest((await image.root()).bytes);
});
after(() => rm(directory, { recursive: true }));

const config = (): Uint8Array => image.blobs.get(manifest.config.digest)!;
const layer = (index: number): Uint8Array => image.blobs.get(manifest.layers[index]!.digest)!;
const tar = (index: number): Uint8Array => new Uint8Array(gunzipSync(layer(index)));
const file = (path: string, body: Uint8Array): TarInput => ({ type: "file", path, body });

async function place(name: string, entries: TarInput[]): Promise<string> {
  await writeFile(join(directory, name), await collect(writeTar(entries)));
  return `docker-archive:${join(directory, name)}`;
}

/** The form of Docker before version 25: a directory a layer, shared layers as links. */
function oldForm(layers = [tar(0), tar(1)]): TarInput[] {
  const id = sha256(config()).slice(7);
  const [first, second] = ["1".repeat(64), "2".repeat(64)];
  const saved = [
    {
      Config: `${id}.json`,
      RepoTags: ["alpine:3", "quay.io/a/b:c"],
      Layers: [`${first}/layer.tar`, `${second}/layer.tar`],
    },
    { Config: `${id}.json`, RepoTags: ["other:1"], Layers: [`${second}/link.tar`, `${second}/layer.tar`] },
  ];
  return [
    { type: "directory", path: first! },
    file(`${first}/VERSION`, new TextEncoder().encode("1.0")),
    file(`${first}/json`, jsonBytes({ id: first })),
    file(`${first}/layer.tar`, layers[0]!),
    { type: "directory", path: second! },
    file(`${second}/layer.tar`, layers[1]!),
    { type: "symlink", path: `${second}/link.tar`, linkPath: `../${first}/layer.tar` },
    file(`${id}.json`, config()),
    file("manifest.json", jsonBytes(saved)),
    file("repositories", jsonBytes({ alpine: { 3: second } })),
  ];
}

test("the old form gets a manifest of its own, the same each time", async () => {
  const at = await place("old.tar", oldForm());
  await using source = await openSource(`${at}:alpine:3`);
  const root = await source.root();
  assert.deepEqual(parseManifest(root.bytes, root.descriptor.mediaType), {
    schemaVersion: 2,
    mediaType: MediaType.imageManifest,
    config: manifest.config,
    layers: [0, 1].map((index) => ({
      mediaType: MediaType.layer,
      digest: sha256(tar(index)),
      size: tar(index).length,
    })),
  });
  const found = await contentsOf(source);
  for (const [digest, actual] of found) assert.equal(actual, digest);
  for (const ref of ["quay.io/a/b:c", "docker.io/library/alpine:3", "other:1"]) {
    await using again = await openSource(`${at}:${ref}`);
    assert.deepEqual((await again.root()).bytes, root.bytes, ref);
  }
});

test("a layer is read from an offset", async () => {
  await using source = await openSource(`${await place("offset.tar", oldForm())}:alpine:3`);
  const { layers } = parseManifest((await source.root()).bytes);
  const rest = await collect(await source.blob(layers[1]!, { offset: 1000 }));
  assert.deepEqual(rest, Buffer.from(tar(1).subarray(1000)));
});

test("compressed layers keep their compression", async () => {
  await using source = await openSource(`${await place("gzip.tar", oldForm([layer(0), tar(1)]))}:alpine:3`);
  const { layers } = parseManifest((await source.root()).bytes);
  assert.deepEqual(
    layers.map(({ mediaType }) => mediaType),
    [MediaType.layerGzip, MediaType.layer],
  );
});

test("the new form keeps the image's own manifest", async () => {
  const path = (digest: string): string => `blobs/${digest.replace(":", "/")}`;
  const { descriptor, bytes } = await image.root();
  const saved = [
    {
      Config: path(manifest.config.digest),
      RepoTags: ["a:1"],
      Layers: manifest.layers.map(({ digest }) => path(digest)),
    },
  ];
  const entries = [
    file(path(manifest.config.digest), config()),
    ...manifest.layers.map(({ digest }, index) => file(path(digest), layer(index))),
    file("manifest.json", jsonBytes(saved)),
  ];
  const layoutFiles = [
    file("oci-layout", jsonBytes({ imageLayoutVersion: "1.0.0" })),
    file("index.json", jsonBytes({ schemaVersion: 2, manifests: [descriptor] })),
  ];
  await using whole = await openSource(
    await place("new.tar", [...entries, ...layoutFiles, file(path(descriptor.digest), bytes)]),
  );
  assert.deepEqual((await whole.root()).descriptor, descriptor);
  assert.deepEqual(await contentsOf(whole), await contentsOf(image));
  const nested = jsonBytes({ schemaVersion: 2, mediaType: MediaType.imageIndex, manifests: [descriptor] });
  const nestedFiles = [
    layoutFiles[0]!,
    file("index.json", jsonBytes({ schemaVersion: 2, manifests: [describe(nested, MediaType.imageIndex)] })),
    file(path(sha256(nested)), nested),
    file(path(descriptor.digest), bytes),
  ];
  await using deeper = await openSource(await place("nested.tar", [...entries, ...nestedFiles]));
  assert.deepEqual((await deeper.root()).descriptor, descriptor);
  await using without = await openSource(await place("sparse.tar", [...entries, ...layoutFiles]));
  const made = await without.root();
  assert.deepEqual(parseManifest(made.bytes).layers, manifest.layers);
});

test("an archive that contradicts itself is refused", async () => {
  const cases: [name: string, entries: TarInput[], message: RegExp][] = [
    ["swapped.tar", oldForm([tar(1), tar(0)]), /has the digest .*, not/],
    ["no-manifest.tar", oldForm().filter(({ path }) => path !== "manifest.json"), /not a docker-archive/],
    ["no-layer.tar", oldForm().filter(({ path }) => !path.endsWith("1/layer.tar")), /has no 1+\/layer\.tar/],
    [
      "no-config.tar",
      oldForm().filter(({ path }) => !/^[0-9a-f]{64}\.json$/.test(path)),
      /has no [0-9a-f]+\.json/,
    ],
    [
      "bad-tag.tar",
      [file("manifest.json", jsonBytes([{ Config: "c", RepoTags: ["A"], Layers: [] }]))],
      /\/0\/RepoTags\/0/,
    ],
    ["no-array.tar", [file("manifest.json", jsonBytes({}))], /not an array/],
    [
      "count.tar",
      [
        file("manifest.json", jsonBytes([{ Config: "c", RepoTags: ["alpine:3"], Layers: [] }])),
        file("c", config()),
      ],
      /lists 0 layers/,
    ],
  ];
  for (const [name, entries, message] of cases) {
    const at = await place(name, entries);
    await using source = await openSource(`${at}:alpine:3`);
    await assert.rejects(source.root(), (error) => isCortenError(error) && message.test(error.message), name);
  }
});

test("an archive may be packed, or come through a pipe", async () => {
  const plain = await collect(writeTar(oldForm()));
  await using expected = await openSource(`${await place("plain.tar", oldForm())}:alpine:3`);
  const { descriptor } = await expected.root();
  const packed = {
    gzip: gzipSync(plain),
    zstd: zstdCompressSync(plain),
    members: Buffer.concat([gzipSync(plain.subarray(0, 999)), gzipSync(plain.subarray(999))]),
  };
  for (const [name, bytes] of Object.entries(packed)) {
    await writeFile(join(directory, name), bytes);
    await using source = await openSource(`docker-archive:${directory}/${name}:alpine:3`);
    assert.deepEqual((await source.root()).descriptor, descriptor, name);
  }
  const pipe = join(directory, "pipe");
  execFileSync("mkfifo", [pipe]);
  const writing = writeFile(pipe, packed.gzip);
  await using source = await openSource(`docker-archive:${pipe}:alpine:3`);
  await writing;
  assert.deepEqual((await source.root()).descriptor, descriptor);
});

test("each image of an archive can be opened by its name", async () => {
  const at = await place("listed.tar", oldForm());
  await using set = await openImages(join(directory, "listed.tar"));
  assert.equal(set.kind, "docker-archive");
  assert.deepEqual(
    set.images.map(({ names }) => names),
    [["docker.io/library/alpine:3", "quay.io/a/b:c"], ["docker.io/library/other:1"]],
  );
  for (const { names, source } of set.images) {
    await using named = await openSource(`${at}:${names[0]}`);
    assert.deepEqual((await named.root()).descriptor, (await source.root()).descriptor);
  }
  await assert.rejects(openImages(join(directory, "nowhere")), (error) => isCortenError(error, "not-found"));
  await place("unrelated.tar", [file("x", new Uint8Array(3))]);
  await assert.rejects(openImages(join(directory, "unrelated.tar")), (error) =>
    isCortenError(error, "invalid-argument"),
  );
});

test("all images of an archive are opened at once, those without a name too", async () => {
  const id = `${sha256(config()).slice(7)}.json`;
  const nameless = [
    { Config: id, RepoTags: null, Layers: ["a", "b"] },
    { Config: id, RepoTags: [], Layers: ["a", "b"] },
  ];
  const entries = [
    file(id, config()),
    file("a", tar(0)),
    file("b", tar(1)),
    file("manifest.json", jsonBytes(nameless)),
  ];
  await place("nameless.tar", entries);
  await using set = await openImages(join(directory, "nameless.tar"));
  assert.equal(set.kind, "docker-archive");
  assert.deepEqual(
    set.images.map(({ names }) => names),
    [[], []],
  );
  for (const { source } of set.images) {
    await using mine = source;
    for (const [digest, actual] of await contentsOf(mine)) assert.equal(actual, digest);
  }
});

test("several images need a name", async () => {
  const at = await place("several.tar", oldForm());
  await using source = await openSource(at);
  await assert.rejects(
    source.root(),
    (error) => isCortenError(error, "failed-precondition") && /alpine:3/.test(error.hint ?? ""),
  );
  await using missing = await openSource(`${at}:nothing:1`);
  await assert.rejects(missing.root(), (error) => isCortenError(error, "not-found"));
});
