import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import {
  digestOf,
  errorCode,
  startTestingRegistry,
  swept,
  type TestingRegistry,
} from "../testing-registry.ts";

const CONTENT = "first second third";
const DIGEST = digestOf(CONTENT);

async function begin(registry: TestingRegistry, repository = "a/b"): Promise<string> {
  const begun = await registry.call("POST", `${repository}/blobs/uploads/`);
  assert.equal(begun.status, 202);
  return begun.headers.get("location")!;
}

async function assertStored(registry: TestingRegistry, digest = DIGEST, repository = "a/b"): Promise<void> {
  assert.equal(await (await registry.call("GET", `${repository}/blobs/${digest}`)).text(), CONTENT);
}

test("a blob in one request, under either algorithm", async () => {
  await using registry = await startTestingRegistry();
  for (const algorithm of ["sha256", "sha512", "blake3"] as const) {
    const digest = digestOf(CONTENT, algorithm);
    const put = await registry.call("POST", `a/b/blobs/uploads/?digest=${digest}`, { body: CONTENT });
    assert.equal(put.status, 201);
    assert.equal(put.headers.get("location"), `/v2/a/b/blobs/${digest}`);
    await assertStored(registry, digest);
  }
});

test("chunks in order make a blob, one out of order is told where to go on", async () => {
  await using registry = await startTestingRegistry();
  let location = await begin(registry);
  for (const [range, body, status] of [
    ["0-5", "first ", 202],
    ["7-9", "late", 416],
    ["6-12", "second ", 202],
  ] as const) {
    const patched = await registry.call("PATCH", location, { body, headers: { "Content-Range": range } });
    assert.equal(patched.status, status, range);
    location = patched.headers.get("location")!;
  }
  const status = await registry.call("GET", location);
  assert.equal(status.status, 204);
  assert.equal(status.headers.get("range"), "0-12");
  const late = await registry.call("PUT", `${location}?digest=${DIGEST}`, {
    body: "third",
    headers: { "Content-Range": "0-4" },
  });
  assert.equal(late.status, 416);
  const put = await registry.call("PUT", `${location}?digest=${DIGEST}`, {
    body: "third",
    headers: { "Content-Range": "13-17" },
  });
  assert.equal(put.status, 201);
  await assertStored(registry);
  assert.equal(await errorCode(await registry.call("GET", location)), "BLOB_UPLOAD_UNKNOWN");
});

test("a stream of unknown length, then the digest of another algorithm than was announced", async () => {
  await using registry = await startTestingRegistry();
  const begun = await registry.call("POST", "a/b/blobs/uploads/?digest-algorithm=sha256");
  const location = begun.headers.get("location")!;
  const body = new ReadableStream({
    start(controller) {
      for (const part of CONTENT.split(/(?<= )/)) controller.enqueue(Buffer.from(part));
      controller.close();
    },
  });
  assert.equal((await registry.call("PATCH", location, { body })).status, 202);
  const digest = digestOf(CONTENT, "sha512");
  assert.equal((await registry.call("PUT", `${location}?digest=${digest}`)).status, 201);
  await assertStored(registry, digest);
});

test("what a broken connection brought is kept, and the upload goes on from there", async () => {
  await using registry = await startTestingRegistry();
  const location = await begin(registry);
  const { port } = new URL(registry.origin);
  const socket = connect(Number(port), "127.0.0.1");
  socket.write(`PATCH ${location} HTTP/1.1\r\nHost: x\r\nContent-Length: 13\r\n\r\nfirst `);
  const offset = async () => (await registry.call("GET", location)).headers.get("range");
  while ((await offset()) !== "0-5") await new Promise((resolve) => setTimeout(resolve, 5));
  const busy = await registry.call("PATCH", location, { body: "x" });
  assert.equal(busy.status, 409);
  assert.equal(busy.headers.get("retry-after"), "1");
  socket.destroy();
  for (;;) {
    const put = await registry.call("PUT", `${location}?digest=${DIGEST}`, {
      body: "second third",
      headers: { "Content-Range": "6-17" },
    });
    if (put.status === 409) continue;
    assert.equal(put.status, 201, await put.text());
    break;
  }
  await assertStored(registry);
});

test("content that does not have the promised digest is refused, and its upload ends", async () => {
  await using registry = await startTestingRegistry();
  const location = await begin(registry);
  const wrong = digestOf("something else");
  const refused = await registry.call("PUT", `${location}?digest=${wrong}`, { body: CONTENT });
  assert.equal(refused.status, 400);
  assert.equal(await errorCode(refused), "DIGEST_INVALID");
  assert.equal((await registry.call("GET", location)).status, 404);
  assert.equal((await registry.call("GET", `a/b/blobs/${wrong}`)).status, 404);
  for (const digest of ["sha256:bad", "md5:d41d8cd98f00b204e9800998ecf8427e", "sha256:../../etc"]) {
    const other = await registry.call("PUT", `${await begin(registry)}?digest=${digest}`, { body: CONTENT });
    assert.equal(other.status, 400, digest);
  }
});

test("an upload can be cancelled", async () => {
  await using registry = await startTestingRegistry();
  const location = await begin(registry);
  await registry.call("PATCH", location, { body: CONTENT });
  assert.equal((await registry.call("DELETE", location)).status, 204);
  assert.equal((await registry.call("GET", location)).status, 404);
  assert.equal((await registry.call("DELETE", location)).status, 404);
  assert.equal(await registry.storage.metadata.countUploads(), 0);
  await swept(registry.storage);
  for await (const _ of registry.storage.blobs.list()) assert.fail("bytes are left");
});

test("the empty blob", async () => {
  await using registry = await startTestingRegistry();
  const digest = digestOf("");
  const put = await registry.call("PUT", `${await begin(registry)}?digest=${digest}`);
  assert.equal(put.status, 201);
  const got = await registry.call("GET", `a/b/blobs/${digest}`);
  assert.equal(got.headers.get("content-length"), "0");
  assert.equal(await got.text(), "");
});

test("sizes have limits: 413 beyond them, 429 for too many uploads", async () => {
  await using registry = await startTestingRegistry({ limits: { blobSize: 10, uploads: 2 } });
  const location = await begin(registry);
  const announced = await registry.call("PATCH", location, { body: CONTENT });
  assert.equal(announced.status, 413);
  const stream = new ReadableStream({
    start(controller) {
      controller.enqueue(Buffer.from(CONTENT));
      controller.close();
    },
  });
  assert.equal((await registry.call("PATCH", location, { body: stream })).status, 413);
  await begin(registry);
  const refused = await registry.call("POST", "a/b/blobs/uploads/");
  assert.equal(refused.status, 429);
  assert.ok(Number(refused.headers.get("retry-after")) > 0);
  assert.equal(await errorCode(refused), "TOOMANYREQUESTS");
  await begin(registry, "other");
});

test("a length that is not the chunk's is refused", async () => {
  await using registry = await startTestingRegistry();
  const location = await begin(registry);
  const refused = await registry.call("PATCH", location, {
    body: "12345",
    headers: { "Content-Range": "0-9" },
  });
  assert.equal(refused.status, 400);
  assert.equal(await errorCode(refused), "SIZE_INVALID");
  assert.equal((await registry.call("GET", location)).headers.get("range"), "0-0");
});

test("concurrent pushes of one blob keep one copy", async () => {
  await using registry = await startTestingRegistry();
  const pushes = Array.from({ length: 20 }, (_, index) => registry.push(`r${index % 3}`, CONTENT));
  assert.deepEqual(new Set(await Promise.all(pushes)), new Set([DIGEST]));
  await swept(registry.storage);
  let count = 0;
  for await (const _ of registry.storage.blobs.list()) count++;
  assert.equal(count, 1);
});
