import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { isCortenError } from "../spec/index.ts";
import { openImages } from "./image-set.ts";
import { openSink, openSource } from "./open.ts";
import { collect, contentsOf, copyImage, indexImage, pieces, sha256, smallImage } from "./testing-image.ts";

let directory: string;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), "corten-transport-"));
});
after(() => rm(directory, { recursive: true }));

async function refuses(
  run: Promise<unknown>,
  code: Parameters<typeof isCortenError>[1],
  message: RegExp,
): Promise<void> {
  await assert.rejects(run, (error) => {
    assert.ok(isCortenError(error, code), String(error));
    assert.match(error.message, message);
    return true;
  });
}

for (const scheme of ["oci", "oci-archive", "docker-archive", "dir"]) {
  test(`${scheme}: what is written is read back byte for byte`, async () => {
    const image = await smallImage();
    const place = `${scheme}:${directory}/${scheme}-round${scheme === "dir" ? "" : ":name:1"}`;
    {
      await using sink = await openSink(place);
      await copyImage(image, sink);
    }
    await using source = await openSource(place);
    assert.deepEqual((await source.root()).descriptor, (await image.root()).descriptor);
    assert.deepEqual(await contentsOf(source), await contentsOf(image));
    const [digest, bytes] = [...image.blobs].sort(([, a], [, b]) => b.length - a.length)[0]!;
    const part = await source.blob({ digest, size: bytes.length, mediaType: "x/y" }, { offset: 12_345 });
    assert.deepEqual(await collect(part), Buffer.from(bytes.subarray(12_345)));
    const others = (await readdir(directory)).filter((name) => name.startsWith("."));
    assert.deepEqual(others, [], "no temporary file is left");
  });

  test(`${scheme}: a blob that is not its descriptor's leaves nothing`, async () => {
    const image = await smallImage();
    const good = new Uint8Array(5000).fill(7);
    const descriptor = { mediaType: "x/y", digest: sha256(good), size: good.length };
    await using sink = await openSink(`${scheme}:${directory}/${scheme}-bad`);
    await refuses(
      sink.writeBlob(descriptor, pieces(good.subarray(1))),
      "data-loss",
      /4999 bytes, not the 5000/,
    );
    await refuses(
      sink.writeBlob(descriptor, pieces(new Uint8Array(6000))),
      "data-loss",
      /longer than the 5000/,
    );
    await refuses(sink.writeBlob(descriptor, pieces(new Uint8Array(5000))), "data-loss", /has the digest/);
    assert.equal(await sink.hasBlob(descriptor), false);
    await sink.writeBlob(descriptor, pieces(good));
    assert.equal(await sink.hasBlob(descriptor), true);
    await copyImage(image, sink);
    await using source = await openSource(`${scheme}:${directory}/${scheme}-bad`);
    assert.deepEqual(await contentsOf(source), await contentsOf(image));
  });

  test(`${scheme}: parts may be written at the same time`, async () => {
    const image = await smallImage();
    const { descriptor, bytes } = await image.root();
    const place = `${scheme}:${directory}/${scheme}-parallel`;
    await using sink = await openSink(place);
    const parts = [...image.blobs].filter(([digest]) => digest !== descriptor.digest);
    await Promise.all(
      parts.map(([digest, part]) =>
        sink.writeBlob({ mediaType: "x/y", digest, size: part.length }, pieces(part)),
      ),
    );
    await sink.commit({ descriptor, bytes });
    await using source = await openSource(place);
    assert.deepEqual(await contentsOf(source), await contentsOf(image));
  });

  test(`${scheme}: a place that is not there is not found`, async () => {
    await refuses(openSource(`${scheme}:${directory}/nothing`), "not-found", /nothing/);
  });
}

for (const scheme of ["oci", "oci-archive", "dir"]) {
  test(`${scheme}: an index keeps all its platforms`, async () => {
    const image = await indexImage();
    const place = `${scheme}:${directory}/${scheme}-index`;
    {
      await using sink = await openSink(place);
      await copyImage(image, sink);
    }
    await using source = await openSource(place);
    assert.deepEqual(await contentsOf(source), await contentsOf(image));
  });
}

test("docker-archive: an index is refused, for docker load takes one platform", async () => {
  await using sink = await openSink(`docker-archive:${directory}/platforms.tar`);
  await refuses(copyImage(await indexImage(), sink), "failed-precondition", /one platform/);
});

test("oci-archive: nothing stands under the name before the commit", async () => {
  {
    await using sink = await openSink(`oci-archive:${directory}/never.tar`);
    await sink.writeManifest(await (await smallImage()).root());
  }
  assert.deepEqual(
    (await readdir(directory)).filter((name) => name.includes("never")),
    [],
  );
});

test("oci: a layout holds several images, and a name moves", async () => {
  const [first, second] = [await smallImage({ seed: 1 }), await smallImage({ seed: 2 })];
  const layout = `oci:${directory}/several`;
  for (const [image, ref] of [
    [first, "a"],
    [second, "b"],
    [second, "a"],
    [first, "c"],
  ] as const) {
    await using sink = await openSink(`${layout}:${ref}`);
    await copyImage(image, sink);
  }
  for (const [image, ref] of [
    [second, "a"],
    [second, "b"],
    [first, "c"],
  ] as const) {
    await using source = await openSource(`${layout}:${ref}`);
    assert.deepEqual((await source.root()).descriptor, (await image.root()).descriptor);
  }
  await using set = await openImages(join(directory, "several"));
  assert.equal(set.kind, "layout");
  assert.deepEqual(
    set.images.map(({ names }) => names),
    [["b"], ["a"], ["c"]],
  );
  for (const [index, image] of [second, second, first].entries()) {
    assert.deepEqual(await contentsOf(set.images[index]!.source), await contentsOf(image));
  }
  await using any = await openSource(layout);
  await refuses(any.root(), "failed-precondition", /several images/);
  await using none = await openSource(`${layout}:d`);
  await assert.rejects(
    none.root(),
    (error) => isCortenError(error, "not-found") && /it has: b, a, c/.test(error.hint ?? ""),
  );
});

test("oci: fields of index.json that Corten does not know survive", async () => {
  const path = join(directory, "unknown");
  {
    await using sink = await openSink(`oci:${path}:a`);
    await copyImage(await smallImage(), sink);
  }
  const index = JSON.parse(await readFile(join(path, "index.json"), "utf8"));
  index.manifests[0].strange = { kept: true };
  await writeFile(join(path, "index.json"), JSON.stringify({ ...index, extra: 1 }));
  {
    await using sink = await openSink(`oci:${path}:b`);
    await copyImage(await smallImage({ seed: 3 }), sink);
  }
  const changed = JSON.parse(await readFile(join(path, "index.json"), "utf8"));
  assert.equal(changed.extra, 1);
  assert.deepEqual(changed.manifests[0].strange, { kept: true });
  assert.equal(changed.manifests.length, 2);
});
