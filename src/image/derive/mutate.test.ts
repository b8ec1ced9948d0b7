import assert from "node:assert/strict";
import { after, test } from "node:test";
import { gunzipSync, gzipSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import type { TarInput } from "../../archive/index.ts";
import { readTar, writeTar } from "../../archive/index.ts";
import type { Descriptor, Platform } from "../../spec/index.ts";
import { isCortenError, MediaType, parseIndex } from "../../spec/index.ts";
import { diffImageFiles } from "../diff/diff.ts";
import { readSourceImage } from "../source-image.ts";
import { MemoryPlace, sha256 } from "../testing-image.ts";
import type { MutateOptions, Mutation } from "./mutate.ts";
import { mutateImage } from "./mutate.ts";
import { Workbench } from "./workbench.ts";

const file = (path: string, body = "x", more: Partial<TarInput> = {}): TarInput => ({
  type: "file",
  path,
  body: Buffer.from(body),
  ...more,
});
const tar = async (...entries: TarInput[]) => Buffer.concat(await Array.fromAsync(writeTar(entries)));
const added = (bytes: Uint8Array, name = "layer.tar") => ({
  name,
  open: async function* () {
    yield bytes;
  },
});

const base = await tar({ type: "directory", path: "etc" }, file("etc/a", "1"));
const own = await tar(file("app", "2", { mtime: { seconds: 1_700_000_000, nanoseconds: 5 } }));
const created = "2020-01-01T00:00:00Z";
const config = {
  created,
  config: { Env: ["PATH=/bin", "A=1"], Cmd: ["sh"], Labels: { old: "yes" } },
  history: [{ created_by: "base" }, { created_by: "env", empty_layer: true }, { created_by: "own" }],
  "com.example": 7,
};

function placeOf(layers: readonly Uint8Array[], more: object = config): MemoryPlace {
  const place = new MemoryPlace();
  return place.setRoot(place.addImage(layers, undefined, more));
}

/** Open until the end of the tests: a view reads from it. */
const benches: Workbench[] = [];
after(async () => {
  for (const bench of benches) await bench[Symbol.asyncDispose]();
});

async function mutated(place: MemoryPlace, mutation: Mutation, options?: MutateOptions) {
  const bench = new Workbench();
  benches.push(bench);
  const view = await mutateImage(place, bench, mutation, options);
  const root = await view.root();
  return { view, root, image: await readSourceImage(view, options) };
}

async function refused(
  place: MemoryPlace,
  mutation: Mutation,
  message: RegExp,
  options?: MutateOptions,
): Promise<void> {
  await assert.rejects(mutated(place, mutation, options), (error) => {
    assert.ok(isCortenError(error), String(error));
    assert.match(error.message, message);
    return true;
  });
}

test("without a change the image is the very same", async () => {
  const place = placeOf([base, own]);
  const { root } = await mutated(place, {});
  assert.deepEqual(root, await place.root());
});

test("the configuration is changed where it is said, and keeps what it had, fields of others too", async () => {
  const { image, root } = await mutated(placeOf([base, own]), {
    labels: { new: "1", empty: "" },
    env: ["A=2", "B=3=4"],
    entrypoint: ["/app"],
    cmd: [],
    user: "1000:1000",
    workingDir: "/srv",
    exposedPorts: ["80", "53/udp"],
    volumes: ["/data"],
    stopSignal: "SIGINT",
    annotations: { "com.example.k": "v" },
  });
  assert.deepEqual(image.config.config, {
    Env: ["PATH=/bin", "A=2", "B=3=4"],
    Labels: { old: "yes", new: "1", empty: "" },
    Entrypoint: ["/app"],
    User: "1000:1000",
    WorkingDir: "/srv",
    ExposedPorts: { "53/udp": {}, "80/tcp": {} },
    Volumes: { "/data": {} },
    StopSignal: "SIGINT",
  });
  assert.equal(JSON.parse(Buffer.from(image.rawConfig).toString())["com.example"], 7);
  assert.deepEqual(image.manifest.annotations, { "com.example.k": "v" });
  assert.deepEqual(image.config.history?.at(-1), {
    created,
    created_by:
      'corten image mutate: LABEL new=1; LABEL empty=; ENV A=2; ENV B=3=4; ENTRYPOINT ["/app"]; CMD []; USER 1000:1000; WORKDIR /srv; EXPOSE 80; EXPOSE 53/udp; VOLUME /data; STOPSIGNAL SIGINT',
    empty_layer: true,
  });
  assert.equal(root.descriptor.digest, sha256(root.bytes));
});

test("a new entrypoint takes the command away that was for the old one", async () => {
  const { image } = await mutated(placeOf([base, own]), { entrypoint: ["/app"] });
  assert.deepEqual([image.config.config?.Entrypoint, image.config.config?.Cmd], [["/app"], undefined]);
});

test("settings that make no sense are refused by name", async () => {
  const place = placeOf([base, own]);
  await refused(place, { env: ["A"] }, /invalid variable "A"/);
  await refused(place, { workingDir: "srv" }, /invalid working directory/);
  await refused(place, { exposedPorts: ["80/http"] }, /invalid port/);
  await refused(place, { volumes: ["data"] }, /invalid volume/);
  await refused(place, { stopSignal: "now please" }, /invalid stop signal/);
  await refused(place, { rewriteTimestamps: true }, /but none is given/);
  await refused(place, { platform: { os: "linux", architecture: "arm64" } }, /one platform cannot be set/, {
    all: true,
  });
});

test("a layer on top stays as it is packed; a plain one is packed; what is no layer is refused", async () => {
  const extra = await tar(file("extra"));
  for (const [bytes, mediaType] of [
    [extra, MediaType.layerGzip],
    [gzipSync(extra), MediaType.layerGzip],
    [zstdCompressSync(extra), MediaType.layerZstd],
  ] as const) {
    const { image, view } = await mutated(placeOf([base, own]), { append: [added(bytes)] });
    const layer = image.layers[2]!;
    assert.equal(layer.descriptor.mediaType, mediaType);
    assert.equal(layer.diffID, sha256(extra));
    if (bytes !== extra) assert.equal(layer.descriptor.digest, sha256(bytes));
    const content = Buffer.concat(await Array.fromAsync(await layer.open()));
    assert.equal(sha256(content), layer.descriptor.digest);
    const tail = await view.blob(layer.descriptor, { offset: 10 });
    assert.deepEqual(Buffer.concat(await Array.fromAsync(tail)), content.subarray(10));
    assert.deepEqual(image.config.history?.at(-1), {
      created,
      created_by: "corten image mutate: APPEND layer.tar",
    });
  }
  await refused(placeOf([base, own]), { append: [added(Buffer.from("no tar at all"))] }, /malformed tar/);
  await refused(placeOf([base, own]), { append: [added(new Uint8Array(0))] }, /holds no file/);
});

test("the same image and changes give the same digest, with times set and files no younger", async () => {
  const mutation: Mutation = {
    created: new Date(1_600_000_000_000),
    rewriteTimestamps: true,
    append: [added(own)],
  };
  const one = await mutated(placeOf([base, own]), mutation);
  const two = await mutated(placeOf([base, own]), mutation);
  assert.equal(one.root.descriptor.digest, two.root.descriptor.digest);
  assert.equal(one.image.config.created, "2020-09-13T12:26:40Z");
  // The base has nothing younger and stays.
  assert.equal(one.image.layers[0]!.diffID, sha256(base));
  assert.notEqual(one.image.layers[1]!.diffID, sha256(own));
  for (const layer of one.image.layers.slice(1)) {
    const bytes = Buffer.concat(await Array.fromAsync(await layer.open()));
    const plain = layer.descriptor.mediaType === MediaType.layer ? bytes : gunzipSync(bytes);
    for await (const { mtime } of readTar([plain]))
      assert.deepEqual(mtime, { seconds: 1_600_000_000, nanoseconds: 0 });
  }
});

test("an image is put on another base, whose history and digest it then tells", async () => {
  const newBase = await tar({ type: "directory", path: "etc" }, file("etc/a", "fixed"));
  const more = await tar(file("more"));
  const oldConfig = { history: [{ created_by: "base" }, { created_by: "env", empty_layer: true }] };
  const newPlace = placeOf([newBase, more], {
    architecture: "arm64",
    history: [{ created_by: "new" }, { created_by: "more" }],
  });
  const rebase = async () => ({
    oldBase: await readSourceImage(placeOf([base], oldConfig)),
    newBase: await readSourceImage(newPlace),
    newBaseName: "docker.io/library/base:2",
  });
  const { image } = await mutated(placeOf([base, own]), { rebase });
  assert.deepEqual(image.config.rootfs.diff_ids, [newBase, more, own].map(sha256));
  assert.deepEqual(image.config.history, [
    { created_by: "new" },
    { created_by: "more" },
    { created_by: "own" },
  ]);
  assert.equal(image.config.architecture, "arm64");
  assert.deepEqual(image.config.config?.Cmd, ["sh"]);
  assert.deepEqual(image.manifest.annotations, {
    "org.opencontainers.image.base.name": "docker.io/library/base:2",
    "org.opencontainers.image.base.digest": (await newPlace.root()).descriptor.digest,
  });
  for (const layer of image.layers)
    assert.equal(sha256(Buffer.concat(await Array.fromAsync(await layer.open()))), layer.descriptor.digest);
  await refused(placeOf([own, base]), { rebase }, /does not stand on memory:: layer 0/);
  await refused(placeOf([], { history: [] }), { rebase }, /layer 0 is another one/);
});

test("Docker's generation keeps its types and has no annotations", async () => {
  const place = new MemoryPlace();
  const layer = place.add(MediaType.dockerLayerGzip, gzipSync(base));
  const raw = place.add(MediaType.dockerConfig, {
    os: "linux",
    architecture: "amd64",
    rootfs: { type: "layers", diff_ids: [sha256(base)] },
  });
  place.setRoot(
    place.add(MediaType.dockerManifest, {
      schemaVersion: 2,
      mediaType: MediaType.dockerManifest,
      config: raw,
      layers: [layer],
    }),
  );
  const { image, root } = await mutated(place, { labels: { a: "b" }, append: [added(own)] });
  assert.equal(root.descriptor.mediaType, MediaType.dockerManifest);
  assert.equal(image.manifest.config.mediaType, MediaType.dockerConfig);
  assert.deepEqual(
    image.manifest.layers.map(({ mediaType }) => mediaType),
    [MediaType.dockerLayerGzip, MediaType.dockerLayerGzip],
  );
  await refused(place, { annotations: { a: "b" } }, /Docker's manifests have no annotations/);
  await refused(place, { append: [added(zstdCompressSync(own))] }, /no layers packed with zstd/);
});

test("of an index one platform is changed, or all, and attestations follow", async () => {
  const place = new MemoryPlace();
  const platforms: Platform[] = [
    { os: "linux", architecture: "amd64" },
    { os: "linux", architecture: "arm64" },
  ];
  const images = platforms.map((platform) => place.addImage([base], platform, { created }));
  const about = {
    "vnd.docker.reference.type": "attestation-manifest",
    "vnd.docker.reference.digest": images[0]!.digest,
  };
  const attestation: Descriptor = {
    ...place.addImage([own], { os: "unknown", architecture: "unknown" }),
    annotations: about,
  };
  place.setRoot(place.addIndex([...images, attestation]));
  const single = await mutated(place, { labels: { a: "b" } }, { platform: platforms[1]! });
  assert.equal(single.root.descriptor.mediaType, MediaType.imageManifest);
  assert.equal(single.image.config.architecture, "arm64");
  const { view, root } = await mutated(place, { labels: { a: "b" } }, { all: true });
  const { manifests } = parseIndex(root.bytes);
  assert.equal(manifests.length, 3);
  for (const [index, platform] of platforms.entries()) {
    assert.notEqual(manifests[index]!.digest, images[index]!.digest);
    assert.deepEqual(manifests[index]!.platform, platform);
    const { config: seen } = await readSourceImage(view, { platform });
    assert.deepEqual([seen.architecture, seen.config?.Labels], [platform.architecture, { a: "b" }]);
  }
  assert.equal(manifests[2]!.digest, attestation.digest);
  assert.equal(manifests[2]!.annotations?.["vnd.docker.reference.digest"], manifests[0]!.digest);
  const same = await mutated(place, {}, { all: true });
  assert.deepEqual(same.root, await place.root());
});

const names = fc.constantFrom("a", "b", "d/a", "d/b", "d/e/a", ".wh.a", "d/.wh.b", "d/.wh..wh..opq", ".wh.d");
const layers = fc.array(fc.uniqueArray(names, { maxLength: 6 }), { minLength: 1, maxLength: 4 });

test("flattened, an image has one layer and the same files", async () => {
  await fc.assert(
    fc.asyncProperty(layers, async (paths) => {
      const tars = await Promise.all(
        paths.map((list, index) =>
          tar(...list.map((path) => file(path, path.includes(".wh.") ? "" : `${path} of ${index}`))),
        ),
      );
      const place = placeOf(tars, {});
      const before = await readSourceImage(place);
      const { image } = await mutated(place, { flatten: true });
      assert.equal(image.layers.length, 1);
      assert.deepEqual(await Array.fromAsync(diffImageFiles(before, image, { mtime: true })), []);
      const archive = gunzipSync(Buffer.concat(await Array.fromAsync(await image.layers[0]!.open())));
      assert.equal(sha256(archive), image.layers[0]!.diffID);
      for await (const { path } of readTar([archive])) assert.ok(!path.includes(".wh."), path);
    }),
    { numRuns: 50 },
  );
});
