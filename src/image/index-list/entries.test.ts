import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { Store } from "../../content/index.ts";
import { openStore } from "../../content/index.ts";
import type { ErrorCode, ImageIndex } from "../../spec/index.ts";
import { isCortenError, MediaType, parseIndex } from "../../spec/index.ts";
import { parsePlatform } from "../platform.ts";
import { pull } from "../pull.ts";
import { MemoryPlace } from "../testing-image.ts";
import { createIndex, editIndex, readIndex } from "./edit.ts";
import { addToIndex, annotateEntry, annotateIndex, withoutEntry } from "./entries.ts";

const directory = mkdtempSync(join(tmpdir(), "corten-index-"));
after(() => rmSync(directory, { recursive: true, force: true }));

let roots = 0;
const freshStore = () => openStore(join(directory, `root-${roots++}`));
const amd64 = parsePlatform("linux/amd64");
const arm64 = parsePlatform("linux/arm64");

async function listed(store: Store, name: string): Promise<ImageIndex> {
  const { descriptor } = await readIndex(store, name);
  return parseIndex(await store.read(descriptor), descriptor.mediaType);
}

async function refuses(run: Promise<unknown>, code: ErrorCode): Promise<void> {
  await assert.rejects(run, (error) => {
    assert.ok(isCortenError(error, code), String(error));
    return true;
  });
}

test("images of several places become one index, which keeps them", async () => {
  using store = freshStore();
  await createIndex(store, "team/app:1");
  const one = new MemoryPlace();
  one.setRoot(one.addImage([randomBytes(100)], amd64));
  const two = new MemoryPlace();
  const images = [amd64, arm64].map((platform) => two.addImage([randomBytes(100)], platform));
  two.setRoot(two.addIndex(images));
  await addToIndex(store, "team/app:1", one);
  const [added] = await addToIndex(store, "team/app:1", two, { settings: { architecture: "arm64" } });
  assert.equal(added, images[1]!.digest);
  await store.collect();
  const { manifests } = await listed(store, "team/app:1");
  assert.deepEqual(
    manifests.map(({ platform }) => platform?.architecture),
    ["amd64", "arm64"],
  );
  for (const entry of manifests) assert.ok(store.has(entry));
  const sink = new MemoryPlace();
  await refuses(addToIndex(store, "none:1", one), "not-found");
  await refuses(pull(store, sink, { name: "x" }), "not-found");
});

test("all images of an index are added, and one that is there is not there twice", async () => {
  using store = freshStore();
  await createIndex(store, "all:1");
  const source = new MemoryPlace();
  const images = [amd64, arm64].map((platform) => source.addImage([randomBytes(100)], platform));
  source.setRoot(source.addIndex([source.addIndex(images), images[0]!]));
  await addToIndex(store, "all:1", source, { all: true });
  await addToIndex(store, "all:1", source, { settings: { architecture: "arm64", annotations: { a: "b" } } });
  const { manifests } = await listed(store, "all:1");
  assert.deepEqual(
    manifests.map(({ digest, annotations }) => [digest, annotations]),
    [
      [images[0]!.digest, undefined],
      [images[1]!.digest, { a: "b" }],
    ],
  );
  const both = { all: true, settings: { os: "linux" } };
  await refuses(addToIndex(store, "all:1", source, both), "invalid-argument");
});

test("what an index says is changed, and what it says beyond that stays", async () => {
  using store = freshStore();
  await createIndex(store, "edit:1");
  const source = new MemoryPlace();
  source.setRoot(source.addImage([randomBytes(100)], amd64));
  const [digest] = await addToIndex(store, "edit:1", source);
  using lease = store.lease();
  await editIndex(store, "edit:1", (index) => ({ ...index, strange: { kept: true } }), lease);
  const settings = { variant: "v2", features: ["sse4"], osVersion: "1", annotations: { left: "right" } };
  await editIndex(store, "edit:1", (index) => annotateEntry(index, digest!, settings), lease);
  await editIndex(store, "edit:1", (index) => annotateIndex(index, { whole: "index" }), lease);
  const { index } = await readIndex(store, "edit:1");
  assert.deepEqual([index["strange"], index["annotations"]], [{ kept: true }, { whole: "index" }]);
  const [entry] = index.manifests;
  assert.deepEqual(entry!.platform as object, {
    os: "linux",
    architecture: "amd64",
    variant: "v2",
    features: ["sse4"],
    "os.version": "1",
  });
  await editIndex(store, "edit:1", (other) => withoutEntry(other, digest!), lease);
  assert.deepEqual((await readIndex(store, "edit:1")).index.manifests, []);
  const missing = editIndex(store, "edit:1", (other) => withoutEntry(other, digest!), lease);
  await refuses(missing, "not-found");
});

test("an artifact is listed with its type and without a platform", async () => {
  using store = freshStore();
  await createIndex(store, "artifact:1");
  const source = new MemoryPlace();
  const manifest = {
    schemaVersion: 2,
    mediaType: MediaType.imageManifest,
    artifactType: "application/example",
    config: source.add(MediaType.empty, "{}"),
    layers: [source.add("text/plain", "hello")],
  };
  source.setRoot(source.add(MediaType.imageManifest, manifest));
  await addToIndex(store, "artifact:1", source);
  const [entry] = (await listed(store, "artifact:1")).manifests;
  assert.deepEqual([entry!.artifactType, entry!.platform], ["application/example", undefined]);
  const half = addToIndex(store, "artifact:1", source, { settings: { variant: "v8" } });
  await refuses(half, "invalid-argument");
});

test("many who add to one index at the same time all get in", async () => {
  using store = freshStore();
  await createIndex(store, "busy:1");
  const sources = Array.from({ length: 8 }, () => {
    const source = new MemoryPlace();
    return source.setRoot(source.addImage([randomBytes(100)], amd64));
  });
  await Promise.all(sources.map((source) => addToIndex(store, "busy:1", source)));
  assert.equal((await listed(store, "busy:1")).manifests.length, sources.length);
});

test("a name that is in use is not taken, an index is gone on with", async () => {
  using store = freshStore();
  const source = new MemoryPlace();
  source.setRoot(source.addImage([randomBytes(100)], amd64));
  await pull(store, source, { name: "image:1" });
  await refuses(createIndex(store, "image:1", { amend: true }), "already-exists");
  await refuses(readIndex(store, "image:1"), "failed-precondition");
  const made = await createIndex(store, "index:1");
  await refuses(createIndex(store, "index:1"), "already-exists");
  assert.deepEqual(await createIndex(store, "index:1", { amend: true }), made);
});
