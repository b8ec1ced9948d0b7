import assert from "node:assert/strict";
import { after, test } from "node:test";
import { gzipSync } from "node:zlib";
import type { TarInput } from "../../archive/index.ts";
import { writeTar } from "../../archive/index.ts";
import { isCortenError, MediaType, parseIndex } from "../../spec/index.ts";
import { diffImageFiles } from "../diff/diff.ts";
import { readSourceImage } from "../source-image.ts";
import { MemoryPlace, sha256 } from "../testing-image.ts";
import type { ConvertLayersOptions } from "./convert.ts";
import { convertLayers } from "./convert.ts";
import { Workbench } from "./workbench.ts";

const benches: Workbench[] = [];
after(async () => {
  for (const bench of benches) await bench[Symbol.asyncDispose]();
});

const tar = async (...entries: TarInput[]) => Buffer.concat(await Array.fromAsync(writeTar(entries)));
const file = (path: string, body = "x"): TarInput => ({ type: "file", path, body: Buffer.from(body) });
const base = await tar({ type: "directory", path: "etc" }, file("etc/a", "1"), file("b", "2"));
const top = await tar(file("etc/.wh.a", ""), file("c", "3"));

async function converted(place: MemoryPlace, options: ConvertLayersOptions) {
  const bench = new Workbench();
  benches.push(bench);
  const view = await convertLayers(place, bench, options);
  return { view, root: await view.root(), image: await readSourceImage(view) };
}

const placeOf = (layers: readonly Uint8Array[]) => {
  const place = new MemoryPlace();
  return place.setRoot(place.addImage(layers));
};

test("layers in chunks keep the files, and the same image gives the same digest", async () => {
  const place = placeOf([base, top]);
  const before = await readSourceImage(place);
  for (const storage of ["estargz", "zstd:chunked"] as const) {
    const { image, root } = await converted(place, { storage });
    const changes = await Array.fromAsync(diffImageFiles(before, image));
    const own = storage === "estargz" ? ["/.no.prefetch.landmark", "/stargz.index.json"] : [];
    assert.deepEqual(
      changes.map(({ path }) => path),
      own,
    );
    const sameDiffIDs = storage === "zstd:chunked";
    assert.equal(
      image.layers.every(({ diffID }, index) => diffID === before.layers[index]!.diffID),
      sameDiffIDs,
    );
    const type = storage === "estargz" ? MediaType.layerGzip : MediaType.layerZstd;
    assert.deepEqual(
      image.layers.map(({ descriptor }) => descriptor.mediaType),
      [type, type],
    );
    assert.ok(image.layers.every(({ descriptor }) => Object.keys(descriptor.annotations ?? {}).length > 0));
    assert.equal((await converted(place, { storage })).root.descriptor.digest, root.descriptor.digest);
  }
});

test("an image that is eStargz already stays the very same", async () => {
  const once = await converted(placeOf([base, top]), { storage: "estargz" });
  const place = new MemoryPlace();
  for (const layer of once.image.layers)
    place.add(layer.descriptor.mediaType, Buffer.concat(await Array.fromAsync(await layer.open())));
  place.add(MediaType.imageConfig, once.image.rawConfig);
  place.add(MediaType.imageManifest, once.root.bytes);
  place.setRoot(once.root.descriptor);
  assert.deepEqual((await converted(place, { storage: "estargz" })).root, once.root);
});

test("EROFS layers are file systems whose digest is the DiffID", async () => {
  const { image } = await converted(placeOf([base, gzipSync(top)].slice(0, 1)), { storage: "erofs" });
  const [layer] = image.layers;
  assert.equal(layer!.descriptor.mediaType, "application/vnd.erofs.layer.v1");
  assert.equal(layer!.diffID, layer!.descriptor.digest);
  const bytes = Buffer.concat(await Array.fromAsync(await layer!.open()));
  assert.equal(bytes.readUInt32LE(1024), 0xe0f5e1e2);
  assert.equal(sha256(bytes), layer!.diffID);
});

test("what a storage cannot hold is refused, with the way out", async () => {
  const linked = await tar({ type: "hardlink", path: "h", linkPath: "b" });
  await assert.rejects(
    converted(placeOf([base, linked]), { storage: "erofs" }),
    (error) => isCortenError(error, "failed-precondition") && /flatten/.test(error.hint ?? ""),
  );
  const docker = new MemoryPlace();
  const layer = docker.add(MediaType.dockerLayerGzip, gzipSync(base));
  const config = docker.add(MediaType.dockerConfig, {
    os: "linux",
    architecture: "amd64",
    rootfs: { type: "layers", diff_ids: [sha256(base)] },
  });
  docker.setRoot(
    docker.add(MediaType.dockerManifest, {
      schemaVersion: 2,
      mediaType: MediaType.dockerManifest,
      config,
      layers: [layer],
    }),
  );
  await assert.rejects(
    converted(docker, { storage: "zstd:chunked" }),
    /Docker's generation has no layers of zstd:chunked/,
  );
  assert.equal(
    (await converted(docker, { storage: "estargz" })).image.layers[0]!.descriptor.mediaType,
    MediaType.dockerLayerGzip,
  );
  const odd = new MemoryPlace();
  const strange = odd.add("application/x-tar", base);
  const plain = odd.add(MediaType.imageConfig, {
    os: "linux",
    architecture: "amd64",
    rootfs: { type: "layers", diff_ids: [sha256(base)] },
  });
  odd.setRoot(odd.add(MediaType.imageManifest, { schemaVersion: 2, config: plain, layers: [strange] }));
  await assert.rejects(converted(odd, { storage: "estargz" }), /is no tar archive/);
});

test("every platform of an index is converted, and listed for its platform", async () => {
  const place = new MemoryPlace();
  const platforms = ["amd64", "arm64"].map((architecture) => ({ os: "linux", architecture }));
  place.setRoot(place.addIndex(platforms.map((platform) => place.addImage([base], platform))));
  const bench = new Workbench();
  benches.push(bench);
  const view = await convertLayers(place, bench, { storage: "zstd:chunked", all: true });
  const { manifests } = parseIndex((await view.root()).bytes);
  assert.deepEqual(
    manifests.map(({ platform }) => platform),
    platforms,
  );
  for (const platform of platforms) {
    const { layers, config } = await readSourceImage(view, { platform });
    assert.deepEqual(
      [config.architecture, layers[0]!.descriptor.mediaType],
      [platform.architecture, MediaType.layerZstd],
    );
  }
});
