import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import type { Descriptor, Digest } from "../spec/index.ts";
import { MediaType } from "../spec/index.ts";
import { openStore, type Store } from "./index.ts";

const directory = mkdtempSync(join(tmpdir(), "corten-replaced-"));
after(() => rmSync(directory, { recursive: true, force: true }));

let roots = 0;

function describeBytes(bytes: Uint8Array, mediaType: string = MediaType.layerGzip): Descriptor {
  const digest: Digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  return { mediaType, digest, size: bytes.length };
}

/** A store with a named image of one layer, and what that layer unpacks to, which nothing leads to. */
async function storeWithImage(): Promise<{
  store: Store;
  packed: Descriptor;
  plain: Descriptor;
  name: string;
}> {
  const store = openStore(join(directory, `root-${roots++}`));
  using lease = store.lease();
  const put = async (text: string, mediaType?: string) => {
    const descriptor = describeBytes(Buffer.from(text), mediaType);
    await store.put(descriptor, Buffer.from(text), { lease });
    return descriptor;
  };
  const packed = await put("packed");
  const plain = await put("what it unpacks to", MediaType.layer);
  const config = await put("{}", MediaType.imageConfig);
  const { imageManifest: mediaType } = MediaType;
  const manifest = JSON.stringify({ schemaVersion: 2, mediaType, config, layers: [packed] });
  const name = "docker.io/library/app:1";
  store.names.set(name, await put(manifest, mediaType));
  return { store, packed, plain, name };
}

/** Replaces the layer as a pull does it, which holds what it works with. */
function replace({ store, packed, plain }: { store: Store; packed: Descriptor; plain: Descriptor }): void {
  using lease = store.lease();
  lease.add(plain);
  store.replacements.replace(packed, plain, "docker://registry.test/app");
}

describe("a packed layer that is replaced by its archive", () => {
  test("is gone, and the archive stays as long as the image does", async () => {
    const image = await storeWithImage();
    const { store, packed, plain, name } = image;
    assert.equal(store.replacements.of(packed), undefined);
    replace(image);
    assert.equal(store.has(packed), false);
    assert.deepEqual(store.replacements.of(packed), { plain, origins: ["docker://registry.test/app"] });
    assert.deepEqual((await store.collect()).blobs, []);
    assert.ok((await store.reachableFrom(store.names.get(name)!.descriptor)).has(plain.digest));
    const rehearsed = await store.collect({ rehearse: { withoutNames: new Set([name]) } });
    assert.ok(rehearsed.blobs.some(({ digest }) => digest === plain.digest));
    store.names.remove(name);
    await store.collect();
    assert.equal(store.has(plain), false);
    assert.equal(store.replacements.of(packed), undefined);
    assert.deepEqual(store.database.all("SELECT * FROM replaced"), []);
    assert.deepEqual(store.database.all("SELECT * FROM replaced_origins"), []);
    store.close();
  });

  test("has another size in another descriptor, which is not it", async () => {
    const image = await storeWithImage();
    replace(image);
    assert.equal(image.store.replacements.of({ ...image.packed, size: 1 }), undefined);
    image.store.close();
  });

  test("counts as it is where the process was killed before it was removed", async () => {
    const image = await storeWithImage();
    const { store, packed, plain } = image;
    replace(image);
    writeFileSync(store.path(packed.digest), "packed");
    assert.equal(store.replacements.of(packed), undefined);
    // The archive has nothing to stand for any more.
    assert.deepEqual((await store.collect()).blobs, [{ digest: plain.digest, size: plain.size }]);
    assert.equal(store.has(packed), true);
    assert.deepEqual(store.database.all("SELECT * FROM replaced"), []);
    store.close();
  });

  test("stays when its archive is not there", async () => {
    const { store, packed, plain } = await storeWithImage();
    store.discard(plain.digest);
    store.replacements.replace(packed, plain);
    assert.equal(store.has(packed), true);
    store.close();
  });

  test("is not fetched by whoever takes the archive for it, and is by whoever does not", async () => {
    const image = await storeWithImage();
    const { store, packed } = image;
    replace(image);
    const lease = store.lease();
    assert.equal(await store.ingest(packed, { lease, orReplacement: true }), undefined);
    await store.put(packed, Buffer.from("packed"), { lease });
    store.releaseLease(lease.id);
    assert.equal(store.has(packed), true);
    assert.equal(store.replacements.of(packed), undefined);
    store.close();
  });

  test("has come from several places, of which the latest are remembered", async () => {
    const image = await storeWithImage();
    replace(image);
    const { replacements } = image.store;
    for (const n of [1, 2, 3, 4, 5]) {
      await new Promise((resolve) => setTimeout(resolve, 2));
      replacements.addOrigin(image.packed.digest, `docker://registry.test/${n}`);
    }
    const { origins } = replacements.of(image.packed)!;
    assert.deepEqual(
      origins,
      [5, 4, 3, 2].map((n) => `docker://registry.test/${n}`),
    );
    image.store.close();
  });

  test("is replaced while a collection is at work: the archive stays", async () => {
    const image = await storeWithImage();
    const { store, packed, plain } = image;
    const lease = store.lease();
    // Enough to remove that the collection takes several transactions.
    for (let n = 0; n < 500; n++) {
      const bytes = Buffer.from(`nothing leads to ${n}`);
      await store.put(describeBytes(bytes), bytes, { lease });
    }
    lease.add(plain);
    store.releaseLease(lease.id);
    const holding = store.lease();
    holding.add(plain);
    const collecting = store.collect();
    await new Promise(setImmediate);
    store.replacements.replace(packed, plain);
    store.releaseLease(holding.id);
    await collecting;
    assert.ok(store.has(packed) || store.replacements.of(packed) !== undefined);
    store.close();
  });
});
