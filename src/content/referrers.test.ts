import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import type { Descriptor, Digest } from "../spec/index.ts";
import { isCortenError, MediaType } from "../spec/index.ts";
import { openStore, type Store } from "./store.ts";

let root: string;
let store: Store;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "corten-referrers-"));
  store = openStore(root);
});
afterEach(() => {
  store.close();
  rmSync(root, { recursive: true });
});

/** A manifest that is there as long as `use` runs, and then as long as something keeps it. */
async function manifest(
  text: string,
  use: (descriptor: Descriptor) => void,
  subject?: Descriptor,
): Promise<Descriptor> {
  using lease = store.lease();
  const put = async (mediaType: string, bytes: Uint8Array): Promise<Descriptor> => {
    const digest: Digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
    const descriptor = { mediaType, digest, size: bytes.length };
    await store.put(descriptor, bytes, { lease });
    return descriptor;
  };
  const config = await put("x/config", Buffer.from(text));
  const about = subject === undefined ? {} : { subject };
  const document = { schemaVersion: 2, mediaType: MediaType.imageManifest, config, layers: [], ...about };
  const descriptor = await put(MediaType.imageManifest, Buffer.from(JSON.stringify(document)));
  use(descriptor);
  return descriptor;
}
const listed = (): string[] =>
  (
    JSON.parse(readFileSync(join(store.directory, "index.json"), "utf8")) as { manifests: Descriptor[] }
  ).manifests.map(({ digest }) => digest);

test("what is about an image, and what is about that, stays as long as the image does, and goes with it", async () => {
  const image = await manifest("image", (each) => store.names.set("app", each));
  const sbom = await manifest("sbom", (each) => store.referrers.add(image.digest, each));
  const signature = await manifest("signature", (each) => store.referrers.add(sbom.digest, each, "x.sig"));
  const unrelated = await manifest("unrelated", () => {});
  await store.collect();
  assert.deepEqual(
    [image, sbom, signature, unrelated].map((each) => store.has(each)),
    [true, true, true, false],
  );
  assert.deepEqual(store.referrers.of(sbom.digest), [{ descriptor: signature, tag: "x.sig" }]);
  assert.deepEqual(listed().sort(), [image, sbom, signature].map(({ digest }) => digest).sort());

  const rehearsed = await store.collect({ rehearse: { withoutNames: new Set(["app"]) } });
  assert.equal(rehearsed.blobs.length, 6);
  assert.ok(store.has(signature));
  store.names.remove("app");
  assert.equal((await store.collect({ keep: [image] })).blobs.length, 0);
  // Kept by who asked for it alone, it was not forgotten either.
  assert.equal(store.referrers.of(image.digest).length, 1);
  assert.equal((await store.collect()).blobs.length, 6);
  assert.deepEqual([store.referrers.list(), listed()], [[], []]);
});

test("a lease on an image keeps what is about it, and a layout that was left behind shows it again", async () => {
  const image = await manifest("image", () => {});
  assert.equal(store.referrers.of(image.digest).length, 0);
  using lease = store.lease();
  const again = await manifest("image", (each) => lease.add(each));
  const sbom = await manifest("sbom", (each) => store.referrers.add(again.digest, each));
  await store.collect();
  assert.ok(store.has(sbom));
  rmSync(join(store.directory, "index.json"));
  openStore(root).close();
  assert.deepEqual(listed(), [sbom.digest]);
});

test("what gets a tag takes it from what had it; what is not there cannot be about anything", async () => {
  const image = await manifest("image", (each) => store.names.set("app", each));
  const first = await manifest("first", (each) => store.referrers.add(image.digest, each, "t.sig"));
  const second = await manifest("second", (each) => store.referrers.add(image.digest, each, "t.sig"));
  await store.collect();
  assert.deepEqual([store.has(first), store.has(second)], [false, true]);
  assert.deepEqual(store.referrers.of(image.digest), [{ descriptor: second, tag: "t.sig" }]);
  assert.throws(
    () => store.referrers.add(image.digest, first),
    (error) => isCortenError(error, "not-found"),
  );
});

test("a store whose database was lost finds it again in its layout", async () => {
  const image = await manifest("image", (each) => store.names.set("app:1", each));
  const sbom = await manifest("sbom", (each) => store.referrers.add(image.digest, each), image);
  const tag = `${image.digest.replace(":", "-")}.sig`;
  const signature = await manifest("signature", (each) => store.referrers.add(image.digest, each, tag));
  const before = store.referrers.of(image.digest);
  assert.equal(before.length, 2);
  store.close();
  for (const name of readdirSync(root)) if (name.startsWith("corten.db")) rmSync(join(root, name));
  store = openStore(root);
  assert.deepEqual(
    store.names.list().map(({ name }) => name),
    ["app:1"],
  );
  assert.deepEqual(store.referrers.of(image.digest), before);
  await store.collect();
  assert.ok(store.has(sbom) && store.has(signature));
});
