import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { JsonView, MediaType } from "../../spec/index.ts";
import { openFilesystemStorage } from "../storage/filesystem/filesystem-storage.ts";
import {
  digestOf,
  errorCode,
  manifestOf,
  startTestingRegistry,
  type TestingRegistry,
} from "../testing-registry.ts";
import { readCollectionSettings } from "./collection-settings.ts";
import type { Damage } from "./scrubber.ts";

const scratch = mkdtempSync(join(tmpdir(), "corten-collection-"));
after(() => rmSync(scratch, { recursive: true, force: true }));

const settings = (document: object) => readCollectionSettings(new JsonView(document, "settings"));
/** Everything is old enough at once: the smallest age is "before now". */
const AT_ONCE = { grace: -1000, uploadAge: -1000 };

async function pushImage(
  registry: TestingRegistry,
  repository: string,
  tag: string,
  text: string,
): Promise<string> {
  await registry.push(repository, text);
  const document = JSON.stringify(manifestOf(text, []));
  assert.equal((await registry.put(repository, tag, document)).status, 201);
  return digestOf(document);
}

async function tagsOf(registry: TestingRegistry, repository: string): Promise<readonly string[]> {
  const response = await registry.call("GET", `${repository}/tags/list`);
  return ((await response.json()) as { tags?: string[] }).tags ?? [];
}

const statusOf = async (registry: TestingRegistry, path: string): Promise<number> =>
  (await registry.call("HEAD", path)).status;

test("blobs go when no manifest references them and their grace is over; uploads when nobody goes on", async () => {
  await using registry = await startTestingRegistry({ limits: AT_ONCE });
  const image = await pushImage(registry, "a", "v1", "config");
  const lost = await registry.push("a", "lost");
  const location = (await registry.call("POST", "a/blobs/uploads/")).headers.get("location") ?? "";
  await registry.call("PATCH", location, { body: "half of it" });
  const report = await registry.registry.collect();
  assert.deepEqual([report.blobs, report.bytes, report.uploads], [1, 4, 1]);
  assert.equal(await statusOf(registry, `a/blobs/${lost}`), 404);
  assert.equal(await statusOf(registry, `a/blobs/${digestOf("config")}`), 200);
  assert.equal((await registry.call("GET", location)).status, 404);
  assert.deepEqual(await registry.storage.metadata.orphans(10), []);
  await registry.call("DELETE", `a/manifests/${image}`);
  assert.equal((await registry.registry.collect()).blobs, 1);
  assert.deepEqual(await (await registry.call("GET", "_catalog")).json(), { repositories: [] });
});

test("within its grace a blob stays, and asking for it begins the grace anew", async () => {
  await using registry = await startTestingRegistry({ limits: { grace: 60_000 } });
  const blob = await registry.push("a", "content");
  assert.equal((await registry.registry.collect()).blobs, 0);
  assert.equal(await statusOf(registry, `a/blobs/${blob}`), 200);
  // The client is told "it is here" only if that was written down: of a blob collected in that moment it is not.
  assert.equal(await registry.storage.metadata.touchBlob("a", blob), true);
  assert.equal(await registry.storage.metadata.touchBlob("b", blob), false);
});

test("retention removes tags, untagged manifests and lost referrers; a dry run removes nothing", async () => {
  const { retention = [] } = settings({
    retention: [
      { repositories: ["kept"] },
      {
        repositories: ["*"],
        keepTags: [{ tags: ["v*"], mostRecentlyPushed: 1 }, { tags: ["latest"] }],
        deleteUntagged: "0s",
        deleteReferrers: "0s",
      },
    ],
  });
  const told: string[] = [];
  const events: string[] = [];
  await using registry = await startTestingRegistry({
    limits: AT_ONCE,
    retention,
    onExpired: ({ kind, reference }) => told.push(`${kind} ${reference}`),
    onEvent: ({ kind, digest, tags }) => {
      if (/deleted$/.test(kind)) events.push(`${kind} ${tags?.[0] ?? digest}`);
    },
  });
  const first = await pushImage(registry, "a", "v1", "one");
  await new Promise((resolve) => setTimeout(resolve, 5));
  const second = await pushImage(registry, "a", "v2", "two");
  await pushImage(registry, "kept", "v1", "one");
  const referrer = async (subject: string): Promise<string> => {
    const more = { subject: { mediaType: MediaType.imageManifest, digest: subject, size: 1 } };
    const document = JSON.stringify(manifestOf("two", [], more));
    assert.equal((await registry.put("a", digestOf(document), document)).status, 201);
    return digestOf(document);
  };
  const ofFirst = await referrer(first);
  const ofItsReferrer = await referrer(ofFirst);
  const ofSecond = await referrer(second);
  const signature = `${first.replace(":", "-")}.sig`;
  await pushImage(registry, "a", signature, "signature");
  await pushImage(registry, "a", "latest", "child");
  const child = digestOf(JSON.stringify(manifestOf("child", [])));
  const list = {
    schemaVersion: 2,
    mediaType: MediaType.imageIndex,
    manifests: [{ mediaType: MediaType.imageManifest, digest: child, size: 1 }],
  };
  assert.equal((await registry.put("a", "latest", list, MediaType.imageIndex)).status, 201);
  // What is of this millisecond is not older than now.
  await new Promise((resolve) => setTimeout(resolve, 5));

  const dry = await registry.registry.collect({ dryRun: true });
  assert.deepEqual(dry.expired, [{ repository: "a", kind: "tag", reference: "v1", digest: first }]);
  assert.deepEqual([await tagsOf(registry, "a"), told], [["latest", signature, "v1", "v2"], []]);

  // What one collection leaves without a tag, the next one may take.
  const gone: string[] = [];
  for (let last = 1; last > 0; ) {
    const { expired } = await registry.registry.collect();
    gone.push(...expired.map(({ kind, reference }) => `${kind} ${reference}`));
    last = expired.length;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.deepEqual(gone.toSorted(), told.toSorted());
  assert.deepEqual(
    new Set(gone),
    new Set([
      "tag v1",
      `manifest ${first}`,
      `referrer ${ofFirst}`,
      `referrer ${ofItsReferrer}`,
      `referrer ${signature}`,
      `manifest ${digestOf(JSON.stringify(manifestOf("signature", [])))}`,
    ]),
  );
  assert.deepEqual(await tagsOf(registry, "a"), ["latest", "v2"]);
  for (const digest of [second, ofSecond, child])
    assert.equal(await statusOf(registry, `a/manifests/${digest}`), 200);
  assert.deepEqual(await tagsOf(registry, "kept"), ["v1"]);
  for (const event of ["tag-deleted v1", `manifest-deleted ${first}`, `blob-deleted ${digestOf("one")}`]) {
    assert.ok(events.includes(event), event);
  }
});

test("pulls count: by tag and by digest, not by HEAD; what is pulled while retention decides stays", async () => {
  const { retention = [] } = settings({
    retention: [
      { repositories: ["*"], keepTags: [{ tags: ["*"], mostRecentlyPulled: 1 }], deleteUntagged: "1h" },
    ],
  });
  await using registry = await startTestingRegistry({ limits: AT_ONCE, retention });
  for (const tag of ["a", "b", "c"]) await pushImage(registry, "x", tag, tag);
  await registry.call("HEAD", "x/manifests/a");
  await (await registry.call("GET", "x/manifests/b")).arrayBuffer();
  const { metadata } = registry.storage;
  const before = await metadata.tagStates("x", { limit: 10 });
  assert.equal((await registry.registry.collect()).expired.length, 2);
  assert.deepEqual(await tagsOf(registry, "x"), ["b"]);
  // What was decided on has changed since: it was pulled.
  const stale = before.find(({ name }) => name === "b")!;
  assert.equal(stale.pulled, undefined);
  assert.equal(await metadata.expireTag("x", stale), false);
});

test("a quota refuses with 413 and says why, before the bytes come where their number is told", async () => {
  const { quotas } = settings({
    quotas: { total: 5000, repositories: [{ repositories: ["small"], bytes: 1000 }] },
  });
  await using registry = await startTestingRegistry({ limits: AT_ONCE, ...(quotas && { quotas }) });
  const push = async (repository: string, body: string | ReadableStream, digest: string) => {
    const location = (await registry.call("POST", `${repository}/blobs/uploads/`)).headers.get("location");
    return registry.call("PUT", `${location}?digest=${digest}`, { body });
  };
  const large = "x".repeat(900);
  assert.equal((await push("small", large, digestOf(large))).status, 201);
  const refused = await push("small", "y".repeat(101), digestOf("y".repeat(101)));
  assert.equal(refused.status, 413);
  const { errors } = (await refused.json()) as { errors: { code: string; message: string }[] };
  assert.equal(errors[0]?.code, "DENIED");
  assert.match(
    errors[0]?.message ?? "",
    /^repository small may have 1000 bytes, and would have more: delete images/,
  );
  const stream = new Blob(["y".repeat(2000)]).stream();
  assert.equal((await push("small", stream, digestOf("y".repeat(2000)))).status, 413);
  assert.equal(await registry.storage.metadata.countUploads(), 0, "a refused upload is not kept");

  // A manifest and a mount count too.
  assert.equal((await registry.put("small", "v1", manifestOf(large, []))).status, 413);
  const other = await registry.push("big", "z".repeat(200));
  const mount = await registry.call("POST", `small/blobs/uploads/?mount=${other}&from=big`);
  assert.equal(mount.status, 413);
  // The registry as a whole counts each blob once.
  await registry.push("big", large);
  assert.deepEqual(await registry.storage.metadata.usage("big"), { repository: 1100, total: 1100 });
  assert.equal(await errorCode(await push("big", "w".repeat(4000), digestOf("w".repeat(4000)))), "DENIED");

  assert.equal((await registry.registry.collect()).blobs, 3);
  assert.deepEqual(await registry.storage.metadata.usage("small"), { repository: 0, total: 0 });
  assert.equal((await push("small", large, digestOf(large))).status, 201);
});

test("pushes at the same time do not exceed a quota together", async () => {
  const { quotas } = settings({ quotas: { repositories: [{ repositories: ["**"], bytes: 1000 }] } });
  await using registry = await startTestingRegistry({ ...(quotas && { quotas }) });
  const contents = Array.from({ length: 20 }, (_, index) => `${index} `.padEnd(150, "."));
  const pushed = await Promise.allSettled(contents.map((content) => registry.push("a", content)));
  assert.equal(pushed.filter(({ status }) => status === "fulfilled").length, 6);
  assert.equal((await registry.storage.metadata.usage("a")).repository, 900);
});

test("a damaged blob is out of use and kept; pushing it again heals every repository that had it", async () => {
  const root = join(scratch, "scrub");
  await using storage = openFilesystemStorage(root);
  const damages: Damage[] = [];
  await using registry = await startTestingRegistry({ storage, onDamage: (damage) => damages.push(damage) });
  await pushImage(registry, "a", "v1", "bad content");
  await pushImage(registry, "b", "v1", "bad content");
  await registry.push("a", "good");
  await registry.push("a", "lost");
  assert.deepEqual((await registry.registry.scrub()).damages, []);

  const file = (content: string): string => {
    const files = readdirSync(join(root, "content"), { recursive: true, withFileTypes: true });
    const found = files
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .find((path) => readFileSync(path, "utf8") === content);
    return found ?? assert.fail(`no file has ${content}`);
  };
  const bad = file("bad content");
  writeFileSync(bad, "mad content");
  rmSync(file("lost"));
  await new Promise((resolve) => setTimeout(resolve, 5));
  const report = await registry.registry.scrub();
  assert.equal(report.blobs, 3);
  assert.deepEqual(report.damages, damages);
  assert.deepEqual(
    damages.map(({ digest, kind, repositories }) => [digest, kind, repositories]).toSorted(),
    [
      [digestOf("bad content"), "wrong", ["a", "b"]],
      [digestOf("lost"), "missing", ["a"]],
    ].toSorted(),
  );
  const digest = digestOf("bad content");
  for (const repository of ["a", "b"])
    assert.equal(await statusOf(registry, `${repository}/blobs/${digest}`), 404);
  const mount = await registry.call("POST", `c/blobs/uploads/?mount=${digest}&from=a`);
  assert.equal(mount.status, 202, "nothing is mounted that is not right");
  assert.equal(
    await errorCode(await registry.put("a", "v2", manifestOf("bad content", []))),
    "MANIFEST_BLOB_UNKNOWN",
  );
  assert.equal(readFileSync(bad, "utf8"), "mad content", "kept for whoever looks into it");

  await registry.push("b", "bad content");
  for (const repository of ["a", "b"]) {
    assert.equal(await (await registry.call("GET", `${repository}/blobs/${digest}`)).text(), "bad content");
  }
  assert.deepEqual((await registry.registry.scrub()).damages, []);
});

test("files that no row knows of go when they are old, and nothing else does", async () => {
  const root = join(scratch, "unknown");
  await using storage = openFilesystemStorage(root);
  await using registry = await startTestingRegistry({ storage, limits: { grace: 3_600_000 } });
  const image = await pushImage(registry, "a", "v1", "content");
  const location = (await registry.call("POST", "a/blobs/uploads/")).headers.get("location") ?? "";
  await registry.call("PATCH", location, { body: "half" });
  const path = (name: string): string => join(root, "content", name.slice(0, 2), name);
  const [old, young] = ["aa000000-0000-4000-8000-000000000000", "ab000000-0000-4000-8000-000000000000"];
  writeFileSync(path(old), "old");
  writeFileSync(path(young), "young");
  const yesterday = new Date(Date.now() - 86_400_000);
  for (const entry of readdirSync(join(root, "content"), { recursive: true, withFileTypes: true })) {
    if (entry.isFile() && entry.name !== young)
      utimesSync(join(entry.parentPath, entry.name), yesterday, yesterday);
  }
  assert.equal((await registry.registry.collect()).unknownFiles, 1);
  assert.deepEqual(
    readdirSync(join(root, "content"), { recursive: true }).filter((name) => String(name).endsWith(old)),
    [],
  );
  assert.equal(readFileSync(path(young), "utf8"), "young");
  assert.equal(await statusOf(registry, `a/manifests/${image}`), 200);
  assert.equal(await (await registry.call("GET", `a/blobs/${digestOf("content")}`)).text(), "content");
  const rest = await registry.call("PUT", `${location}?digest=${digestOf("half and half")}`, {
    body: " and half",
  });
  assert.equal(rest.status, 201);
});
