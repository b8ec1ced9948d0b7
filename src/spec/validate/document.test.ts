import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MediaType } from "../media-types.ts";
import { EMPTY_DIGEST } from "./descriptor.ts";
import type { Judged } from "./document.ts";
import { validateDocument, validateImageConfig, validateLayoutFile } from "./document.ts";

const HEX = "0123456789abcdef".repeat(4);
const DIGEST = `sha256:${HEX}`;
const layer = { mediaType: MediaType.layerGzip, digest: DIGEST, size: 7 };
const config = { mediaType: MediaType.imageConfig, digest: DIGEST, size: 7 };
const image = { mediaType: MediaType.imageManifest, digest: DIGEST, size: 7 };
const manifest = { schemaVersion: 2, mediaType: MediaType.imageManifest, config, layers: [layer] };
const index = { schemaVersion: 2, mediaType: MediaType.imageIndex, manifests: [image] };
const platform = { os: "linux", architecture: "amd64" };
const imageConfig = {
  created: "2015-10-31T22:22:56.015925234Z",
  ...platform,
  config: {
    User: "alice",
    ExposedPorts: { "8080/tcp": {}, "53/udp": {}, "9": {} },
    Env: ["PATH=/usr/local/sbin:/usr/bin", "FOO=oci_is_a", "BAR="],
    Entrypoint: ["/bin/my-app-binary"],
    Cmd: ["--foreground"],
    Volumes: { "/var/job-result-data": {} },
    WorkingDir: "/home/alice",
    Labels: { "com.example.project": "https://example.com/p.git", maintainer: "alice" },
    StopSignal: "SIGRTMIN+3",
  },
  rootfs: { type: "layers", diff_ids: [DIGEST] },
  history: [
    { created: "2015-10-31T22:22:54.690851953Z", created_by: "/bin/sh -c #(nop) ADD file" },
    { created: "2015-10-31T22:22:55+01:00", created_by: "/bin/sh -c #(nop) CMD", empty_layer: true },
  ],
};

/** What is expected: "rule pointer" each, in any order; nothing for a valid document. */
type Case = readonly [name: string, document: unknown, ...expected: string[]];

function bytesOf(document: unknown): Uint8Array {
  if (document instanceof Uint8Array) return document;
  return new TextEncoder().encode(typeof document === "string" ? document : JSON.stringify(document));
}

function expectAll(cases: readonly Case[], judge: (bytes: Uint8Array) => Judged<unknown>): void {
  for (const [name, document, ...expected] of cases) {
    const found = judge(bytesOf(document)).findings.map(({ rule, pointer }) => `${rule} ${pointer}`.trim());
    assert.deepEqual(found.sort(), [...expected].sort(), name);
  }
}

test("descriptors are judged by every rule of descriptor.md", () => {
  const at = "/layers/0";
  const cases: readonly (readonly [name: string, change: object, ...expected: string[]])[] = [
    ["the least there is", {}],
    ["a vendor's type with a suffix", { mediaType: "application/vnd.example.a-b_c+json" }],
    ["a type without subtype", { mediaType: "application" }, `media-type ${at}/mediaType`],
    ["a type of two slashes", { mediaType: "a/b/c" }, `media-type ${at}/mediaType`],
    ["a type with parameters", { mediaType: "text/plain; charset=utf-8" }, `media-type ${at}/mediaType`],
    ["a type that begins with a dot", { mediaType: ".a/b" }, `media-type ${at}/mediaType`],
    ["a type of 128 characters", { mediaType: `a/${"b".repeat(128)}` }, `media-type ${at}/mediaType`],
    ["no type", { mediaType: undefined }, `required ${at}/mediaType`],
    ["a number for a type", { mediaType: 1 }, `type ${at}/mediaType`],
    ["no digest", { digest: undefined }, `required ${at}/digest`],
    ["a digest that is null", { digest: null }, `required ${at}/digest`],
    ["a digest without algorithm", { digest: `:${HEX}` }, `digest ${at}/digest`],
    ["a digest without colon", { digest: HEX }, `digest ${at}/digest`],
    ["a digest without encoded part", { digest: "sha256:" }, `digest ${at}/digest`],
    ["a short sha256", { digest: "sha256:00" }, `digest ${at}/digest`],
    ["a sha256 in capitals", { digest: DIGEST.toUpperCase().replace("SHA", "sha") }, `digest ${at}/digest`],
    ["a digest that is a path", { digest: "sha256:../../etc/passwd" }, `digest ${at}/digest`],
    ["a sha512", { digest: `sha512:${HEX}${HEX}` }],
    ["a blake3", { digest: `blake3:${HEX}` }],
    [
      "an algorithm of parts",
      { digest: "sha256+b64u:LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g-YpeiGJm564" },
      `digest-algorithm ${at}/digest`,
    ],
    ["an algorithm with two separators", { digest: `sha256+.x:${HEX}` }, `digest ${at}/digest`],
    ["no size", { size: undefined }, `required ${at}/size`],
    ["a size in words", { size: "7" }, `size ${at}/size`],
    ["a size below zero", { size: -1 }, `size ${at}/size`],
    ["half a byte", { size: 7.5 }, `size ${at}/size`],
    ["a size beyond exact numbers", { size: 2 ** 60 }, `size ${at}/size`],
    ["addresses", { urls: ["https://example.com/a", "http://example.com/b"] }],
    ["an address that is none", { urls: ["value"] }, `url ${at}/urls/0`],
    ["an address of another scheme", { urls: ["ftp://example.com/a"] }, `url-scheme ${at}/urls/0`],
    ["one address for a list", { urls: "https://example.com" }, `type ${at}/urls`],
    ["annotations", { annotations: { "com.example.a": "b" } }],
    [
      "an annotation that is a number",
      { annotations: { "com.example.a": 1 } },
      `annotation ${at}/annotations/com.example.a`,
    ],
    ["annotations that are null", { annotations: null }, `null-field ${at}/annotations`],
    ["embedded content", { size: 2, data: "e30=" }],
    ["embedded content of another size", { size: 3, data: "e30=" }, `descriptor-data ${at}/data`],
    ["embedded content that is no base64", { size: 3, data: "{}.=" }, `descriptor-data ${at}/data`],
    ["an artifact's type", { artifactType: "application/vnd.example.sbom" }],
    ["an artifact's type that is none", { artifactType: "foo" }, `media-type ${at}/artifactType`],
    ["the empty descriptor", { mediaType: MediaType.empty, digest: EMPTY_DIGEST, size: 2, data: "e30=" }],
    ["an empty type for something else", { mediaType: MediaType.empty }, `empty-descriptor ${at}`],
    ["a deprecated type", { mediaType: MediaType.layerNondistributable }, `nondistributable ${at}/mediaType`],
  ];
  expectAll(
    cases.map(([name, change, ...expected]) => [
      name,
      { ...manifest, layers: [{ ...layer, ...change }] },
      ...expected,
    ]),
    (bytes) => validateDocument(bytes, MediaType.imageManifest),
  );
  expectAll(
    [["a word for a descriptor", { ...manifest, layers: ["x"] }, "type /layers/0"]],
    validateDocument,
  );
});

test("indexes are judged by every rule of image-index.md", () => {
  const entry = (change: object) => ({ ...index, manifests: [{ ...image, ...change }] });
  expectAll(
    [
      ["an index", index],
      ["an empty one", { ...index, manifests: [] }],
      ["one of any content", entry({ mediaType: "application/xml" })],
      ["a nested one", entry({ mediaType: MediaType.imageIndex })],
      [
        "one without its own type",
        { ...index, mediaType: undefined },
        "document-media-type-missing /mediaType",
      ],
      [
        "one of a manifest's type",
        { ...index, mediaType: MediaType.imageManifest },
        "document-media-type /mediaType",
      ],
      [
        "one of Docker's type",
        { ...index, mediaType: MediaType.dockerManifestList },
        "document-kind /mediaType",
      ],
      ["no list", { ...index, manifests: undefined }, "required /manifests"],
      ["null for a list", { ...index, manifests: null }, "required /manifests"],
      ["version 1", { ...index, schemaVersion: 1 }, "schema-version /schemaVersion"],
      ["a version in words", { ...index, schemaVersion: "2" }, "schema-version /schemaVersion"],
      ["no version", { ...index, schemaVersion: undefined }, "required /schemaVersion"],
      [
        "a platform",
        entry({ platform: { ...platform, variant: "v2", "os.version": "1", "os.features": ["a"] } }),
      ],
      [
        "a platform without system",
        entry({ platform: { architecture: "arm" } }),
        "required /manifests/0/platform/os",
      ],
      [
        "a platform without processor",
        entry({ platform: { os: "linux" } }),
        "required /manifests/0/platform/architecture",
      ],
      [
        "features that are no list",
        entry({ platform: { ...platform, "os.features": "a" } }),
        "type /manifests/0/platform/os.features",
      ],
      [
        "a processor of another naming",
        entry({ platform: { os: "linux", architecture: "x86_64" } }),
        "platform-name /manifests/0/platform/architecture",
      ],
      ["an attestation's platform", entry({ platform: { os: "unknown", architecture: "unknown" } })],
      [
        "two images for one platform",
        {
          ...index,
          manifests: [
            { ...image, platform },
            { ...image, digest: `sha256:${"0".repeat(64)}`, platform },
          ],
        },
        "platform-duplicate /manifests/1",
      ],
      ["layers as well", { ...index, layers: [] }, "document-kind /layers"],
      ["a configuration as well", { ...index, config }, "document-kind /config"],
      ["a subject", { ...index, subject: image, artifactType: "application/vnd.example" }],
      ["a broken subject", { ...index, subject: { ...image, size: -1 } }, "size /subject/size"],
    ],
    (bytes) => validateDocument(bytes, MediaType.imageIndex),
  );
});

test("manifests are judged by every rule of manifest.md", () => {
  const empty = { mediaType: MediaType.empty, digest: EMPTY_DIGEST, size: 2 };
  expectAll(
    [
      ["a manifest", manifest],
      ["one with fields of others", { ...manifest, "com.example": [1] }],
      [
        "an artifact",
        { ...manifest, config: empty, artifactType: "application/vnd.example", layers: [empty] },
      ],
      ["an artifact without type", { ...manifest, config: empty }, "artifact-type /artifactType"],
      ["no configuration", { ...manifest, config: undefined }, "required /config"],
      ["no layers", { ...manifest, layers: undefined }, "required /layers"],
      ["an empty list of layers", { ...manifest, layers: [] }, "no-layers /layers"],
      ["null for layers", { ...manifest, layers: null }, "required /layers"],
      ["one layer for a list", { ...manifest, layers: layer }, "type /layers"],
      ["an index's list as well", { ...manifest, manifests: [] }, "document-kind /manifests"],
      ["an index's type", { ...manifest, mediaType: MediaType.imageIndex }, "document-media-type /mediaType"],
      ["a subject", { ...manifest, subject: image }],
      ["a subject that is a word", { ...manifest, subject: "x" }, "type /subject"],
      ["an annotation of no words", { ...manifest, annotations: { "": "x" } }, "annotation /annotations/"],
      [
        "an annotation of one word",
        { ...manifest, annotations: { a: "x" } },
        "annotation-name /annotations/a",
      ],
      [
        "the keys of OCI",
        { ...manifest, annotations: { "org.opencontainers.image.created": "2020-01-01T00:00:00Z" } },
      ],
      [
        "keys of OCI with wrong values",
        {
          ...manifest,
          annotations: {
            "org.opencontainers.image.created": "yesterday",
            "org.opencontainers.image.base.digest": "x",
            "org.opencontainers.image.url": "x",
            "org.opencontainers.image.ref.name": "a b",
            "org.opencontainers.foo": "x",
          },
        },
        "time /annotations/org.opencontainers.image.created",
        "annotation-value /annotations/org.opencontainers.image.base.digest",
        "annotation-value /annotations/org.opencontainers.image.url",
        "ref-name /annotations/org.opencontainers.image.ref.name",
        "annotation-reserved /annotations/org.opencontainers.foo",
      ],
    ],
    (bytes) => validateDocument(bytes, MediaType.imageManifest),
  );
});

test("Docker's documents are judged alike", () => {
  const docker = {
    ...manifest,
    mediaType: MediaType.dockerManifest,
    config: { ...config, mediaType: MediaType.dockerConfig },
    layers: [{ ...layer, mediaType: MediaType.dockerLayerGzip }],
  };
  const list = { ...index, mediaType: MediaType.dockerManifestList };
  expectAll([["a manifest", docker]], (bytes) => validateDocument(bytes, MediaType.dockerManifest));
  expectAll([["a list", list]], (bytes) => validateDocument(bytes, MediaType.dockerManifestList));
  expectAll([["OCI's with Docker's parts", { ...manifest, config: docker.config }]], (bytes) =>
    validateDocument(bytes),
  );
  expectAll(
    [
      [
        "schema 1",
        { schemaVersion: 1, fsLayers: [] },
        "schema-version /schemaVersion",
        "document-media-type-missing /mediaType",
        "required /config",
        "required /layers",
      ],
    ],
    (bytes) => validateDocument(bytes),
  );
});

test("configurations are judged by every rule of config.md", () => {
  const execution = (change: object) => ({ ...imageConfig, config: { ...imageConfig.config, ...change } });
  const diffs = (change: unknown) => ({ ...imageConfig, rootfs: change });
  expectAll(
    [
      ["the example of config.md", imageConfig],
      ["the least there is", { ...platform, rootfs: { type: "layers", diff_ids: [DIGEST] } }],
      [
        "nulls for all that is optional",
        { ...imageConfig, created: null, author: null, config: null, history: null, variant: null },
      ],
      [
        "nulls in the execution",
        execution({ User: null, Env: null, Cmd: null, Volumes: null, Labels: null, StopSignal: null }),
      ],
      ["fields of others", { ...imageConfig, "com.example": 1, docker_version: "20" }],
      ["no system", { ...imageConfig, os: undefined }, "required /os"],
      ["no processor", { ...imageConfig, architecture: undefined }, "required /architecture"],
      [
        "a processor that is none",
        { ...imageConfig, architecture: "aarch64" },
        "platform-name /architecture",
      ],
      ["no rootfs", diffs(undefined), "required /rootfs"],
      ["a rootfs of another type", diffs({ type: "foo", diff_ids: [DIGEST] }), "rootfs-type /rootfs/type"],
      ["a rootfs without type", diffs({ diff_ids: [DIGEST] }), "required /rootfs/type"],
      ["a broken DiffID", diffs({ type: "layers", diff_ids: ["x"] }), "digest /rootfs/diff_ids/0"],
      ["too few DiffIDs", diffs({ type: "layers", diff_ids: [] }), "layer-count /rootfs/diff_ids"],
      [
        "null for DiffIDs",
        diffs({ type: "layers", diff_ids: null }),
        "null-field /rootfs/diff_ids",
        "layer-count /rootfs/diff_ids",
      ],
      ["a time without zone", { ...imageConfig, created: "2015-10-31T22:22:56" }, "time /created"],
      ["a day that is not", { ...imageConfig, created: "2015-02-30T22:22:56Z" }, "time /created"],
      ["a time that is a number", { ...imageConfig, created: 1 }, "type /created"],
      ["an author that is a number", { ...imageConfig, author: 1 }, "type /author"],
      ["variables without sign", execution({ Env: ["foo"] }), "env /config/Env/0"],
      ["variables without name", execution({ Env: ["=foo"] }), "env /config/Env/0"],
      ["variables of Windows", execution({ Env: ["=C:=C:\\"] }), "env /config/Env/0"],
      ["a variable twice", execution({ Env: ["A=1", "A=2"] }), "env-duplicate /config/Env/1"],
      ["variables that are a map", execution({ Env: { A: "1" } }), "type /config/Env"],
      ["a command that is a word", execution({ Cmd: "sh" }), "type /config/Cmd"],
      ["a user that is a number", execution({ User: 0 }), "type /config/User"],
      ["a user of three parts", execution({ User: "a:b:c" }), "user /config/User"],
      ["CVE-2024-40635: a user beyond 32 bits", execution({ User: "4294967296" }), "user /config/User"],
      [
        "a port of another protocol",
        execution({ ExposedPorts: { "80/http": {} } }),
        "port /config/ExposedPorts/80~1http",
      ],
      [
        "a port that is too high",
        execution({ ExposedPorts: { "70000": {} } }),
        "port /config/ExposedPorts/70000",
      ],
      ["a volume with a relative path", execution({ Volumes: { data: {} } }), "volume /config/Volumes/data"],
      ["volumes that are a list", execution({ Volumes: ["/data"] }), "type /config/Volumes"],
      ["a relative directory", execution({ WorkingDir: "src" }), "working-dir /config/WorkingDir"],
      ["a label that is a number", execution({ Labels: { a: 1 } }), "annotation /config/Labels/a"],
      ["a signal that is none", execution({ StopSignal: "please stop" }), "stop-signal /config/StopSignal"],
      ["reserved fields", execution({ Memory: 4096, CpuShares: 0 }), "reserved-field /config/Memory"],
      ["a deprecated field", execution({ ArgsEscaped: true }), "deprecated-field /config/ArgsEscaped"],
      ["a history of too many", { ...imageConfig, history: [{}, {}] }, "history /history"],
      ["a history of too few", { ...imageConfig, history: [] }, "history-short /history"],
      ["a history that is a map", { ...imageConfig, history: {} }, "type /history", "history-short /history"],
      [
        "a history with a broken time",
        { ...imageConfig, history: [{ created: "x" }] },
        "time /history/0/created",
      ],
      [
        "a history with a broken mark",
        { ...imageConfig, history: [{ empty_layer: "no" }] },
        "type /history/0/empty_layer",
      ],
    ],
    (bytes) => validateImageConfig(bytes, 1),
  );
});

test("a layout's header is judged by image-layout.md", () => {
  expectAll(
    [
      ["the header", { imageLayoutVersion: "1.0.0" }],
      ["no version", {}, "required /imageLayoutVersion"],
      ["another version", { imageLayoutVersion: "2.0.0" }, "layout /imageLayoutVersion"],
      ["a version that is a number", { imageLayoutVersion: 1 }, "type /imageLayoutVersion"],
    ],
    validateLayoutFile,
  );
});

test("what is no I-JSON is told with its place, and judged further where it can be", () => {
  const text = JSON.stringify(manifest);
  expectAll(
    [
      ["not JSON", "{", "json"],
      ["not UTF-8", new Uint8Array([0x22, 0xff, 0x22]), "json"],
      ["a byte order mark", `\ufeff${text}`, "json"],
      ["too deep", "[".repeat(500), "json"],
      ["no object", "[]", "type"],
      ["too large", " ".repeat(4 * 1024 * 1024 + 1), "document-size"],
      [
        "names that occur twice",
        text
          .replace("{", '{"layers":[],"a/b":{"x":1,"\\u0078":2},')
          .replace('"size":7', '"size":-1,"size":7'),
        "json-duplicate-name /a~1b/x",
        "json-duplicate-name /config/size",
        "json-duplicate-name /layers",
      ],
    ],
    validateDocument,
  );
});

test("every finding has a severity and names the clause; a document of faults alone is cut", () => {
  const faults = { ...manifest, layers: Array.from({ length: 5000 }, () => 1) };
  const { findings, cut } = validateDocument(bytesOf(faults));
  assert.equal(findings.length, 1000);
  assert.equal(cut, true);
  for (const { severity, clause } of findings) {
    assert.match(severity, /^(?:error|warning)$/);
    assert.notEqual(clause, "");
  }
});

test("whatever the document is, it is judged and not thrown at", () => {
  const anything = fc.oneof(fc.json(), fc.string()).map((text) => new TextEncoder().encode(text));
  const shaped = fc
    .record(
      {
        schemaVersion: fc.constantFrom<unknown>(1, 2, "2", null),
        mediaType: fc.constantFrom<unknown>(MediaType.imageManifest, MediaType.imageIndex, "x", 1),
        config: fc.oneof(fc.constant<unknown>(config), fc.jsonValue()),
        layers: fc.oneof(fc.array(fc.oneof(fc.constant<unknown>(layer), fc.jsonValue())), fc.jsonValue()),
        manifests: fc.oneof(fc.array(fc.oneof(fc.constant<unknown>(image), fc.jsonValue())), fc.jsonValue()),
        annotations: fc.jsonValue(),
        rootfs: fc.jsonValue(),
        history: fc.jsonValue(),
      },
      { requiredKeys: [] },
    )
    .map(bytesOf);
  fc.assert(
    fc.property(fc.oneof(anything, shaped, fc.uint8Array()), (bytes) => {
      validateDocument(bytes);
      validateImageConfig(bytes, 1);
      validateLayoutFile(bytes);
    }),
  );
});
