import assert from "node:assert/strict";
import { test } from "node:test";
import type { Descriptor } from "../../spec/index.ts";
import { MediaType } from "../../spec/index.ts";
import {
  digestOf,
  errorCode,
  manifestOf,
  startTestingRegistry,
  type TestingRegistry,
} from "../testing-registry.ts";

/** Follows `Link` headers to the end. */
async function allPages<T>(
  registry: TestingRegistry,
  path: string,
  read: (body: T) => readonly string[],
): Promise<string[][]> {
  const pages: string[][] = [];
  for (let next: string | undefined = path; next !== undefined; ) {
    const response = await registry.call("GET", next);
    assert.equal(response.status, 200);
    pages.push([...read((await response.json()) as T)]);
    next = /^<([^>]+)>; rel="next"$/.exec(response.headers.get("link") ?? "")?.[1];
  }
  return pages;
}

test("tags come in the order of their bytes, in pages", async () => {
  await using registry = await startTestingRegistry({ require: "nothing" });
  const tags = ["v10", "v9", "Z", "a", "_x", "v1.0"];
  for (const tag of tags) await registry.put("a", tag, manifestOf("config", []));
  const read = (body: { tags: string[] }) => body.tags;
  const sorted = [...tags].sort();
  assert.deepEqual(await allPages(registry, "a/tags/list", read), [sorted]);
  assert.deepEqual(await allPages(registry, "a/tags/list?n=4", read), [sorted.slice(0, 4), sorted.slice(4)]);
  assert.deepEqual(await allPages(registry, "a/tags/list?n=6", read), [sorted]);
  assert.deepEqual(await allPages(registry, "a/tags/list?last=a", read), [["v1.0", "v10", "v9"]]);
  assert.deepEqual(await allPages(registry, "a/tags/list?n=0", read), [[]]);
  assert.deepEqual(await allPages(registry, "a/tags/list?last=nothing&n=2", read), [["v1.0", "v10"], ["v9"]]);
  assert.equal(await errorCode(await registry.call("GET", "none/tags/list")), "NAME_UNKNOWN");
});

test("the length of a list is the registry's to choose (CVE-2023-2253)", async () => {
  await using registry = await startTestingRegistry({ require: "nothing", limits: { page: 2 } });
  for (const name of ["a", "b", "c"]) await registry.put(name, "v1", manifestOf("config", []));
  for (const tag of ["1", "2", "3"]) await registry.put("a", tag, manifestOf("config", []));
  const repositories = (body: { repositories: string[] }) => body.repositories;
  assert.deepEqual(await allPages(registry, "_catalog?n=2147483647", repositories), [["a", "b"], ["c"]]);
  const tags = (body: { tags: string[] }) => body.tags;
  assert.deepEqual(await allPages(registry, "a/tags/list?n=99999999999", tags), [
    ["1", "2"],
    ["3", "v1"],
  ]);
  for (const n of ["-1", "x", "1e9", "9".repeat(400)]) {
    assert.equal((await registry.call("GET", `_catalog?n=${n}`)).status, 400, n);
  }
});

test("the catalogue shows what the client may read, and counts only that", async () => {
  await using registry = await startTestingRegistry({
    require: "nothing",
    access: {
      identify: async () => ({ name: "tester", groups: [] }),
      allows: (_, repository, action) => action !== "read" || repository.startsWith("open"),
      challenge: () => "Basic",
    },
  });
  for (const name of ["open1", "open2", "secret1", "open3", "closed"])
    await registry.put(name, "1", manifestOf("c", []));
  const read = (body: { repositories: string[] }) => body.repositories;
  assert.deepEqual(await allPages(registry, "_catalog?n=2", read), [["open1", "open2"], ["open3"]]);
  for (const [query, count] of [
    ["secret", 0],
    ["secret1", 0],
    ["open", 3],
    ["", 3],
  ] as const) {
    const response = await registry.call("GET", `../v1/search?q=${query}`);
    assert.equal(((await response.json()) as { results: unknown[] }).results.length, count, query);
  }
});

test("a mount needs the right to read at its source (CVE-2024-39897)", async () => {
  await using registry = await startTestingRegistry({
    access: {
      identify: async ({ headers }) => ({ name: String(headers["x-user"] ?? "owner"), groups: [] }),
      allows: ({ name }, repository, action) =>
        name === "owner" || repository === "mine" || (repository === "shared" && action === "read"),
      challenge: () => "Basic",
    },
  });
  const secret = await registry.push("secret", "secret");
  const shared = await registry.push("shared", "shared");
  const mount = (digest: string, from: string) =>
    registry.call("POST", `mine/blobs/uploads/?mount=${digest}${from}`, { headers: { "X-User": "thief" } });
  for (const from of ["&from=secret", "", "&from=../secret", "&from=mine"]) {
    assert.equal((await mount(secret, from)).status, 202, from);
  }
  assert.equal((await registry.call("HEAD", `mine/blobs/${secret}`)).status, 404);
  assert.equal((await mount(shared, "&from=shared")).status, 201);
  assert.equal((await mount(shared, "")).status, 201);
  const got = await registry.call("GET", `mine/blobs/${shared}`, { headers: { "X-User": "thief" } });
  assert.equal(await got.text(), "shared");
  const theirs = (await registry.call("POST", "mine/blobs/uploads/")).headers.get("location")!;
  const stolen = await registry.call("PATCH", theirs, { body: "x", headers: { "X-User": "thief" } });
  assert.equal(await errorCode(stolen), "BLOB_UPLOAD_UNKNOWN");
});

test("whoever may create tags may not move them (CVE-2026-31801)", async () => {
  await using registry = await startTestingRegistry({
    require: "nothing",
    access: {
      identify: async () => ({ name: "creator", groups: [] }),
      allows: (_, __, action) => action === "read" || action === "create",
      challenge: () => "Basic",
    },
  });
  assert.equal((await registry.put("a", "v1", manifestOf("one", []))).status, 201);
  assert.equal((await registry.put("a", "v1", manifestOf("one", []))).status, 201);
  const moved = await registry.put("a", "v1", manifestOf("two", []));
  assert.equal(moved.status, 403);
  assert.equal(await errorCode(moved), "DENIED");
  const two = JSON.stringify(manifestOf("two", []));
  assert.equal((await registry.put("a", `${digestOf(two)}?tag=v2&tag=v1`, two)).status, 403);
  assert.equal((await registry.call("HEAD", "a/manifests/v2")).status, 404);
  assert.equal((await registry.call("DELETE", "a/manifests/v1")).status, 403);
});

test("referrers: filtered, in pages, before their subject exists", async () => {
  await using registry = await startTestingRegistry({ require: "nothing" });
  const subject = { mediaType: MediaType.imageManifest, digest: digestOf("subject"), size: 7 };
  const refer = (artifactType: string | undefined, mark: string) =>
    manifestOf(mark, [], {
      subject,
      annotations: { mark },
      ...(artifactType === undefined ? {} : { artifactType }),
    });
  for (const [type, mark] of [
    ["x/sbom", "1"],
    ["x/sbom", "2"],
    ["x/sig", "3"],
    [undefined, "4"],
  ] as const) {
    const put = await registry.put("a", mark, refer(type, mark));
    assert.equal(put.headers.get("oci-subject"), subject.digest);
  }
  const path = `a/referrers/${subject.digest}`;
  const all = await registry.call("GET", path);
  assert.equal(all.headers.get("content-type"), MediaType.imageIndex);
  assert.equal(all.headers.get("oci-filters-applied"), null);
  const { manifests } = (await all.json()) as { manifests: Descriptor[] };
  assert.deepEqual(manifests.map(({ annotations }) => annotations!["mark"]).sort(), ["1", "2", "3", "4"]);
  const plain = manifests.find(({ annotations }) => annotations!["mark"] === "4")!;
  assert.equal(plain.artifactType, MediaType.imageConfig);
  const filtered = await registry.call("GET", `${path}?artifactType=x/sbom`);
  assert.equal(filtered.headers.get("oci-filters-applied"), "artifactType");
  assert.equal(((await filtered.json()) as { manifests: unknown[] }).manifests.length, 2);
  const read = (body: { manifests: Descriptor[] }) => body.manifests.map(({ digest }) => digest);
  const pages = await allPages(registry, `${path}?n=3`, read);
  assert.deepEqual(
    pages.map(({ length }) => length),
    [3, 1],
  );
  assert.equal(new Set(pages.flat()).size, 4);
  const none = await registry.call("GET", `unknown/referrers/${subject.digest}`);
  assert.deepEqual(((await none.json()) as { manifests: unknown[] }).manifests, []);
  assert.equal((await registry.call("GET", "a/referrers/sha256:x")).status, 400);
});

test("what was listed under the fallback tag is not lost", async () => {
  await using registry = await startTestingRegistry({ require: "nothing" });
  const subject = digestOf("subject");
  const tag = subject.replace(":", "-");
  const entry = (content: string, artifactType: string) => ({
    mediaType: MediaType.imageManifest,
    digest: digestOf(content),
    size: content.length,
    artifactType,
  });
  const own = manifestOf("own", [], {
    subject: { mediaType: MediaType.imageManifest, digest: subject, size: 7 },
    artifactType: "x/new",
  });
  await registry.put("a", "own", own);
  const twice = {
    ...entry("", "x/old"),
    digest: digestOf(JSON.stringify(own)),
    size: JSON.stringify(own).length,
  };
  const index = {
    schemaVersion: 2,
    mediaType: MediaType.imageIndex,
    manifests: [entry("old", "x/old"), twice],
  };
  await registry.put("a", tag, index, MediaType.imageIndex);
  const list = async (query: string) =>
    (
      (await (await registry.call("GET", `a/referrers/${subject}${query}`)).json()) as {
        manifests: Descriptor[];
      }
    ).manifests;
  assert.equal((await list("")).length, 2);
  assert.deepEqual(
    (await list("?artifactType=x/old")).map(({ digest }) => digest).includes(digestOf("old")),
    true,
  );
  assert.deepEqual(
    (await list("?artifactType=x/new")).map(({ digest }) => digest),
    [digestOf(JSON.stringify(own))],
  );
});

test("too many requests are told when to come again", async () => {
  await using registry = await startTestingRegistry({ limits: { requestsPerSecond: 1 } });
  const statuses: number[] = [];
  let last: Response | undefined;
  for (let index = 0; index < 15; index++) {
    last = await registry.call("GET", "");
    statuses.push(last.status);
  }
  assert.equal(statuses[0], 200);
  assert.equal(last?.status, 429);
  assert.ok(Number(last?.headers.get("retry-after")) >= 1);
});

test("a search finds names that hold a text, the name itself first, as Docker's first API shows them", async () => {
  await using registry = await startTestingRegistry({ require: "nothing" });
  for (const name of ["a/tool", "b/tools", "tool", "toolbox", "x/other", "tool/y"])
    await registry.put(name, "v1", manifestOf("config", []));
  const found = async (query: string): Promise<string[]> => {
    const response = await registry.call("GET", `../v1/search${query}`);
    assert.equal(response.status, 200);
    const { results } = (await response.json()) as { results: { name: string }[] };
    return results.map(({ name }) => name);
  };
  assert.deepEqual(await found("?q=tool&n=3"), ["tool", "a/tool", "b/tools"]);
  assert.deepEqual(await found("?q=TOOLS"), ["b/tools"]);
  assert.deepEqual(await found("?q=x%2Fother"), ["x/other"]);
  assert.deepEqual(await found("?q=none"), []);
  assert.equal((await found("")).length, 6);
  for (const n of ["0", "-1", "x", "1e99"]) assert.equal((await found(`?n=${n}`)).length, 6, n);
  assert.equal((await registry.call("GET", "../v1/_ping")).status, 200);
  assert.equal((await registry.call("POST", "../v1/search?q=a")).status, 405);
});
