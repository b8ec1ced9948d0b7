/**
 * CVE-2026-2733 (Keycloak): a disabled client still got tokens. A removed or disabled account gets none from the next
 * request on, its tokens end with it, and neither the memory of a right password nor a refresh token outlives it.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { basic, htpasswd, startGuardedRegistry } from "../registry/guarded-registry.ts";

const alice = basic("alice", "a");
const FORM = "application/x-www-form-urlencoded";

for (const change of ["removed", "disabled", "given another password"] as const) {
  test(`whoever was ${change} is refused at once, by every way`, async () => {
    await using registry = await startGuardedRegistry(
      {
        htpasswd: "htpasswd",
        policies: [{ repositories: ["**"], authenticated: true, verbs: ["read", "create"] }],
      },
      { htpasswd: htpasswd({ alice: "a", bob: "b" }) },
    );
    const token = await registry.token(["repository:app:pull,push"], alice);
    const login = await registry.call("GET", "/token?offline_token=true", alice);
    const { refresh_token: refresh } = (await login.json()) as { refresh_token: string };
    const renew = () =>
      registry.call("POST", "/token", undefined, `grant_type=refresh_token&refresh_token=${refresh}`, FORM);
    const begun = await registry.call("POST", "/v2/app/blobs/uploads/", token);
    assert.deepEqual([begun.status, (await renew()).status], [202, 200]);
    assert.equal((await registry.call("GET", "/v2/", alice)).status, 200);

    const lines = readFileSync(join(registry.directory, "htpasswd"), "utf8").split("\n");
    const bob = lines.filter((line) => line.startsWith("bob"));
    const own = lines.filter((line) => line.startsWith("alice"));
    const changed = {
      removed: [],
      disabled: own.map((line) => line.replace(":", ":!")),
      "given another password": [htpasswd({ alice: "new" }).trim()],
    };
    registry.write("htpasswd", `${[...changed[change], ...bob].join("\n")}\n`);

    assert.equal((await registry.call("GET", "/v2/", alice)).status, 401, "password");
    assert.equal((await registry.call("GET", "/token", alice)).status, 401, "password for a token");
    assert.equal((await registry.call("GET", "/v2/", token)).status, 401, "token");
    assert.equal((await renew()).status, 400, "refresh token");
    const going = await registry.call("PATCH", begun.headers.get("location") ?? "", token, "content");
    assert.equal(going.status, 401, "an upload under way");
    assert.equal((await registry.call("GET", "/v2/", basic("bob", "b"))).status, 200);
  });
}
