import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { TarInput } from "../../archive/index.ts";
import { writeTar } from "../../archive/index.ts";
import { isCortenError, MediaType } from "../../spec/index.ts";
import { readSourceImage } from "../source-image.ts";
import { MemoryPlace } from "../testing-image.ts";
import { diffImageFiles, diffImages } from "./diff.ts";
import { diffJson } from "./json.ts";

const file = (path: string, body = "x", more: Partial<TarInput> = {}): TarInput => ({
  type: "file",
  path,
  body: Buffer.from(body),
  ...more,
});
const tar = async (...entries: TarInput[]) => Buffer.concat(await Array.fromAsync(writeTar(entries)));

async function imageOf(layers: readonly Uint8Array[], more: object = {}) {
  const place = new MemoryPlace();
  place.setRoot(place.addImage(layers, undefined, more));
  return { place, image: await readSourceImage(place) };
}

async function changes(before: readonly Uint8Array[], after: readonly Uint8Array[], mtime = false) {
  const [{ image: old }, { image: now }] = [await imageOf(before), await imageOf(after)];
  return Array.fromAsync(diffImageFiles(old, now, { mtime }));
}

const base = await tar(
  { type: "directory", path: "etc" },
  file("etc/passwd", "root"),
  file("etc/same", "same"),
  { type: "symlink", path: "sh", linkPath: "/bin/sh" },
  { type: "char-device", path: "null", deviceMajor: 1, deviceMinor: 3 },
  file("etc.d", "beside"),
);

test("an image does not differ from itself, and its layers are not read for that", async () => {
  const { place, image } = await imageOf([base]);
  place.requests.length = 0;
  assert.deepEqual(await Array.fromAsync(diffImageFiles(image, image)), []);
  assert.deepEqual(diffImages(image, image), {
    identical: true,
    manifest: [],
    config: [],
    layers: { common: 1, removed: [], added: [], repacked: [] },
  });
  assert.deepEqual(place.requests, []);
});

test("files that were added, removed and changed are told with what changed", async () => {
  const top = await tar(
    file("etc/.wh.same", ""),
    file("etc/passwd", "root2", { mode: 0o600, uid: 7 }),
    { type: "symlink", path: "sh", linkPath: "/bin/bash" },
    { type: "char-device", path: "null", deviceMajor: 1, deviceMinor: 5 },
    file("new", "abc", { xattrs: new Map([["user.a", Buffer.from("1")]]) }),
  );
  const found = await changes([base], [base, top]);
  assert.deepEqual(
    found.map(({ path, change, what }) => [path, change, what]),
    [
      ["/etc/passwd", "changed", ["mode", "uid", "size", "content"]],
      ["/etc/same", "removed", []],
      ["/new", "added", []],
      ["/null", "changed", ["device"]],
      ["/sh", "changed", ["link"]],
    ],
  );
  const [passwd, , added] = found;
  assert.deepEqual([passwd?.before?.mode, passwd?.after?.mode], ["0644", "0600"]);
  assert.deepEqual(added?.after, {
    type: "file",
    mode: "0644",
    uid: 0,
    gid: 0,
    size: 3,
    content: "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    xattrs: { "user.a": "MQ==" },
  });
});

test("a file that changes its type differs in that; whole directories come and go", async () => {
  const found = await changes(
    [await tar(file("a/b/c"), file("x"))],
    [await tar(file("a", "")), await tar({ type: "directory", path: "x" })],
  );
  assert.deepEqual(
    found.map(({ path, change, what }) => [path, change, what[0]]),
    [
      ["/a", "changed", "type"],
      ["/a/b", "removed", undefined],
      ["/a/b/c", "removed", undefined],
      ["/x", "changed", "type"],
    ],
  );
});

test("times count when they are asked for; the order of entries and the split in layers do not", async () => {
  const late = await tar(file("f", "x", { mtime: { seconds: 5, nanoseconds: 1 } }));
  const early = await tar(file("f"));
  assert.deepEqual(await changes([early], [late]), []);
  assert.deepEqual(
    (await changes([early], [late], true)).map(({ what }) => what),
    [["mtime"]],
  );
  assert.deepEqual(
    await changes([await tar(file("a"), file("b"))], [await tar(file("b")), await tar(file("a"))]),
    [],
  );
});

test("documents are compared property by property", async () => {
  const before = { config: { Env: ["A=1"], Cmd: ["sh"] }, author: "x" };
  const { image: old } = await imageOf([base], before);
  const { image: now } = await imageOf([base, await tar(file("n"))], {
    config: { Env: ["A=2", "B=3"], Cmd: ["sh"] },
  });
  const { identical, manifest, config, layers } = diffImages(old, now);
  assert.deepEqual({ identical, manifest }, { identical: false, manifest: [] });
  assert.deepEqual(config, [
    { pointer: "/config/Env/0", before: "A=1", after: "A=2" },
    { pointer: "/config/Env/1", after: "B=3" },
    { pointer: "/author", before: "x" },
  ]);
  assert.deepEqual([layers.common, layers.removed.length, layers.added.length], [1, 0, 1]);
});

test("a layer that is not what its digest or DiffID says is no answer", async () => {
  const { place, image } = await imageOf([base]);
  const { image: other } = await imageOf([await tar(file("n"))]);
  place.faults.replaced.set(image.layers[0]!.descriptor.digest, await tar(file("evil")));
  await assert.rejects(Array.fromAsync(diffImageFiles(image, other)), (error) =>
    isCortenError(error, "data-loss"),
  );
});

test("an artifact is no image", async () => {
  const place = new MemoryPlace();
  const config = place.add(MediaType.empty, "{}");
  place.setRoot(
    place.add(MediaType.imageManifest, { schemaVersion: 2, artifactType: "a/b", config, layers: [] }),
  );
  await assert.rejects(readSourceImage(place), /is an artifact of type "a\/b"/);
});

test("equal JSON has no difference, in whatever order; what differs leads from one to the other", () => {
  const shuffled = (value: unknown): unknown =>
    Array.isArray(value)
      ? value.map(shuffled)
      : typeof value === "object" && value !== null
        ? Object.fromEntries(
            Object.entries(value)
              .reverse()
              .map(([name, item]) => [name, shuffled(item)]),
          )
        : value;
  fc.assert(fc.property(fc.jsonValue(), (value) => assert.deepEqual(diffJson(value, shuffled(value)), [])));
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (before, after) => {
      const same = JSON.stringify(shuffled(shuffled(before))) === JSON.stringify(shuffled(shuffled(after)));
      if (same) assert.deepEqual(diffJson(before, after), []);
      for (const change of diffJson(before, after)) assert.notDeepEqual(change.before, change.after);
    }),
  );
});
