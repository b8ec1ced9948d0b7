import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import type { Descriptor, Digest } from "../spec/index.ts";
import { isCortenError, MediaType, parseIndex, parseReference } from "../spec/index.ts";
import type { Place } from "./address.ts";
import { listReferrers } from "./list-referrers.ts";
import { openSink } from "./open.ts";
import { referrersTag } from "./referrer.ts";
import { RegistryDouble } from "./registry/testing-registry.ts";
import { copyImage, describe, jsonBytes, MemoryImage, smallImage } from "./testing-image.ts";

const directory = mkdtempSync(join(tmpdir(), "corten-referrers-"));
let registry: RegistryDouble;
let image: MemoryImage;
let subject: Descriptor;
before(async () => {
  registry = await RegistryDouble.start();
  image = await smallImage({ size: 1000 });
  subject = (await image.root()).descriptor;
});
beforeEach(() => {
  registry.intercept = () => false;
  registry.manifests.clear();
});
after(async () => {
  await registry[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

const options = { registry: { environment: {}, attempts: 1, backoff: 1 } };
const remote = (rest: string): Place => ({
  kind: "registry",
  reference: parseReference(`${registry.host}/app${rest}`),
});

/** An artifact that is about the image. */
function attachment(artifactType: string, text: string): MemoryImage {
  const empty = jsonBytes({});
  const content = new TextEncoder().encode(text);
  const bytes = jsonBytes({
    schemaVersion: 2,
    mediaType: MediaType.imageManifest,
    artifactType,
    config: describe(empty, MediaType.empty),
    layers: [describe(content, "text/plain")],
    subject,
    annotations: { text },
  });
  return new MemoryImage({ descriptor: describe(bytes, MediaType.imageManifest), bytes }, [empty, content]);
}

async function attach(text: string, artifactType: string, place: (digest: Digest) => Place): Promise<Digest> {
  const artifact = attachment(artifactType, text);
  const { digest } = (await artifact.root()).descriptor;
  await using sink = await openSink(place(digest), options);
  await copyImage(artifact, sink);
  return digest;
}

for (const kind of ["layout", "registry"] as const) {
  test(`${kind}: what is about an image is found, by its type as well`, async () => {
    const path = join(directory, "layout");
    const place = (digest?: Digest): Place =>
      kind === "layout" ? { kind, path } : remote(digest === undefined ? "" : `@${digest}`);
    {
      await using sink = await openSink(
        kind === "layout" ? { kind, path, ref: "v1" } : remote(":v1"),
        options,
      );
      await copyImage(image, sink);
    }
    assert.deepEqual(await listReferrers(place(), subject.digest, options), []);
    const first = await attach("one", "a/one", place);
    const second = await attach("two", "a/two", place);
    await attach("two", "a/two", place);
    const found = await listReferrers(place(), subject.digest, options);
    assert.deepEqual(
      found.map(({ digest, artifactType, annotations }) => [digest, artifactType, annotations]),
      [
        [first, "a/one", { text: "one" }],
        [second, "a/two", { text: "two" }],
      ],
    );
    const typed = await listReferrers(place(), subject.digest, { ...options, artifactType: "a/two" });
    assert.deepEqual(
      typed.map(({ digest }) => digest),
      [second],
    );
  });
}

test("a registry that lists referrers is asked page by page, and gets no tag", async () => {
  const entries = ["one", "two"].map((text) => ({
    ...subject,
    digest: describe(jsonBytes(text), "").digest,
    artifactType: text,
  }));
  registry.intercept = (request, response, url) => {
    if (request.method === "PUT" && url.pathname.includes("/manifests/")) {
      response.setHeader("oci-subject", subject.digest);
      return false;
    }
    if (!url.pathname.includes("/referrers/")) return false;
    const page = Number(url.searchParams.get("page") ?? 0);
    response.writeHead(200, page === 0 ? { link: '<?page=1>; rel="next"' } : {});
    response.end(
      JSON.stringify({ schemaVersion: 2, mediaType: MediaType.imageIndex, manifests: [entries[page]] }),
    );
    return true;
  };
  const found = await listReferrers(remote(""), subject.digest, options);
  assert.deepEqual(
    found.map(({ artifactType }) => artifactType),
    ["one", "two"],
  );
  const typed = await listReferrers(remote(""), subject.digest, { ...options, artifactType: "two" });
  assert.deepEqual(
    typed.map(({ artifactType }) => artifactType),
    ["two"],
  );
  await attach("three", "a/three", (digest) => remote(`@${digest}`));
  assert.ok(!registry.manifests.has(referrersTag(subject.digest)));
});

test("what another adds to the list at the same moment stays", async () => {
  const other = { ...subject, digest: describe(jsonBytes("other"), "").digest, artifactType: "a/other" };
  let raced = false;
  registry.intercept = (request, _, url) => {
    const isList = url.pathname.endsWith(referrersTag(subject.digest));
    if (request.method === "PUT" && isList && !raced) {
      raced = true;
      // Theirs lands after ours was written and before we look again.
      setImmediate(() => {
        const bytes = jsonBytes({ schemaVersion: 2, mediaType: MediaType.imageIndex, manifests: [other] });
        registry.manifests.set(referrersTag(subject.digest), { bytes, type: MediaType.imageIndex });
      });
    }
    return false;
  };
  const digest = await attach("ours", "a/ours", (own) => remote(`@${own}`));
  const { bytes } = registry.manifests.get(referrersTag(subject.digest))!;
  const listed = parseIndex(bytes).manifests.map((entry) => entry.digest);
  assert.ok(listed.includes(digest), String(listed));
});

test("M7: a list without end is cut off", async () => {
  const manifests = Array.from({ length: 10_001 }, (_, at) => ({
    mediaType: "x/y",
    digest: `sha256:${at.toString(16).padStart(64, "0")}`,
    size: 1,
  }));
  registry.intercept = (_, response, url) => {
    if (!url.pathname.includes("/referrers/")) return false;
    response.end(JSON.stringify({ schemaVersion: 2, mediaType: MediaType.imageIndex, manifests }));
    return true;
  };
  const listing = listReferrers(remote(""), subject.digest, options);
  await assert.rejects(listing, (error) => isCortenError(error, "resource-exhausted"));
  let page = 0;
  registry.intercept = (_, response, url) => {
    if (!url.pathname.includes("/referrers/")) return false;
    page++;
    response.writeHead(200, { link: `<?page=${page}>; rel="next"` });
    response.end(JSON.stringify({ schemaVersion: 2, mediaType: MediaType.imageIndex, manifests: [] }));
    return true;
  };
  const endless = listReferrers(remote(""), subject.digest, options);
  await assert.rejects(endless, (error) => isCortenError(error, "resource-exhausted"));
});

test("the tag of a list is what distribution-spec makes of the digest", () => {
  assert.equal(referrersTag(`sha256:${"a".repeat(64)}`), `sha256-${"a".repeat(64)}`);
  assert.equal(referrersTag(`sha512:${"b".repeat(128)}`), `sha512-${"b".repeat(64)}`);
  assert.equal(referrersTag("test+algo:x=y"), "test-algo-x-y");
});
