/**
 * CVE-2024-39897 (zot): whoever knew a digest could mount the blob out of a repository that they could not read, as
 * blobs were deduplicated without asking. A mount needs the right to read where the blob is; an upload of the same
 * content and a HEAD tell nothing about other repositories.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { basic, digestOf, htpasswd, startGuardedRegistry } from "../registry/guarded-registry.ts";

const alice = basic("alice", "a");
const mallory = basic("mallory", "m");
const secret = digestOf("secret");

const start = async () => {
  const registry = await startGuardedRegistry(
    {
      htpasswd: "htpasswd",
      policies: [
        { repositories: ["private/**"], users: ["alice"], verbs: ["read", "create"] },
        { repositories: ["public/**"], authenticated: true, verbs: ["read"] },
        { repositories: ["public/**"], users: ["alice"], verbs: ["create"] },
        { repositories: ["mallory/**"], users: ["mallory"], verbs: ["read", "create"] },
      ],
    },
    { htpasswd: htpasswd({ alice: "a", mallory: "m" }) },
  );
  assert.equal(await registry.pushBlob("private/app", "secret", alice), 201);
  assert.equal(await registry.pushBlob("public/app", "open", alice), 201);
  return registry;
};

test("a blob is mounted only from where who asks may read", async () => {
  await using registry = await start();
  const mount = async (digest: string, from: string | undefined, authorization: string): Promise<number> => {
    const source = from === undefined ? "" : `&from=${from}`;
    return (
      await registry.call("POST", `/v2/mallory/x/blobs/uploads/?mount=${digest}${source}`, authorization)
    ).status;
  };
  const narrow = await registry.token(["repository:mallory/x:pull,push"], mallory);
  const wide = await registry.token(
    ["repository:mallory/x:pull,push", "repository:public/app:pull"],
    mallory,
  );
  const greedy = await registry.token(
    ["repository:mallory/x:pull,push repository:private/app:pull"],
    mallory,
  );
  for (const authorization of [mallory, narrow, wide, greedy]) {
    assert.equal(
      await mount(secret, "private/app", authorization),
      202,
      "an upload begins, nothing is mounted",
    );
    assert.equal(await mount(secret, undefined, authorization), 202);
    assert.equal(await mount(secret, "public/app", authorization), 202, "the blob is not there");
    const head = await registry.call("HEAD", `/v2/mallory/x/blobs/${secret}`, authorization);
    assert.equal(head.status, 404);
  }
  assert.equal(await mount(digestOf("open"), "public/app", narrow), 202, "not in the scope of the token");
  assert.equal(await mount(digestOf("open"), "public/app", wide), 201);
  assert.equal((await registry.call("GET", `/v2/mallory/x/blobs/${digestOf("open")}`, mallory)).status, 200);
});

test("a digest alone opens nothing: not by an empty upload, not in a manifest", async () => {
  await using registry = await start();
  const begun = await registry.call("POST", "/v2/mallory/x/blobs/uploads/", mallory);
  const put = await registry.call("PUT", `${begun.headers.get("location")}?digest=${secret}`, mallory, "");
  assert.equal(put.status, 400);
  assert.equal((await registry.call("GET", `/v2/mallory/x/blobs/${secret}`, mallory)).status, 404);
  assert.equal((await registry.call("GET", `/v2/private/app/blobs/${secret}`, mallory)).status, 403);
  assert.equal((await registry.call("GET", "/v2/private/app/tags/list", mallory)).status, 403);
  const catalog = await registry.call("GET", "/v2/_catalog", mallory);
  assert.deepEqual(await catalog.json(), { repositories: ["public/app"] });
});
