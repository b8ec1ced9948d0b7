import assert from "node:assert/strict";
import { test } from "node:test";
import { parseVersionRange } from "../../spec/index.ts";
import { completeLimits } from "../options.ts";
import { digestOf, manifestOf, startTestingRegistry, type TestingRegistry } from "../testing-registry.ts";
import { type MirrorReport, runMirror } from "./mirror.ts";
import type { MirrorSettings } from "./mirror-settings.ts";

const INDEX = "application/vnd.oci.image.index.v1+json";
const MANIFEST = "application/vnd.oci.image.manifest.v1+json";

async function push(
  registry: TestingRegistry,
  repository: string,
  tag: string,
  config: string,
  more: object = {},
): Promise<string> {
  await registry.push(repository, config);
  const put = await registry.put(repository, tag, manifestOf(config, [], more));
  assert.equal(put.status, 201);
  return put.headers.get("docker-content-digest") ?? "";
}

function mirror(
  from: TestingRegistry,
  to: TestingRegistry,
  settings: Partial<MirrorSettings>,
): Promise<MirrorReport> {
  const registry = new URL(from.origin).host;
  const whole = {
    registry,
    name: "test",
    repositories: ["team/*"],
    prefix: "copy/",
    onlySigned: false,
    referrers: true,
  };
  return runMirror({ ...whole, ...settings }, { ...to.storage, limits: completeLimits() });
}

async function tagsIn(registry: TestingRegistry, repository: string): Promise<readonly string[]> {
  const response = await registry.call("GET", `${repository}/tags/list`);
  return response.status === 404 ? [] : ((await response.json()) as { tags: string[] }).tags;
}

test("repositories are copied by pattern, tags by pattern and version, and a second run fetches nothing", async () => {
  await using from = await startTestingRegistry();
  await using to = await startTestingRegistry();
  for (const tag of ["1.0.0", "1.4.0", "2.0.0", "latest"]) await push(from, "team/app", tag, `app ${tag}`);
  await push(from, "team/api", "1.2.0", "api");
  await push(from, "other/app", "1.2.0", "other");
  const settings = { versions: parseVersionRange("^1.1") };
  const first = await mirror(from, to, settings);
  assert.deepEqual(first.failures, []);
  assert.deepEqual([first.repositories, first.copied, first.current, first.blobs], [2, 2, 0, 2]);
  assert.deepEqual(await tagsIn(to, "copy/team/app"), ["1.4.0"]);
  assert.deepEqual(await tagsIn(to, "copy/team/api"), ["1.2.0"]);
  assert.deepEqual(await tagsIn(to, "copy/other/app"), []);
  const second = await mirror(from, to, settings);
  assert.deepEqual([second.copied, second.current, second.blobs, second.bytes], [0, 2, 0, 0]);
  await push(from, "team/app", "1.4.0", "app 1.4.0 again");
  assert.equal((await mirror(from, to, { tags: [(tag) => tag.startsWith("1.4")] })).copied, 1);
  const { config } = (await (await to.call("GET", "copy/team/app/manifests/1.4.0")).json()) as {
    config: { digest: string };
  };
  assert.equal(config.digest, digestOf("app 1.4.0 again"));
});

test("an index keeps its bytes, and of its images only the wanted platforms come", async () => {
  await using from = await startTestingRegistry();
  await using to = await startTestingRegistry();
  const manifests = [];
  for (const architecture of ["amd64", "arm64", "s390x"]) {
    const digest = await push(from, "team/app", architecture, architecture);
    manifests.push({ mediaType: MANIFEST, digest, size: 1, platform: { os: "linux", architecture } });
  }
  const put = await from.put("team/app", "multi", { schemaVersion: 2, mediaType: INDEX, manifests }, INDEX);
  assert.equal(put.status, 201);
  const platforms = [
    { os: "linux", architecture: "arm64" },
    { os: "linux", architecture: "amd64" },
  ];
  const report = await mirror(from, to, { tags: [(tag) => tag === "multi"], platforms });
  assert.deepEqual(report.failures, []);
  const index = await to.call("GET", "copy/team/app/manifests/multi");
  assert.equal(index.headers.get("docker-content-digest"), put.headers.get("docker-content-digest"));
  const statuses = [];
  for (const { digest } of manifests)
    statuses.push((await to.call("HEAD", `copy/team/app/manifests/${digest}`)).status);
  assert.deepEqual(statuses, [200, 200, 404]);
});

test("only what is signed comes where that is wanted, and its signature with it, also one made later", async () => {
  await using from = await startTestingRegistry();
  await using to = await startTestingRegistry();
  const sign = async (digest: string) => {
    const subject = { mediaType: MANIFEST, digest, size: 1 };
    const artifactType = "application/vnd.dev.sigstore.bundle.v0.3+json";
    await from.push("team/app", `signature of ${digest}`);
    const document = manifestOf(`signature of ${digest}`, [], { subject, artifactType });
    const put = await from.put("team/app", digestOf(JSON.stringify(document)), document);
    assert.equal(put.status, 201);
  };
  const signed = await push(from, "team/app", "signed", "one");
  const later = await push(from, "team/app", "later", "two");
  await sign(signed);
  const settings = { repositories: ["team/app"], onlySigned: true };
  const first = await mirror(from, to, settings);
  assert.deepEqual([first.copied, first.unsigned, first.failures], [1, 1, []]);
  assert.deepEqual(await tagsIn(to, "copy/team/app"), ["signed"]);
  const referrers = await (await to.call("GET", `copy/team/app/referrers/${signed}`)).json();
  assert.equal((referrers as { manifests: unknown[] }).manifests.length, 1);
  await sign(later);
  assert.equal((await mirror(from, to, settings)).copied, 1);
});

test("what cosign keeps under tags comes with its image, also when it has grown; an attestation is no signature", async () => {
  await using from = await startTestingRegistry({ require: "nothing" });
  await using to = await startTestingRegistry({ require: "nothing" });
  const app = await push(from, "team/app", "v1", "one");
  await push(from, "team/app", "v2", "two");
  const attested = await push(from, "team/app", "v3", "three");
  const document = manifestOf("attestation", [], {
    subject: { mediaType: MANIFEST, digest: attested, size: 1 },
    artifactType: "application/vnd.dev.sigstore.bundle.v0.3+json",
    annotations: { "dev.sigstore.bundle.predicateType": "https://spdx.dev/Document" },
  });
  await from.put("team/app", digestOf(JSON.stringify(document)), document);
  const tag = `${app.replace(":", "-")}.sig`;
  await push(from, "team/app", tag, "signature");
  const settings = { repositories: ["team/app"], onlySigned: true };
  const first = await mirror(from, to, settings);
  assert.deepEqual([first.copied, first.unsigned, first.failures], [1, 2, []]);
  assert.deepEqual(await tagsIn(to, "copy/team/app"), [tag, "v1"]);
  const grown = await push(from, "team/app", tag, "two signatures");
  assert.equal((await mirror(from, to, settings)).copied, 1);
  const here = await to.call("HEAD", `copy/team/app/manifests/${tag}`);
  assert.equal(here.headers.get("docker-content-digest"), grown);
  assert.equal((await mirror(from, to, settings)).current, 1);
});

test("what fails is reported and keeps nothing else back", async () => {
  await using from = await startTestingRegistry({ require: "nothing" });
  await using to = await startTestingRegistry();
  assert.equal((await from.put("team/app", "broken", manifestOf("never pushed", []))).status, 201);
  await push(from, "team/app", "whole", "config");
  const report = await mirror(from, to, { repositories: ["team/gone", "team/app"] });
  assert.equal(report.copied, 1);
  assert.deepEqual(
    report.failures.map(({ image }) => image.slice(image.indexOf("/") + 1)),
    ["team/gone", "team/app:broken"],
  );
  assert.deepEqual(await tagsIn(to, "copy/team/app"), ["whole"]);
});

test("indexes in indexes are copied, too deep ones are refused", async () => {
  await using from = await startTestingRegistry({ require: "nothing" });
  await using to = await startTestingRegistry();
  let digest = await push(from, "team/app", "leaf", "leaf");
  for (let depth = 0; depth < 12; depth++) {
    const document = {
      schemaVersion: 2,
      mediaType: INDEX,
      manifests: [{ mediaType: depth === 0 ? MANIFEST : INDEX, digest, size: 1 }],
    };
    const put = await from.put("team/app", `deep${depth}`, document, INDEX);
    digest = put.headers.get("docker-content-digest") ?? "";
  }
  const only = (wanted: string) => mirror(from, to, { tags: [(tag) => tag === wanted] });
  const { failures } = await only("deep11");
  assert.equal(failures.length, 1);
  assert.match(failures[0]!.error, /nested deeper than 8/);
  assert.deepEqual((await only("deep6")).failures, []);
});
