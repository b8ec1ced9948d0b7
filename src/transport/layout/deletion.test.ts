import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { ErrorCode } from "../../spec/index.ts";
import { isCortenError } from "../../spec/index.ts";
import { openSink, openSource } from "../open.ts";
import { contentsOf, copyImage, indexImage, type MemoryImage, smallImage } from "../testing-image.ts";
import { deleteFromLayout } from "./deletion.ts";

const directory = mkdtempSync(join(tmpdir(), "corten-deletion-"));
after(() => rmSync(directory, { recursive: true }));

async function layoutOf(name: string, images: Readonly<Record<string, MemoryImage>>): Promise<string> {
  const path = join(directory, name);
  for (const [ref, image] of Object.entries(images)) {
    await using sink = await openSink({ kind: "layout", path, ref });
    await copyImage(image, sink);
  }
  return path;
}

const blobs = (path: string): string[] => readdirSync(join(path, "blobs/sha256")).sort();

async function refuses(run: Promise<unknown>, code: ErrorCode): Promise<void> {
  await assert.rejects(run, (error) => isCortenError(error, code));
}

test("an image goes with the blobs that no other needs", async () => {
  const [first, second] = [await indexImage(), await smallImage()];
  const path = await layoutOf("two", { first, second, again: second });
  await deleteFromLayout({ kind: "layout", path, ref: "first" });
  await using rest = await openSource({ kind: "layout", path, ref: "again" });
  assert.deepEqual(
    blobs(path),
    [...(await contentsOf(second)).keys()].map((digest) => digest.slice(7)).sort(),
  );
  await deleteFromLayout({ kind: "layout", path, ref: "second" });
  assert.deepEqual(await contentsOf(rest), await contentsOf(second));
  await refuses(deleteFromLayout({ kind: "layout", path, index: 1 }), "not-found");
  await deleteFromLayout({ kind: "layout", path, index: 0 });
  assert.deepEqual(blobs(path), []);
});

test("which image is meant has to be known, and the rest has to be read", async () => {
  const [first, second] = [await smallImage(), await smallImage({ seed: 2 })];
  const path = await layoutOf("unclear", { first, second });
  await refuses(deleteFromLayout({ kind: "layout", path }), "failed-precondition");
  await refuses(deleteFromLayout({ kind: "layout", path, ref: "third" }), "not-found");
  const { digest } = (await second.root()).descriptor;
  writeFileSync(join(path, "blobs/sha256", digest.slice(7)), "{}".padEnd(second.blobs.get(digest)!.length));
  const before = blobs(path);
  await refuses(deleteFromLayout({ kind: "layout", path, ref: "first" }), "data-loss");
  assert.deepEqual(blobs(path), before);
});

test("A9: nothing outside of the layout is deleted", async () => {
  const image = await smallImage();
  const path = await layoutOf("linked", { image });
  const outside = join(directory, "outside");
  const kept = await layoutOf("outside", { image });
  rmSync(join(path, "blobs"), { recursive: true });
  symlinkSync(join(outside, "blobs"), join(path, "blobs"));
  await refuses(deleteFromLayout({ kind: "layout", path, ref: "image" }), "invalid-argument");
  assert.equal(blobs(kept).length, image.blobs.size);
});
