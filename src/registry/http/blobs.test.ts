import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf, errorCode, startTestingRegistry } from "../testing-registry.ts";

test("a blob comes back as it was pushed, whole and in parts", async () => {
  await using registry = await startTestingRegistry();
  const content = Buffer.from(Array.from({ length: 1000 }, (_, index) => index % 251));
  const path = `a/b/blobs/${await registry.push("a/b", content)}`;
  const whole = await registry.call("GET", path);
  assert.equal(whole.status, 200);
  assert.equal(whole.headers.get("docker-content-digest"), digestOf(content));
  assert.deepEqual(Buffer.from(await whole.arrayBuffer()), content);
  for (const [range, start, end] of [
    ["bytes=0-0", 0, 1],
    ["bytes=10-19", 10, 20],
    ["bytes=990-", 990, 1000],
    ["bytes=990-5000", 990, 1000],
    ["bytes=-7", 993, 1000],
    ["bytes=-5000", 0, 1000],
  ] as const) {
    const part = await registry.call("GET", path, { headers: { Range: range } });
    assert.equal(part.status, 206, range);
    assert.equal(part.headers.get("content-range"), `bytes ${start}-${end - 1}/1000`);
    assert.deepEqual(Buffer.from(await part.arrayBuffer()), content.subarray(start, end), range);
  }
});

test("ranges outside of the blob are 416, those that make no sense are left out", async () => {
  await using registry = await startTestingRegistry();
  const path = `a/blobs/${await registry.push("a", "0123456789")}`;
  for (const range of ["bytes=10-", "bytes=500-0", "bytes=5000-10000", "bytes=-0", "bytes=5-4"]) {
    const refused = await registry.call("GET", path, { headers: { Range: range } });
    assert.equal(refused.status, 416, range);
    assert.equal(refused.headers.get("content-range"), "bytes */10");
  }
  for (const range of ["bytes=-", "bytes=a-b", "lines=1-2", "bytes=0-1,3-4"]) {
    const whole = await registry.call("GET", path, { headers: { Range: range } });
    assert.equal(whole.status, 200, range);
    assert.equal(await whole.text(), "0123456789");
  }
});

test("a blob that did not change is not sent again, and If-Range guards a resumed download", async () => {
  await using registry = await startTestingRegistry();
  const path = `a/blobs/${await registry.push("a", "0123456789")}`;
  const etag = (await registry.call("HEAD", path)).headers.get("etag")!;
  assert.equal((await registry.call("GET", path, { headers: { "If-None-Match": etag } })).status, 304);
  const resumed = await registry.call("GET", path, { headers: { Range: "bytes=4-", "If-Range": etag } });
  assert.equal(await resumed.text(), "456789");
  const other = await registry.call("GET", path, { headers: { Range: "bytes=4-", "If-Range": '"other"' } });
  assert.equal(await other.text(), "0123456789");
});

test("a deleted blob is gone at once, here and nowhere else", async () => {
  await using registry = await startTestingRegistry();
  const digest = await registry.push("a", "shared");
  await registry.push("b", "shared");
  assert.equal((await registry.call("GET", `a/blobs/${digest}`)).status, 200);
  assert.equal((await registry.call("DELETE", `a/blobs/${digest}`)).status, 202);
  assert.equal((await registry.call("HEAD", `a/blobs/${digest}`)).status, 404);
  assert.equal(await errorCode(await registry.call("GET", `a/blobs/${digest}`)), "BLOB_UNKNOWN");
  assert.equal(await (await registry.call("GET", `b/blobs/${digest}`)).text(), "shared");
  assert.equal((await registry.call("DELETE", `a/blobs/${digest}`)).status, 404);
  assert.equal((await registry.call("DELETE", `b/blobs/${digest}`)).status, 202);
  assert.equal(await registry.push("a", "shared"), digest);
  assert.equal(await (await registry.call("GET", `a/blobs/${digest}`)).text(), "shared");
});

test("a digest that is none goes no further (CVE-2024-3727)", async () => {
  await using registry = await startTestingRegistry();
  for (const digest of [
    "sha256:..%2f..%2fetc%2fpasswd",
    "sha256:abc",
    "nothing",
    "sha256:",
    `sha256:${"A".repeat(64)}`,
  ]) {
    for (const method of ["GET", "DELETE"]) {
      const refused = await registry.call(method, `a/blobs/${digest}`);
      assert.equal(refused.status, 400, digest);
      assert.equal(await errorCode(refused), "DIGEST_INVALID");
    }
  }
});

test("repository names are checked, and words of the protocol may be part of them", async () => {
  await using registry = await startTestingRegistry();
  const digest = await registry.push("manifests/blobs/uploads/x", "content");
  assert.equal((await registry.call("HEAD", `manifests/blobs/uploads/x/blobs/${digest}`)).status, 200);
  for (const name of ["A", "a/../b", "a//b", "-a", "a".repeat(256), "a/%2e%2e/b"]) {
    const refused = await fetch(`${registry.origin}/v2/${name}/blobs/${digest}`, { redirect: "manual" });
    assert.ok([400, 404].includes(refused.status), `${name}: ${refused.status}`);
  }
});
