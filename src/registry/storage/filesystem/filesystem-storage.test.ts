import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { openDatabase } from "../../../content/index.ts";
import type { ImageIndex } from "../../../spec/index.ts";
import { digestOf, manifestOf, startTestingRegistry } from "../../testing-registry.ts";
import { openFilesystemStorage } from "./filesystem-storage.ts";

const roots: string[] = [];
after(() => {
  for (const root of roots) rmSync(root, { recursive: true, force: true });
});

function freshRoot(): string {
  const directory = mkdtempSync(join(tmpdir(), "corten-registry-"));
  roots.push(directory);
  return join(directory, "registry");
}

function contentFiles(root: string): string[] {
  return readdirSync(join(root, "content")).flatMap((part) => readdirSync(join(root, "content", part)));
}

test("content is there again after a restart, and an upload goes on, under another algorithm too", async () => {
  const root = freshRoot();
  let location: string;
  {
    await using storage = openFilesystemStorage(root);
    await using registry = await startTestingRegistry({ storage });
    await registry.push("a/b", "config");
    await registry.push("a/b", "layer");
    assert.equal((await registry.put("a/b", "v1", manifestOf("config", ["layer"]))).status, 201);
    location = (await registry.call("POST", "a/b/blobs/uploads/")).headers.get("location")!;
    assert.equal((await registry.call("PATCH", location, { body: "first " })).status, 202);
  }
  await using storage = openFilesystemStorage(root);
  await using registry = await startTestingRegistry({ storage });
  const manifest = await registry.call("GET", "a/b/manifests/v1");
  assert.deepEqual(await manifest.json(), manifestOf("config", ["layer"]));
  assert.equal(await (await registry.call("GET", `a/b/blobs/${digestOf("layer")}`)).text(), "layer");
  assert.equal((await registry.call("GET", location)).headers.get("range"), "0-5");
  const digest = digestOf("first second", "sha512");
  const put = await registry.call("PUT", `${location}?digest=${digest}`, { body: "second" });
  assert.equal(put.status, 201);
  assert.equal(await (await registry.call("GET", `a/b/blobs/${digest}`)).text(), "first second");
  assert.equal(statSync(root).mode & 0o777, 0o700);
});

test("bytes that nobody has any more are removed, those of broken pushes included", async () => {
  const root = freshRoot();
  await using storage = openFilesystemStorage(root);
  {
    await using registry = await startTestingRegistry({ storage });
    const digest = await registry.push("a", "content");
    await registry.push("b", "content");
    // The second copy goes a moment after its push was answered.
    while (contentFiles(root).length > 1) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(contentFiles(root).length, 1);
    await registry.call("DELETE", `a/blobs/${digest}`);
    await registry.call("DELETE", `b/blobs/${digest}`);
    const location = (await registry.call("POST", "a/blobs/uploads/")).headers.get("location")!;
    await registry.call("PUT", `${location}?digest=${digestOf("other")}`, { body: "content" });
  }
  assert.deepEqual(contentFiles(root), []);
  assert.deepEqual(await storage.metadata.orphans(10), []);
});

test("each repository is an OCI layout, which follows what is pushed and deleted", async () => {
  const root = freshRoot();
  await using storage = openFilesystemStorage(root);
  await using registry = await startTestingRegistry({ storage });
  const layout = (name: string) => join(root, "repositories", name, "_layout");
  const index = (name: string) =>
    JSON.parse(readFileSync(join(layout(name), "index.json"), "utf8")) as ImageIndex;
  for (const name of ["a", "a/b"]) {
    await registry.push(name, "config");
    await registry.push(name, "layer");
    await registry.put(name, "v1", manifestOf("config", ["layer"]));
    await registry.put(name, "latest", manifestOf("config", ["layer"]));
    await registry.put(name, digestOf(JSON.stringify(manifestOf("config", []))), manifestOf("config", []));
  }
  await storage.settleLayouts();
  const entries = index("a/b").manifests.map(
    ({ annotations }) => annotations?.["org.opencontainers.image.ref.name"],
  );
  assert.deepEqual(entries, ["latest", "v1", undefined]);
  assert.deepEqual(JSON.parse(readFileSync(join(layout("a"), "oci-layout"), "utf8")), {
    imageLayoutVersion: "1.0.0",
  });
  const blob = join(layout("a"), "blobs", digestOf("layer").replace(":", "/"));
  assert.equal(readFileSync(blob, "utf8"), "layer");
  assert.equal(statSync(blob).nlink, 3);

  await registry.call("DELETE", "a/manifests/v1");
  await registry.call("DELETE", `a/blobs/${digestOf("layer")}`);
  await storage.settleLayouts();
  assert.equal(index("a").manifests.length, 2);
  assert.ok(!existsSync(blob));

  for (const { digest } of index("a").manifests) await registry.call("DELETE", `a/manifests/${digest}`);
  await registry.call("DELETE", `a/blobs/${digestOf("config")}`);
  await storage.settleLayouts();
  assert.ok(!existsSync(layout("a")));
  assert.ok(existsSync(layout("a/b")));
  assert.equal((await registry.call("GET", "a/tags/list")).status, 404);
});

test("a large blob passes in pieces, each range exact", async () => {
  await using storage = openFilesystemStorage(freshRoot());
  await using registry = await startTestingRegistry({ storage });
  const content = Buffer.alloc(5_000_001);
  for (let at = 0; at + 4 <= content.length; at += 4) content.writeUInt32LE(at, at);
  const path = `a/blobs/${await registry.push("a", content)}`;
  assert.deepEqual(Buffer.from(await (await registry.call("GET", path)).arrayBuffer()), content);
  for (const [start, end] of [
    [0, 1],
    [1_048_575, 1_048_577],
    [131_000, 4_000_000],
    [4_999_999, 5_000_001],
  ] as const) {
    const part = await registry.call("GET", path, { headers: { Range: `bytes=${start}-${end - 1}` } });
    assert.deepEqual(Buffer.from(await part.arrayBuffer()), content.subarray(start, end));
  }
});

test("layouts that a power cut may have damaged are written again in the next boot", async () => {
  const root = freshRoot();
  const text = JSON.stringify(manifestOf("config", []));
  const file = join(root, "repositories/a/_layout/blobs", digestOf(text).replace(":", "/"));
  {
    await using storage = openFilesystemStorage(root);
    await using registry = await startTestingRegistry({ storage });
    await registry.push("a", "config");
    await registry.put("a", "v1", text);
    await storage.settleLayouts();
  }
  assert.equal(readFileSync(file, "utf8"), text);
  writeFileSync(file, "");
  {
    using database = openDatabase(root);
    database.transaction(() => database.run("UPDATE layout_boot SET boot = 'another'"));
  }
  await using storage = openFilesystemStorage(root);
  await storage.settleLayouts();
  assert.equal(readFileSync(file, "utf8"), text);
});
