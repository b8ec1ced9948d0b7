/**
 * GHSA-c9p4-xwr9-rfhx (zot, GO-2025-3409): groups of the identity provider were added to those stored at an earlier
 * login, so a group that was taken away stayed. Groups are those of the token that is shown, and nothing is stored.
 */
import assert from "node:assert/strict";
import { generateKeyPairSync, sign } from "node:crypto";
import { test } from "node:test";
import { basic, htpasswd, startGuardedRegistry } from "../registry/guarded-registry.ts";

const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const keys = JSON.stringify({ keys: [{ ...publicKey.export({ format: "jwk" }), kid: "one" }] });

function externalToken(groups: readonly string[]): string {
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: "https://idp.example",
    aud: "corten",
    sub: "alice",
    iat: now,
    exp: now + 300,
    groups,
  };
  const input = `${encode({ alg: "ES256", kid: "one" })}.${encode(claims)}`;
  const signature = sign("sha256", Buffer.from(input), { key: privateKey, dsaEncoding: "ieee-p1363" });
  return `${input}.${signature.toString("base64url")}`;
}

const configuration = (members: readonly string[]) => ({
  htpasswd: "htpasswd",
  groups: { admins: members },
  issuers: { idp: { issuer: "https://idp.example", audience: ["corten"], jwks: "keys.json" } },
  policies: [{ repositories: ["**"], groups: ["admins", "idp:admins"], verbs: ["create"] }],
});

test("a group that the provider took away is gone at the next login, by token and by password field", async () => {
  await using registry = await startGuardedRegistry(configuration([]), {
    htpasswd: htpasswd({ bob: "b" }),
    "keys.json": keys,
  });
  const pushWith = (authorization: string): Promise<number> =>
    registry.pushBlob("app", "content", authorization);
  assert.equal(await pushWith(`Bearer ${externalToken(["admins", "staff"])}`), 201);
  assert.equal(await pushWith(`Bearer ${externalToken(["staff"])}`), 403);
  assert.equal(await pushWith(`Bearer ${externalToken([])}`), 403);

  const login = (groups: readonly string[]): string => basic("oauth2accesstoken", externalToken(groups));
  assert.equal(await pushWith(login(["admins"])), 201);
  assert.equal(await pushWith(login([])), 403);
  // The registry's own tokens carry the groups of their login and are not renewed without another one.
  const scopes = ["repository:app:pull,push"];
  assert.equal(await pushWith(await registry.token(scopes, login(["admins"]))), 201);
  assert.equal(await pushWith(await registry.token(scopes, login([]))), 403);
  const response = await registry.call("GET", "/token?offline_token=true", login(["admins"]));
  assert.equal("refresh_token" in ((await response.json()) as object), false);
});

test("the provider's groups are not the registry's own of the same name", async () => {
  await using registry = await startGuardedRegistry(
    {
      ...configuration(["bob"]),
      policies: [{ repositories: ["**"], groups: ["admins"], verbs: ["create"] }],
    },
    { htpasswd: htpasswd({ bob: "b" }), "keys.json": keys },
  );
  assert.equal(await registry.pushBlob("app", "content", basic("bob", "b")), 201);
  assert.equal(await registry.pushBlob("app", "content", `Bearer ${externalToken(["admins"])}`), 403);
});
