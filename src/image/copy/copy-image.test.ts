import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { gunzipSync, gzipSync, zstdDecompressSync } from "node:zlib";
import { openStore } from "../../content/index.ts";
import type { Descriptor, ErrorCode, ImageManifest } from "../../spec/index.ts";
import { isCortenError, MediaType, parseIndex, parseManifest } from "../../spec/index.ts";
import { openSink } from "../../transport/index.ts";
import { parsePlatform } from "../platform.ts";
import { StoreSink } from "../store-sink.ts";
import { StoreSource } from "../store-source.ts";
import { MemoryPlace, sha256 } from "../testing-image.ts";
import type { TransferEvent } from "../transfer-event.ts";
import { copyImage } from "./copy-image.ts";

const directory = mkdtempSync(join(tmpdir(), "corten-copy-"));
after(() => rmSync(directory, { recursive: true, force: true }));

const amd64 = parsePlatform("linux/amd64");
const arm64 = parsePlatform("linux/arm64");

/** An index of two images that share their lowest layer. */
function twoPlatforms(): { readonly source: MemoryPlace; readonly images: readonly Descriptor[] } {
  const source = new MemoryPlace();
  const shared = randomBytes(70_000);
  const images = [amd64, arm64].map((platform) => source.addImage([shared, randomBytes(50_000)], platform));
  source.setRoot(source.addIndex(images));
  return { source, images };
}

/** A manifest of gzip layers in Docker's generation. */
function dockerImage(source: MemoryPlace, layers: readonly Uint8Array[]): Descriptor {
  const config = source.add(MediaType.dockerConfig, {
    ...amd64,
    rootfs: { type: "layers", diff_ids: layers.map(sha256) },
  });
  return source.add(MediaType.dockerManifest, {
    schemaVersion: 2,
    mediaType: MediaType.dockerManifest,
    config,
    layers: layers.map((layer) => source.add(MediaType.dockerLayerGzip, gzipSync(layer))),
  });
}

function manifestAt(place: MemoryPlace, { digest, mediaType }: Descriptor): ImageManifest {
  return parseManifest(place.blobs.get(digest)!, mediaType);
}

async function refuses(run: Promise<unknown>, code: ErrorCode, message: RegExp): Promise<void> {
  await assert.rejects(run, (error) => {
    assert.ok(isCortenError(error, code), String(error));
    assert.match(error.message, message);
    return true;
  });
}

test("the image for one platform is copied, byte for byte", async () => {
  const { source, images } = twoPlatforms();
  const sink = new MemoryPlace();
  const root = await copyImage(source, sink, { platform: arm64 });
  assert.equal(root.descriptor.digest, images[1]!.digest);
  assert.deepEqual(root.bytes, source.blobs.get(images[1]!.digest));
  const { config, layers } = manifestAt(source, images[1]!);
  const wanted = [config, ...layers].map(({ digest }) => digest).sort();
  assert.deepEqual([...sink.blobs.keys()].sort(), wanted, "the root goes through commit alone");
  await refuses(
    copyImage(source, sink, { platform: parsePlatform("linux/riscv64") }),
    "not-found",
    /no image for linux\/riscv64/,
  );
});

test("all platforms are copied, each blob once", async () => {
  const { source } = twoPlatforms();
  const sink = new MemoryPlace();
  const root = await copyImage(source, sink, { multiArch: "all" });
  assert.deepEqual(root, await source.root());
  for (const [digest, bytes] of source.blobs) {
    if (digest !== root.descriptor.digest) assert.deepEqual(sink.blobs.get(digest), bytes);
  }
  assert.equal(source.requests.length, new Set(source.requests.map(({ digest }) => digest)).size);
});

test("what the destination has is not read", async () => {
  const { source } = twoPlatforms();
  const sink = new MemoryPlace();
  await copyImage(source, sink, { multiArch: "all" });
  source.requests.length = 0;
  const states: string[] = [];
  const onProgress = (event: TransferEvent): void => {
    if (event.type === "layer") states.push(event.state);
  };
  await copyImage(source, sink, { multiArch: "all", onProgress });
  assert.deepEqual(source.requests, []);
  assert.deepEqual([...new Set(states)], ["exists"]);
});

test("an index is copied without its images", async () => {
  const { source } = twoPlatforms();
  const sink = new MemoryPlace();
  const root = await copyImage(source, sink, { multiArch: "index-only" });
  assert.deepEqual([root, sink.blobs.size], [await source.root(), 0]);
  const lone = new MemoryPlace();
  lone.setRoot(lone.addImage([randomBytes(10)]));
  await refuses(copyImage(lone, sink, { multiArch: "index-only" }), "failed-precondition", /only an index/);
});

test("layers are packed anew, the same bytes each time, and unpack to the same", async () => {
  const { source, images } = twoPlatforms();
  const roots = await Promise.all(
    [1, 2].map(async () => {
      const sink = new MemoryPlace();
      return {
        sink,
        root: await copyImage(source, sink, { platform: amd64, convert: { compression: "gzip" } }),
      };
    }),
  );
  assert.deepEqual(roots[0]!.root, roots[1]!.root);
  const { sink, root } = roots[0]!;
  const before = manifestAt(source, images[0]!);
  const after = parseManifest(root.bytes, root.descriptor.mediaType);
  assert.deepEqual(after.config, before.config);
  for (const [at, layer] of after.layers.entries()) {
    assert.equal(layer.mediaType, MediaType.layerGzip);
    assert.equal(sha256(gunzipSync(sink.blobs.get(layer.digest)!)), before.layers[at]!.digest);
    assert.equal(layer.size, sink.blobs.get(layer.digest)!.length);
  }
});

test("zstd takes an image of Docker's generation to image-spec's, and its index with it", async () => {
  const source = new MemoryPlace();
  const content = randomBytes(30_000);
  const image = { ...dockerImage(source, [content]), platform: amd64 };
  source.setRoot(
    source.add(MediaType.dockerManifestList, {
      schemaVersion: 2,
      mediaType: MediaType.dockerManifestList,
      manifests: [image],
    }),
  );
  const sink = new MemoryPlace();
  const root = await copyImage(source, sink, { multiArch: "all", convert: { compression: "zstd" } });
  assert.equal(root.descriptor.mediaType, MediaType.imageIndex);
  const [entry] = parseIndex(root.bytes, MediaType.imageIndex).manifests;
  assert.deepEqual([entry!.mediaType, entry!.platform], [MediaType.imageManifest, amd64]);
  const { config, layers } = manifestAt(sink, entry!);
  assert.deepEqual([config.mediaType, layers[0]!.mediaType], [MediaType.imageConfig, MediaType.layerZstd]);
  assert.deepEqual(zstdDecompressSync(sink.blobs.get(layers[0]!.digest)!), content);
});

test("the generation of documents changes and their parts do not", async () => {
  const { source, images } = twoPlatforms();
  const there = new MemoryPlace();
  const docker = await copyImage(source, there, { multiArch: "all", convert: { format: "v2s2" } });
  assert.equal(docker.descriptor.mediaType, MediaType.dockerManifestList);
  const [entry] = parseIndex(docker.bytes, MediaType.dockerManifestList).manifests;
  const { config, layers } = manifestAt(there, entry!);
  assert.deepEqual(
    [config.mediaType, ...layers.map(({ mediaType }) => mediaType)],
    [MediaType.dockerConfig, MediaType.dockerLayer, MediaType.dockerLayer],
  );
  const back = new MemoryPlace();
  const oci = await copyImage(there, back, { multiArch: "all", convert: { format: "oci" } });
  assert.deepEqual(
    parseIndex(oci.bytes).manifests.map(({ digest, platform }) => ({ digest, platform })),
    images.map(({ digest, platform }) => ({ digest, platform })),
  );
});

test("an archive has its blobs in the same order each time, however long each takes to pack", async () => {
  const source = new MemoryPlace();
  const layers = [3_000_000, 10, 1_000_000, 20, 30].map((size) => randomBytes(size));
  source.setRoot(source.addImage(layers));
  const archives = [1, 4, 5].map((parallel) => ({
    parallel,
    path: join(directory, `ordered-${parallel}.tar`),
  }));
  for (const { parallel, path } of archives) {
    await using sink = await openSink({ kind: "oci-archive", path });
    await copyImage(source, sink, { parallel, convert: { compression: "zstd" } });
  }
  const [first, ...others] = archives.map(({ path }) => sha256(readFileSync(path)));
  assert.deepEqual(others, [first, first]);
});

test("what cannot be converted is refused before a byte is sent", async () => {
  const { source, images } = twoPlatforms();
  const { digest } = images[0]!;
  const both = { format: "v2s2", compression: "zstd" } as const;
  await refuses(copyImage(source, new MemoryPlace(), { convert: both }), "failed-precondition", /zstd/);
  const kept = { convert: { format: "v2s2" }, preserveDigests: true, platform: amd64 } as const;
  await refuses(copyImage(source, new MemoryPlace(), kept), "failed-precondition", new RegExp(digest));
  const artifact = new MemoryPlace();
  const config = artifact.add(MediaType.empty, "{}");
  const layers = [artifact.add("text/plain", "hello")];
  const manifest = {
    schemaVersion: 2,
    mediaType: MediaType.imageManifest,
    artifactType: "a/b",
    config,
    layers,
  };
  artifact.setRoot(artifact.add(MediaType.imageManifest, manifest));
  await refuses(
    copyImage(artifact, new MemoryPlace(), { convert: { format: "v2s2" } }),
    "failed-precondition",
    /"a\/b"/,
  );
  assert.deepEqual([source.requests, artifact.requests], [[], []]);
  // Packing concerns layers of images alone.
  const root = await copyImage(artifact, new MemoryPlace(), { convert: { compression: "zstd" } });
  assert.deepEqual(root, await artifact.root());
});

test("Docker's own zstd layers are no reason to change a manifest", async () => {
  const source = new MemoryPlace();
  const config = source.add(MediaType.dockerConfig, { ...amd64, rootfs: { type: "layers", diff_ids: [] } });
  const layers = [source.add(MediaType.dockerLayerZstd, randomBytes(9))];
  const manifest = { schemaVersion: 2, mediaType: MediaType.dockerManifest, config, layers };
  source.setRoot(source.add(MediaType.dockerManifest, manifest));
  for (const convert of [{}, { compression: "zstd" }] as const) {
    assert.deepEqual(await copyImage(source, new MemoryPlace(), { convert }), await source.root());
  }
});

test("layers that stand at their vendor are left there", async () => {
  const source = new MemoryPlace();
  const config = source.add(MediaType.imageConfig, { ...amd64, rootfs: { type: "layers", diff_ids: [] } });
  const foreign = {
    mediaType: MediaType.layerNondistributableGzip,
    digest: sha256("vendor"),
    size: 6,
    urls: ["https://vendor.example/layer"],
  };
  const manifest = { schemaVersion: 2, mediaType: MediaType.imageManifest, config, layers: [foreign] };
  source.setRoot(source.add(MediaType.imageManifest, manifest));
  const sink = new MemoryPlace();
  await copyImage(source, sink, {});
  assert.deepEqual([...sink.blobs.keys()], [config.digest]);
});

test("a transfer that is cut is tried again, so often as is allowed", async () => {
  const { source } = twoPlatforms();
  let cuts = 2;
  source.faults.beforeChunk = (_, offset) => {
    source.faults.cutAfter = offset === 0 && cuts-- > 0 ? 10 : Infinity;
  };
  const types: string[] = [];
  const onProgress = ({ type }: TransferEvent): number => types.push(type);
  source.faults.cutAfter = 10;
  await copyImage(source, new MemoryPlace(), { platform: amd64, parallel: 1, onProgress });
  assert.ok(types.includes("retry"));
  source.faults.beforeChunk = () => {};
  source.faults.cutAfter = 10;
  await refuses(copyImage(source, new MemoryPlace(), { retryTimes: 1 }), "unavailable", /connection cut/);
});

test("the manifests of one image together have a limit", async () => {
  const source = new MemoryPlace();
  const config = source.add(MediaType.imageConfig, { ...amd64, rootfs: { type: "layers", diff_ids: [] } });
  const padding = "x".repeat(3_900_000);
  const images = Array.from({ length: 18 }, (_, at) =>
    source.add(MediaType.imageManifest, {
      schemaVersion: 2,
      mediaType: MediaType.imageManifest,
      config,
      layers: [],
      annotations: { at: String(at), padding },
    }),
  );
  source.setRoot(source.addIndex(images));
  const copying = copyImage(source, new MemoryPlace(), { multiArch: "all" });
  await refuses(copying, "resource-exhausted", /manifests are more than/);
});

test("the store is a place like others", async () => {
  const { source } = twoPlatforms();
  using store = openStore(join(directory, "store"));
  {
    await using sink = new StoreSink(store, ["my/app:1", "my/app:2"]);
    await copyImage(source, sink, { multiArch: "all" });
  }
  const { descriptor } = await source.root();
  assert.deepEqual(
    store.names.of(descriptor.digest).map(({ name }) => name),
    ["docker.io/my/app:1", "docker.io/my/app:2"],
  );
  await store.collect();
  await using again = await StoreSource.open(store, "my/app:1", descriptor);
  const sink = new MemoryPlace();
  assert.deepEqual(await copyImage(again, sink, { multiArch: "all" }), await source.root());
  for (const [digest, bytes] of sink.blobs) assert.deepEqual(bytes, source.blobs.get(digest));
});

test("what is not what its digest names does not get into the store", async () => {
  const { source, images } = twoPlatforms();
  const [layer] = manifestAt(source, images[0]!).layers;
  source.faults.replaced.set(layer!.digest, randomBytes(layer!.size));
  using store = openStore(join(directory, "wrong"));
  await using sink = new StoreSink(store, ["my/app:1"]);
  await refuses(copyImage(source, sink, { platform: amd64 }), "data-loss", /does not have that digest/);
  assert.deepEqual(store.names.list(), []);
  const packed = { platform: amd64, convert: { compression: "gzip" } } as const;
  await refuses(copyImage(source, new MemoryPlace(), packed), "data-loss", /has the digest/);
});
