import assert from "node:assert/strict";
import { test } from "node:test";
import { MediaType } from "../../spec/index.ts";
import {
  digestOf,
  errorCode,
  manifestOf,
  startTestingRegistry,
  type TestingRegistry,
} from "../testing-registry.ts";

async function withImage(options = {}): Promise<TestingRegistry> {
  const registry = await startTestingRegistry(options);
  await registry.push("a/b", "config");
  await registry.push("a/b", "layer");
  return registry;
}

test("a manifest comes back byte for byte, under its tag and its digests", async () => {
  await using registry = await withImage();
  // Spaces and unknown fields are nobody's to change.
  const text = JSON.stringify(manifestOf("config", ["layer"], { "x-unknown": { kept: true } }), undefined, 3);
  const put = await registry.put("a/b", "v1", text);
  assert.equal(put.status, 201);
  assert.equal(put.headers.get("location"), `/v2/a/b/manifests/${digestOf(text)}`);
  for (const algorithm of ["sha512", "blake3"] as const)
    assert.equal((await registry.put("a/b", digestOf(text, algorithm), text)).status, 201);
  for (const reference of ["v1", digestOf(text), digestOf(text, "sha512"), digestOf(text, "blake3")]) {
    const got = await registry.call("GET", `a/b/manifests/${reference}`);
    assert.equal(await got.text(), text);
    assert.equal(got.headers.get("content-type"), MediaType.imageManifest);
    const head = await registry.call("HEAD", `a/b/manifests/${reference}`);
    assert.equal(head.headers.get("content-length"), String(Buffer.byteLength(text)));
    assert.equal(await head.text(), "");
  }
});

test("a document that two readers would read differently is refused (CVE-2021-41190)", async () => {
  await using registry = await withImage({ require: "nothing" });
  const manifest = manifestOf("config", ["layer"]);
  for (const [document, type] of [
    [{ ...manifest, manifests: [] }, MediaType.imageManifest],
    [{ ...manifest, manifests: [] }, MediaType.imageIndex],
    [manifest, MediaType.imageIndex],
    [{ ...manifest, mediaType: MediaType.imageIndex }, MediaType.imageManifest],
    [{ ...manifest, mediaType: MediaType.dockerManifest }, MediaType.imageManifest],
    [`{"schemaVersion":2,"schemaVersion":2,${JSON.stringify(manifest).slice(1)}`, MediaType.imageManifest],
    [{ ...manifest, schemaVersion: 1 }, MediaType.imageManifest],
    ["not JSON", MediaType.imageManifest],
    [manifest, "text/html"],
  ] as const) {
    const refused = await registry.put("a/b", "v1", document, type);
    assert.equal(refused.status, 400, JSON.stringify(document));
    assert.equal(await errorCode(refused), "MANIFEST_INVALID");
  }
});

test("a malformed subject or digest is an error reply (CVE-2026-95839, CVE-2024-3727)", async () => {
  await using registry = await withImage({ require: "nothing" });
  for (const subject of [
    { digest: "sha256:../../etc", size: 1, mediaType: MediaType.imageManifest },
    { digest: "", size: 1, mediaType: MediaType.imageManifest },
    { size: 1, mediaType: MediaType.imageManifest },
    { digest: digestOf("x"), size: -1, mediaType: MediaType.imageManifest },
    "sha256:x",
    [],
  ]) {
    const refused = await registry.put("a/b", "v1", manifestOf("config", ["layer"], { subject }));
    assert.equal(await errorCode(refused), "MANIFEST_INVALID", JSON.stringify(subject));
  }
  for (const digest of ["sha256:baddigeststring", `md5:${"0".repeat(32)}`, digestOf("other")]) {
    const refused = await registry.put("a/b", digest, manifestOf("config", ["layer"]));
    assert.equal(refused.status, 400, digest);
    assert.equal(await errorCode(refused), "DIGEST_INVALID");
  }
  const data = {
    ...manifestOf("config", []),
    config: { mediaType: "x/y", digest: digestOf("config"), size: 6, data: "b3RoZXIh" },
  };
  assert.equal(await errorCode(await registry.put("a/b", "v1", data)), "MANIFEST_INVALID");
});

test("what a manifest needs must be there, unless that is switched off", async () => {
  await using registry = await withImage();
  const refused = await registry.put("a/b", "v1", manifestOf("config", ["layer", "missing"]));
  assert.equal(refused.status, 400);
  const { errors } = (await refused.json()) as { errors: { code: string; detail: { digests: string[] } }[] };
  assert.equal(errors[0]?.code, "MANIFEST_BLOB_UNKNOWN");
  assert.deepEqual(errors[0]?.detail.digests, [digestOf("missing")]);
  // A blob of another repository is not there either.
  await registry.push("other", "missing");
  assert.equal((await registry.put("a/b", "v1", manifestOf("config", ["missing"]))).status, 400);
  const foreign = {
    mediaType: MediaType.layerNondistributable,
    digest: digestOf("far"),
    size: 3,
    urls: ["https://x/y"],
  };
  assert.equal(
    (await registry.put("a/b", "v1", { ...manifestOf("config", []), layers: [foreign] })).status,
    201,
  );
  const child = { mediaType: MediaType.imageManifest, digest: digestOf("child"), size: 5 };
  const index = { schemaVersion: 2, mediaType: MediaType.imageIndex, manifests: [child] };
  assert.equal((await registry.put("a/b", "index", index, MediaType.imageIndex)).status, 201);
  await using strict = await withImage({ require: "all" });
  assert.equal((await strict.put("a/b", "index", index, MediaType.imageIndex)).status, 400);
});

test("tags in the query are set with the manifest, all or none", async () => {
  await using registry = await withImage({ limits: { tagsPerPut: 12 } });
  const text = JSON.stringify(manifestOf("config", ["layer"]));
  const tags = Array.from({ length: 12 }, (_, index) => `t${index}`);
  const query = (names: readonly string[]) =>
    `${digestOf(text)}?${names.map((tag) => `tag=${tag}`).join("&")}`;
  const put = await registry.put("a/b", query(tags), text);
  assert.equal(put.status, 201);
  assert.deepEqual(put.headers.get("oci-tag")?.split(", "), tags);
  assert.equal((await registry.call("HEAD", "a/b/manifests/t11")).status, 200);
  assert.equal((await registry.put("a/b", query([...tags, "more"]), text)).status, 414);
  assert.equal((await registry.put("a/b", query(["good", "-bad"]), text)).status, 400);
  assert.equal((await registry.call("HEAD", "a/b/manifests/good")).status, 404);
});

test("4 MiB is accepted, more is 413", async () => {
  await using registry = await withImage();
  const sized = (size: number) => {
    const empty = JSON.stringify(manifestOf("config", ["layer"], { annotations: { a: "" } }));
    return empty.replace('"a":""', `"a":"${"x".repeat(size - empty.length)}"`);
  };
  const most = sized(4 * 1024 * 1024);
  assert.equal((await registry.put("a/b", "big", most)).status, 201);
  assert.equal(await (await registry.call("GET", "a/b/manifests/big")).text(), most);
  assert.equal((await registry.put("a/b", "big", sized(4 * 1024 * 1024 + 1))).status, 413);
});

test("a deleted tag leaves the manifest, a deleted manifest takes its tags, at once", async () => {
  await using registry = await withImage();
  const digest = digestOf(JSON.stringify(manifestOf("config", ["layer"])));
  for (const tag of ["one", "two"]) await registry.put("a/b", tag, manifestOf("config", ["layer"]));
  assert.equal((await registry.call("DELETE", "a/b/manifests/one")).status, 202);
  assert.equal((await registry.call("GET", "a/b/manifests/one")).status, 404);
  assert.equal((await registry.call("GET", `a/b/manifests/${digest}`)).status, 200);
  assert.equal((await registry.call("DELETE", `a/b/manifests/${digest}`)).status, 202);
  for (const reference of ["two", digest]) {
    assert.equal(
      await errorCode(await registry.call("GET", `a/b/manifests/${reference}`)),
      "MANIFEST_UNKNOWN",
    );
    assert.equal((await registry.call("DELETE", `a/b/manifests/${reference}`)).status, 404);
  }
  assert.deepEqual(await (await registry.call("GET", "a/b/tags/list")).json(), { name: "a/b", tags: [] });
});

test("deletes can be switched off", async () => {
  await using registry = await withImage({ deletes: false });
  await registry.put("a/b", "v1", manifestOf("config", ["layer"]));
  for (const path of ["a/b/manifests/v1", `a/b/blobs/${digestOf("layer")}`]) {
    const refused = await registry.call("DELETE", path);
    assert.equal(refused.status, 405);
    assert.equal(await errorCode(refused), "UNSUPPORTED");
  }
});

test("warnings reach the client, and cannot end a header", async () => {
  await using registry = await withImage({
    warnings: () => ['use "new"\r\nX-Evil: 1', "x".repeat(4096), "second"],
  });
  await registry.put("a/b", "v1", manifestOf("config", ["layer"]));
  const got = await registry.call("GET", "a/b/manifests/v1");
  assert.equal(got.headers.get("warning"), '299 - "use \\"new\\" X-Evil: 1", 299 - "second"');
  assert.equal(got.headers.get("x-evil"), null);
});
