import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseDocument, parseIndex, parseManifest } from "./document.ts";
import { isCortenError } from "./error.ts";
import { parseImageConfig } from "./image-config.ts";
import { MediaType } from "./media-types.ts";

const HEX = "0123456789abcdef".repeat(4);
const descriptor = (mediaType: string) => ({ mediaType, digest: `sha256:${HEX}`, size: 7 });
const manifest = {
  schemaVersion: 2,
  mediaType: MediaType.imageManifest,
  config: descriptor(MediaType.imageConfig),
  layers: [descriptor(MediaType.layerGzip)],
};
const index = {
  schemaVersion: 2,
  mediaType: MediaType.imageIndex,
  manifests: [descriptor(MediaType.imageManifest)],
};
const config = {
  architecture: "amd64",
  os: "linux",
  rootfs: { type: "layers", diff_ids: [`sha256:${HEX}`] },
};
const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

function refuses(run: () => unknown, pointer: string | undefined, message?: RegExp): void {
  assert.throws(run, (error) => {
    assert.ok(isCortenError(error), String(error));
    assert.equal(error.pointer, pointer, error.message);
    if (message !== undefined) assert.match(error.message, message);
    return true;
  });
}

test("a manifest keeps the parts that the specification names", () => {
  const subject = descriptor(MediaType.imageManifest);
  const full = { ...manifest, annotations: { a: "b" }, artifactType: "x/y", subject };
  assert.deepEqual(parseManifest(bytes({ ...full, unknown: [1] }), MediaType.imageManifest), full);
  assert.deepEqual(parseManifest(bytes({ ...manifest, annotations: null, subject: null })), manifest);
});

test("Docker's types are accepted", () => {
  const docker = {
    ...manifest,
    mediaType: MediaType.dockerManifest,
    config: descriptor(MediaType.dockerConfig),
  };
  assert.equal(
    parseManifest(bytes(docker), MediaType.dockerManifest).config.mediaType,
    MediaType.dockerConfig,
  );
  const list = { ...index, mediaType: MediaType.dockerManifestList };
  assert.equal(parseDocument(bytes(list), MediaType.dockerManifestList).kind, "index");
});

test("M1 CVE-2021-41190: a document that is two things, or not what it was announced as, is refused", () => {
  const both = { ...manifest, mediaType: undefined, manifests: index.manifests };
  refuses(() => parseManifest(bytes(both)), "/manifests");
  refuses(() => parseIndex(bytes(both)), "/layers");
  refuses(() => parseDocument(bytes(both), MediaType.imageIndex), "/layers");
  refuses(() => parseDocument(bytes(both), MediaType.imageManifest), "/manifests");
  refuses(() => parseDocument(bytes(both)), "/layers");
  refuses(() => parseIndex(bytes({ ...index, config: manifest.config })), "/config");
  refuses(() => parseManifest(bytes(manifest), MediaType.dockerManifest), "/mediaType", /was announced as/);
  refuses(() => parseDocument(bytes(manifest), MediaType.imageIndex), "/layers");
  refuses(() => parseManifest(bytes({ ...manifest, mediaType: MediaType.imageIndex })), "/mediaType");
  refuses(() => parseManifest(bytes(manifest), MediaType.imageIndex), "");
  refuses(() => parseDocument(bytes(manifest), "text/html"), undefined, /neither manifest nor index/);
});

test("M2 CVE-2024-3727: a digest outside the grammar is refused before anything uses it", () => {
  for (const digest of [
    "sha256:../../etc",
    HEX,
    "sha256:",
    `sha256:${HEX.toUpperCase()}`,
    "sha256:abc",
    "../x:y",
    7,
  ]) {
    const layers = [manifest.layers[0], { ...manifest.layers[0], digest }];
    refuses(() => parseManifest(bytes({ ...manifest, layers })), "/layers/1/digest");
  }
});

test("a manifest that misses or mistypes a field is refused with the pointer", () => {
  const cases: [change: object, pointer: string][] = [
    [{ schemaVersion: undefined }, "/schemaVersion"],
    [{ schemaVersion: 3 }, "/schemaVersion"],
    [{ schemaVersion: "2" }, "/schemaVersion"],
    [{ config: undefined }, "/config"],
    [{ config: [] }, "/config"],
    [{ config: { ...manifest.config, size: -1 } }, "/config/size"],
    [{ config: { ...manifest.config, size: 1.5 } }, "/config/size"],
    [{ config: { ...manifest.config, size: 2 ** 53 } }, "/config/size"],
    [{ config: { ...manifest.config, mediaType: undefined } }, "/config/mediaType"],
    [{ layers: undefined }, "/layers"],
    [{ layers: {} }, "/layers"],
    [{ layers: [null] }, "/layers/0"],
    [{ annotations: { a: 1 } }, "/annotations/a"],
    [{ config: { ...manifest.config, data: "e30=" } }, "/config/data"],
    [{ config: { ...manifest.config, data: "e30", size: 2 } }, "/config/data"],
    [{ config: { ...manifest.config, urls: "x" } }, "/config/urls"],
    [{ config: { ...manifest.config, platform: { os: "linux" } } }, "/config/platform/architecture"],
    [{ subject: { digest: `sha256:${HEX}` } }, "/subject/mediaType"],
  ];
  for (const [change, pointer] of cases)
    refuses(() => parseManifest(bytes({ ...manifest, ...change })), pointer);
  refuses(() => parseManifest(bytes([])), "");
  refuses(() => parseManifest(new Uint8Array(5_000_000)), undefined, /5000000 bytes, more than 4194304/);
});

test("schema 1 is refused with a way out", () => {
  for (const type of [undefined, "application/vnd.docker.distribution.manifest.v1+prettyjws"]) {
    assert.throws(
      () => parseDocument(bytes({ schemaVersion: 1, fsLayers: [] }), type),
      (error) =>
        isCortenError(error, "unimplemented") &&
        /\/schemaVersion is 1/.test(error.message) &&
        /push the image again/.test(error.hint ?? ""),
    );
  }
});

test("an index may be empty but must have its list", () => {
  assert.deepEqual(parseIndex(bytes({ schemaVersion: 2, manifests: [] })), {
    schemaVersion: 2,
    manifests: [],
  });
  refuses(() => parseIndex(bytes({ schemaVersion: 2 })), "/manifests", /\/manifests is missing/);
});

test("a configuration may hold nulls and unknown fields, not an unknown rootfs type", () => {
  const nulls = { created: null, author: null, history: null, "os.features": null, extra: { a: 1 } };
  assert.deepEqual(parseImageConfig(bytes({ ...config, ...nulls, config: null })), config);
  const execution = {
    Env: ["A=1"],
    Cmd: null,
    ExposedPorts: { "80/tcp": {} },
    Volumes: { "/v": null },
    Labels: null,
  };
  const history = [{ created_by: "x", comment: null, empty_layer: true }];
  assert.deepEqual(parseImageConfig(bytes({ ...config, config: execution, history })), {
    ...config,
    config: { Env: ["A=1"], ExposedPorts: { "80/tcp": {} }, Volumes: { "/v": {} } },
    history: [{ created_by: "x", empty_layer: true }],
  });
  refuses(
    () => parseImageConfig(bytes({ ...config, rootfs: { type: "other", diff_ids: [] } })),
    "/rootfs/type",
  );
  refuses(() => parseImageConfig(bytes({ ...config, os: undefined })), "/os", /\/os is missing/);
  refuses(() => parseImageConfig(bytes({ ...config, config: { Env: [1] } })), "/config/Env/0");
  refuses(() => parseImageConfig(bytes({ ...config, config: { Labels: { a: 1 } } })), "/config/Labels/a");
  refuses(
    () => parseImageConfig(bytes({ ...config, rootfs: { type: "layers", diff_ids: ["x"] } })),
    "/rootfs/diff_ids/0",
  );
});

test("any JSON is either read or refused with a CortenError", () => {
  const names = [
    "schemaVersion",
    "mediaType",
    "config",
    "layers",
    "manifests",
    "digest",
    "size",
    "annotations",
    "rootfs",
    "type",
    "diff_ids",
    "os",
    "history",
    "platform",
    "data",
    "__proto__",
  ];
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      fc.constantFrom(
        null,
        2,
        1,
        -1,
        "",
        "layers",
        `sha256:${HEX}`,
        MediaType.imageManifest,
        MediaType.imageIndex,
      ),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom(...names), tie("value"), { maxKeys: 6 }),
    ),
  }));
  fc.assert(
    fc.property(
      value,
      fc.constantFrom(undefined, MediaType.imageManifest, MediaType.imageIndex),
      (document, type) => {
        for (const read of [
          () => parseDocument(bytes(document), type),
          () => parseImageConfig(bytes(document)),
        ]) {
          try {
            read();
          } catch (error) {
            assert.ok(isCortenError(error), String(error));
          }
        }
      },
    ),
    { numRuns: 1000 },
  );
});
