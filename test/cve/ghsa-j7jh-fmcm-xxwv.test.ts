/**
 * GHSA-j7jh-fmcm-xxwv (Harbor: a default key for tokens), CVE-2026-4404 (a default administrator's password) and
 * CVE-2019-16097 (a user made themself administrator by a field of a request). There is no default secret and no
 * default user; what a request says about rights is not asked.
 */
import assert from "node:assert/strict";
import { chmodSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { openAccess, readAccessSettings } from "../../src/registry/index.ts";
import { isCortenError, JsonView } from "../../src/spec/index.ts";
import { basic, htpasswd, startGuardedRegistry } from "../registry/guarded-registry.ts";

const configuration = {
  htpasswd: "htpasswd",
  policies: [{ repositories: ["public/**"], authenticated: true, verbs: ["read"] }],
};
const start = () => startGuardedRegistry(configuration, { htpasswd: htpasswd({ mallory: "m" }) });

test("two servers of the same configuration have different keys, in files of their own only", async () => {
  await using one = await start();
  await using two = await start();
  const path = (registry: { directory: string }): string =>
    join(registry.directory, "state", "token-keys.json");
  assert.notEqual(readFileSync(path(one), "utf8"), readFileSync(path(two), "utf8"));
  assert.equal(statSync(path(one)).mode & 0o777, 0o600);
  const token = await one.token([], basic("mallory", "m"));
  assert.equal((await one.call("GET", "/v2/", token)).status, 200);
  assert.equal((await two.call("GET", "/v2/", token)).status, 401);
});

test("a key that others could have read, and a key or password in the configuration, are refused", async () => {
  await using registry = await start();
  const open = (settings: object) =>
    openAccess(
      readAccessSettings(new JsonView(settings, "configuration"), {
        base: registry.directory,
        state: join(registry.directory, "state"),
      }),
    );
  chmodSync(join(registry.directory, "state", "token-keys.json"), 0o644);
  await assert.rejects(open(configuration), (error: unknown) => isCortenError(error, "failed-precondition"));
  for (const tokens of [{ secret: "s" }, { key: "k" }, { algorithm: "HS256" }]) {
    assert.throws(() => open({ ...configuration, tokens }), /is not a known setting|is "HS256"/);
  }
  assert.throws(() => open({ ...configuration, users: { admin: "admin" } }), /is not a known setting/);
});

test("no user is there by default, and usual passwords open nothing", async () => {
  await using registry = await start();
  for (const [name, password] of [
    ["admin", "admin"],
    ["admin", "password"],
    ["admin", "Harbor12345"],
    ["root", ""],
    ["mallory", ""],
  ] as const) {
    assert.equal(
      (await registry.call("GET", "/v2/", basic(name, password))).status,
      401,
      `${name} ${password}`,
    );
  }
});

test("no field of a request makes anybody more than they are", async () => {
  await using registry = await start();
  const mallory = basic("mallory", "m");
  const extra = "sub=admin&account=admin&groups=admins&admin=true&access=*&proof=certificate";
  const scope = "scope=repository:private/app:pull,push,delete";
  const byGet = await registry.call("GET", `/token?${scope}&${extra}`, mallory);
  const form = `grant_type=password&username=mallory&password=m&service=corten&${scope}&${extra}`;
  const byPost = await registry.call("POST", "/token", undefined, form, "application/x-www-form-urlencoded");
  for (const response of [byGet, byPost]) {
    assert.equal(response.status, 200);
    const { token } = (await response.json()) as { token: string };
    const claims = JSON.parse(Buffer.from(token.split(".")[1]!, "base64url").toString()) as Record<
      string,
      unknown
    >;
    assert.equal(claims["sub"], "mallory");
    assert.deepEqual(claims["access"], []);
    assert.deepEqual(claims["groups"], []);
    assert.equal((await registry.call("GET", "/v2/private/app/tags/list", `Bearer ${token}`)).status, 403);
  }
});
