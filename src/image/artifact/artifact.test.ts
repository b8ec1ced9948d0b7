import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Descriptor, Digest, ErrorCode } from "../../spec/index.ts";
import { isCortenError, MediaType, parseManifest } from "../../spec/index.ts";
import { MemoryPlace, sha256 } from "../testing-image.ts";
import { discoverReferrers } from "./discover.ts";
import { pullArtifact } from "./pull.ts";
import type { ArtifactContent } from "./push.ts";
import { prepareArtifact, writeArtifact } from "./push.ts";

const scratch = mkdtempSync(join(tmpdir(), "corten-artifact-"));
const cwd = process.cwd();
before(() => {
  // Titles are paths as given, so the files are named from where they are.
  process.chdir(scratch);
  mkdirSync("sub");
  writeFileSync("a.txt", "hello");
  writeFileSync("sub/b.txt", "b".repeat(3_000_000));
});
after(() => {
  process.chdir(cwd);
  rmSync(scratch, { recursive: true, force: true });
});

const created = new Date(0);

async function made(content: ArtifactContent): Promise<MemoryPlace> {
  const place = new MemoryPlace();
  await using artifact = await prepareArtifact({ created, ...content });
  await writeArtifact(artifact, place);
  return place;
}

async function refuses(run: Promise<unknown>, code: ErrorCode, message: RegExp): Promise<void> {
  await assert.rejects(run, (error) => {
    assert.ok(isCortenError(error, code), String(error));
    assert.match(error.message, message);
    return true;
  });
}

test("files go in and come out, the same artifact each time", async () => {
  const content = {
    files: [{ path: "./a.txt", mediaType: "text/plain" }, { path: "sub/b.txt" }, { path: "sub" }],
    artifactType: "application/example",
    annotations: { z: "1", a: "2" },
    fileAnnotations: { "./a.txt": { of: "file" } },
  };
  const [place, again] = [await made(content), await made(content)];
  const { descriptor, bytes } = await place.root();
  assert.deepEqual((await again.root()).bytes, bytes);
  const manifest = parseManifest(bytes, descriptor.mediaType);
  assert.deepEqual(manifest.annotations, {
    a: "2",
    "org.opencontainers.image.created": "1970-01-01T00:00:00Z",
    z: "1",
  });
  assert.deepEqual(manifest.layers[0], {
    mediaType: "text/plain",
    digest: sha256("hello"),
    size: 5,
    annotations: { "org.opencontainers.image.title": "a.txt", of: "file" },
  });
  const pulled = await pullArtifact(place, "out");
  assert.deepEqual(pulled.files, ["a.txt", "sub/b.txt", "sub"]);
  assert.equal(pulled.artifactType, "application/example");
  assert.equal(readFileSync("out/a.txt", "utf8"), "hello");
  assert.equal(readFileSync("out/sub/b.txt", "utf8"), "b".repeat(3_000_000));
});

test("an artifact may have a configuration, a subject, a platform, or no file", async () => {
  const own = await made({ files: [], config: { path: "a.txt", mediaType: "text/x-config" } });
  const ownManifest = parseManifest((await own.root()).bytes);
  assert.deepEqual([ownManifest.artifactType, ownManifest.config.mediaType], [undefined, "text/x-config"]);
  assert.equal(ownManifest.layers[0]!.mediaType, MediaType.empty);
  await pullArtifact(own, "config-out", { configFile: "config" });
  assert.equal(readFileSync("config-out/config", "utf8"), "hello");
  const subject = { mediaType: MediaType.imageManifest, digest: sha256("x"), size: 1 };
  const about = await made({
    files: [],
    artifactType: "a/b",
    subject: { ...subject, annotations: { not: "copied" } },
  });
  assert.deepEqual(parseManifest((await about.root()).bytes).subject, subject);
  const platform = { os: "linux", architecture: "arm64" };
  const forPlatform = await made({ files: [{ path: "a.txt" }], platform });
  const { config } = parseManifest((await forPlatform.root()).bytes);
  assert.deepEqual(JSON.parse(Buffer.from(forPlatform.blobs.get(config.digest)!).toString()), platform);
  const both = { files: [], platform, config: { path: "a.txt", mediaType: "x/y" } };
  await refuses(prepareArtifact(both), "invalid-argument", /says the platform itself/);
});

test("what cannot be put in is refused", async () => {
  await refuses(prepareArtifact({ files: [{ path: "none" }] }), "not-found", /cannot read none/);
  await refuses(prepareArtifact({ files: [{ path: "/etc/hostname" }] }), "invalid-argument", /leads out/);
  await refuses(prepareArtifact({ files: [{ path: "../x" }] }), "invalid-argument", /leads out/);
  await refuses(prepareArtifact({ files: [{ path: "/dev/null" }] }), "invalid-argument", /leads out/);
  const stray = { files: [], fileAnnotations: { "a.txt": {} } };
  await refuses(prepareArtifact(stray), "invalid-argument", /no file of the artifact/);
});

test("a file that changes after it was read is not sent as what it was", async () => {
  writeFileSync("changing", "one");
  await using artifact = await prepareArtifact({ files: [{ path: "changing" }] });
  writeFileSync("changing", "two");
  await refuses(writeArtifact(artifact, new MemoryPlace()), "data-loss", /changing has the digest/);
});

/** An artifact as a hostile registry would make it. */
function artifactOf(titles: readonly (string | undefined)[], content = "x"): MemoryPlace {
  const place = new MemoryPlace();
  const layers = titles.map(
    (title): Descriptor => ({
      ...place.add("text/plain", content),
      ...(title === undefined ? {} : { annotations: { "org.opencontainers.image.title": title } }),
    }),
  );
  const config = place.add(MediaType.empty, "{}");
  const manifest = {
    schemaVersion: 2,
    mediaType: MediaType.imageManifest,
    artifactType: "a/b",
    config,
    layers,
  };
  return place.setRoot(place.add(MediaType.imageManifest, manifest));
}

test("A4, CVE-2021-21272: a title that leads out writes nothing at all", async () => {
  for (const title of [
    "../evil",
    "/tmp/evil",
    "a/../../evil",
    "..",
    ".",
    "",
    "a\\..\\..\\evil",
    "C:evil",
    "a\0b",
  ]) {
    await refuses(pullArtifact(artifactOf(["good", title]), "hostile"), "invalid-argument", /leads out/);
  }
  await refuses(pullArtifact(artifactOf(["a", "./a"]), "hostile"), "invalid-argument", /two files "a"/);
  assert.ok(!readdirSync(".").includes("hostile"));
});

test("what is not what its digest names gets no name", async () => {
  const place = artifactOf(["file"]);
  place.faults.replaced.set(sha256("x"), new TextEncoder().encode("y"));
  await refuses(pullArtifact(place, "damaged"), "data-loss", /has the digest/);
  assert.deepEqual(readdirSync("damaged"), []);
});

test("files that are there are replaced, or kept; layers without a title are told of", async () => {
  mkdirSync("kept");
  writeFileSync("kept/file", "mine");
  const kept = await pullArtifact(artifactOf(["file", undefined]), "kept", { keepOldFiles: true });
  assert.equal(readFileSync("kept/file", "utf8"), "mine");
  assert.equal(kept.untitled.length, 1);
  await pullArtifact(artifactOf(["file"]), "kept");
  assert.equal(readFileSync("kept/file", "utf8"), "x");
});

test("M7: what is about an image is found to its end, in circles and crowds as well", async () => {
  const descriptor = (text: string): Descriptor => ({ mediaType: "x/y", digest: sha256(text), size: 1 });
  const known: Record<Digest, readonly Descriptor[]> = {
    [sha256("image")]: [descriptor("sbom"), descriptor("signature")],
    [sha256("sbom")]: [descriptor("sbom signature"), descriptor("image")],
  };
  const find = async (digest: Digest) => known[digest] ?? [];
  const tree = await discoverReferrers(descriptor("image"), find);
  assert.deepEqual(
    tree.referrers.map((referrer) => referrer.referrers.length),
    [1, 0],
  );
  const shallow = await discoverReferrers(descriptor("image"), find, { depth: 1 });
  assert.deepEqual(shallow.referrers[0]!.referrers, []);
  let count = 0;
  const endless = async () => [descriptor(`more ${count++}`)];
  await refuses(
    discoverReferrers(descriptor("image"), endless),
    "resource-exhausted",
    /more than 1000 referrers/,
  );
});
