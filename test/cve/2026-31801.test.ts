/**
 * CVE-2026-31801 (zot): a user who may create but not update could overwrite the tag `latest`; GO-2026-6527: DELETE
 * asked for the right to push. Each verb is asked for what it is, on a tag that is there and one that is not, by
 * every way that moves or removes a tag, with passwords and with tokens of every scope.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { MediaType } from "../../src/spec/index.ts";
import { basic, digestOf, htpasswd, imageOf, startGuardedRegistry } from "../registry/guarded-registry.ts";

const VERBS = ["read", "create", "update", "delete"] as const;
const users = Object.fromEntries([...VERBS, "admin"].map((name) => [name, name]));
const configuration = {
  htpasswd: "htpasswd",
  policies: [
    ...VERBS.map((verb) => ({ repositories: ["app"], users: [verb], verbs: [verb] })),
    // Clients ask whether a blob is there before they push it, with the right to read.
    { repositories: ["app"], users: ["create", "update", "delete"], verbs: ["read"] },
    // To move a tag, its new content has to come in.
    { repositories: ["app"], users: ["update"], verbs: ["create"], tags: ["nothing-but-blobs"] },
    { repositories: ["app"], users: ["admin"], verbs: [...VERBS] },
  ],
  immutableTags: [{ repositories: ["app"], tags: ["v*"] }],
};

const start = async () => {
  const registry = await startGuardedRegistry(configuration, { htpasswd: htpasswd(users) });
  assert.equal(await registry.pushImage("app", "latest", "first", basic("admin", "admin")), 201);
  return registry;
};

for (const scope of [undefined, "pull", "pull,push", "delete", "*"]) {
  test(`verb × tag, ${scope === undefined ? "by password" : `with a token for ${scope}`}`, async () => {
    await using registry = await start();
    let content = 0;
    for (const user of VERBS) {
      const login = basic(user, user);
      const authorization =
        scope === undefined ? login : await registry.token([`repository:app:${scope}`], login);
      const pushes = scope === undefined || scope === "pull,push" || scope === "*";
      const deletes = scope === undefined || scope === "delete" || scope === "*";
      const reads = scope !== "delete";
      const status = async (path: string, method: string): Promise<number> => {
        const response = await registry.call(method, path, authorization);
        await response.arrayBuffer();
        return response.status;
      };
      const push = (tag: string): Promise<number> =>
        registry.pushImage("app", tag, `${user} ${content++}`, authorization);
      const succeeds = (name: string): boolean => user === name;
      const label = `${user} ${scope}`;

      assert.equal(await status("/v2/app/manifests/latest", "GET"), reads ? 200 : 401, `${label} reads`);
      assert.equal(
        (await push(`new-${content}`)) === 201,
        pushes && succeeds("create"),
        `${label} makes a tag`,
      );
      assert.equal((await push("latest")) === 201, pushes && succeeds("update"), `${label} moves a tag`);

      // The other way to move a tag: parameters of a PUT by digest.
      const moved = imageOf(`${user} by parameter`);
      await registry.pushBlob("app", `${user} by parameter`, basic("admin", "admin"));
      const path = `/v2/app/manifests/${digestOf(moved)}?tag=fresh-${user}&tag=latest`;
      const put = await registry.call("PUT", path, authorization, moved, MediaType.imageManifest);
      assert.equal(put.status === 201, false, `${label} moves a tag by a parameter, and makes another`);
      assert.equal(
        await status(`/v2/app/manifests/fresh-${user}`, "HEAD"),
        reads ? 404 : 401,
        "nothing was changed",
      );

      assert.equal(await registry.pushImage("app", `target-${user}`, user, basic("admin", "admin")), 201);
      const digest = digestOf(imageOf(user));
      const mayDelete = deletes && succeeds("delete");
      for (const victim of [`manifests/target-${user}`, `manifests/${digest}`, `blobs/${digestOf(user)}`]) {
        assert.equal(
          (await status(`/v2/app/${victim}`, "DELETE")) === 202,
          mayDelete,
          `${label} deletes ${victim}`,
        );
      }
    }
  });
}

test("an immutable tag is neither moved nor removed, nor what it needs, by whoever may do everything else", async () => {
  await using registry = await start();
  const admin = basic("admin", "admin");
  assert.equal(await registry.pushImage("app", "v1", "release", admin), 201);
  assert.equal(
    await registry.pushImage("app", "v1", "release", admin),
    201,
    "the same again changes nothing",
  );
  assert.equal(await registry.pushImage("app", "v1", "other", admin), 403);
  const image = digestOf(imageOf("release"));
  const index = JSON.stringify({
    schemaVersion: 2,
    mediaType: MediaType.imageIndex,
    manifests: [
      {
        mediaType: MediaType.imageManifest,
        digest: digestOf(imageOf("child")),
        size: imageOf("child").length,
      },
    ],
  });
  assert.equal(await registry.pushImage("app", "child", "child", admin), 201);
  assert.equal(
    (await registry.call("PUT", "/v2/app/manifests/v2", admin, index, MediaType.imageIndex)).status,
    201,
  );
  for (const path of [
    "manifests/v1",
    `manifests/${image}`,
    `blobs/${digestOf("release")}`,
    "manifests/v2",
    `manifests/${digestOf(index)}`,
    `manifests/${digestOf(imageOf("child"))}`,
    `blobs/${digestOf("child")}`,
  ]) {
    assert.equal((await registry.call("DELETE", `/v2/app/${path}`, admin)).status, 403, path);
  }
  assert.equal((await registry.call("GET", "/v2/app/manifests/v1", admin)).status, 200);
  // A tag beside it can go, and what no immutable tag needs.
  assert.equal((await registry.call("DELETE", "/v2/app/manifests/child", admin)).status, 202);
  assert.equal(
    (await registry.call("DELETE", `/v2/app/manifests/${digestOf(imageOf("first"))}`, admin)).status,
    202,
  );
});
