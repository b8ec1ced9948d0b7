import assert from "node:assert/strict";
import { test } from "node:test";
import { type Descriptor, isCortenError, MediaType } from "../spec/index.ts";
import { type WalkOptions, walkDocuments } from "./graph.ts";
import { describe, indexImage, jsonBytes, MemoryImage, smallImage } from "./testing-image.ts";

function indexOf(manifests: readonly Descriptor[], note = ""): { descriptor: Descriptor; bytes: Uint8Array } {
  const annotations = note === "" ? {} : { annotations: { note } };
  const bytes = jsonBytes({ schemaVersion: 2, mediaType: MediaType.imageIndex, manifests, ...annotations });
  return { descriptor: describe(bytes, MediaType.imageIndex), bytes };
}

async function visited(image: MemoryImage, options?: WalkOptions): Promise<string[]> {
  const found: string[] = [];
  for await (const { document } of walkDocuments(image, await image.root(), options))
    found.push(document.descriptor.digest);
  return found;
}

test("parts come before the index that lists them", async () => {
  const image = await indexImage();
  const found = await visited(image);
  assert.equal(found.length, 3);
  assert.equal(found.at(-1), (await image.root()).descriptor.digest);
  const arm = await visited(image, { follow: ({ platform }) => platform?.architecture === "arm64" });
  assert.equal(arm.length, 2);
});

test("M5 CVE-2026-53493: an index graph that multiplies is visited once a document", async () => {
  const leaf = await (await smallImage({ size: 10 })).root();
  const layers = [leaf];
  // Twenty levels of ten entries each would be 10^20 visits.
  for (let level = 0; level < 7; level++) {
    layers.push(
      indexOf(
        Array.from({ length: 10 }, () => layers.at(-1)!.descriptor),
        String(level),
      ),
    );
  }
  const image = new MemoryImage(
    layers.at(-1)!,
    layers.map(({ bytes }) => bytes),
  );
  assert.equal((await visited(image)).length, 8);
});

test("M5: depth and number of documents are capped", async () => {
  const leaf = await (await smallImage({ size: 10 })).root();
  const nested = [leaf];
  for (let level = 0; level < 12; level++) nested.push(indexOf([nested.at(-1)!.descriptor], String(level)));
  const deep = new MemoryImage(
    nested.at(-1)!,
    nested.map(({ bytes }) => bytes),
  );
  await assert.rejects(
    visited(deep),
    (error) => isCortenError(error, "resource-exhausted") && /deeper than 8/.test(error.message),
  );
  const many = Array.from({ length: 30 }, (_, index) => indexOf([], String(index)));
  const root = indexOf(many.map(({ descriptor }) => descriptor));
  const wide = new MemoryImage(
    root,
    many.map(({ bytes }) => bytes),
  );
  assert.equal((await visited(wide)).length, 31);
  await assert.rejects(visited(wide, { maxDocuments: 20 }), (error) =>
    isCortenError(error, "resource-exhausted"),
  );
});

test("entries that are neither manifest nor index are passed over", async () => {
  const strange = {
    mediaType: "application/vnd.example",
    digest: `sha256:${"0".repeat(64)}`,
    size: 1,
  } as const;
  const root = indexOf([strange]);
  assert.deepEqual(await visited(new MemoryImage(root, [])), [root.descriptor.digest]);
});
