import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { isCortenError, JsonView } from "../../spec/index.ts";
import { readAccessSettings } from "./access-settings.ts";
import { AccessServer, basic, htpasswd } from "./testing-access.ts";

const configuration = {
  htpasswd: "htpasswd",
  groups: { developers: ["alice"] },
  policies: [
    { repositories: ["team/**"], groups: ["developers"], verbs: ["read", "create"] },
    { repositories: ["team/**"], users: ["bob"], verbs: ["read", "create", "update", "delete"] },
    { repositories: ["public/*"], anonymous: true, verbs: ["read"] },
  ],
  immutableTags: [{ repositories: ["team/**"], tags: ["v*"] }],
};
const alice = basic("alice", "ecila");
const bob = basic("bob", "bob");
const start = (changes: object = {}): Promise<AccessServer> =>
  AccessServer.start({ ...configuration, ...changes }, { htpasswd: htpasswd("alice", "bob") });

test("nobody known is asked to log in, with the scope that was wanted; a token for nobody reads what is public", async () => {
  await using server = await start();
  const ping = await server.get("/v2/");
  assert.equal(ping.status, 401);
  assert.equal(
    ping.headers.get("www-authenticate"),
    `Bearer realm="${server.origin}/token",service="corten"`,
  );
  const denied = await server.get("/team/app/create");
  assert.equal(denied.status, 401);
  assert.match(denied.headers.get("www-authenticate") ?? "", /,scope="repository:team\/app:pull,push"$/);
  assert.equal(await server.status("public/a/read"), 200);

  const token = await server.token(["repository:public/a:pull,push repository:team/app:pull"]);
  assert.equal(await server.status("v2/", token), 200);
  assert.equal(await server.status("public/a/read", token), 200);
  assert.equal(await server.status("public/a/create", token), 401);
  assert.equal(await server.status("team/app/read", token), 401);
});

test("a token is cut to its scope and to the policies", async () => {
  await using server = await start();
  const token = await server.token(["repository:team/app:pull"], bob);
  assert.equal(await server.status("team/app/read", token), 200);
  const wider = await server.get("/team/app/create/latest", token);
  assert.equal(wider.status, 401, "bob could have a token that pushes");
  assert.match(wider.headers.get("www-authenticate") ?? "", /error="insufficient_scope"$/);
  assert.equal(await server.status("team/other/read", token), 401);
  assert.equal(await server.status("secret/x/read", token), 403, "no token of bob's would do");

  const everything = await server.token(["repository:team/app:*"], alice);
  assert.equal(await server.status("team/app/create/latest", everything), 200);
  assert.equal(await server.status("team/app/update/latest", everything), 403);
  assert.equal(await server.status("team/app/delete", everything), 403);
  const deletes = await server.token(["repository:team/app:delete"], bob);
  assert.equal(await server.status("team/app/delete/latest", deletes), 200);
  assert.equal(await server.status("team/app/delete/v1", deletes), 403, "immutable");
  assert.equal(await server.status("team/app/create/latest", deletes), 401);
});

test("Basic credentials do as well without a token, wrong ones are refused also where anonymous may read", async () => {
  await using server = await start();
  assert.equal(await server.status("v2/", alice), 200);
  assert.equal(await server.status("team/app/create/latest", alice), 200);
  assert.equal(await server.status("team/app/update/latest", alice), 403);
  assert.equal(await server.status("public/a/read", basic("alice", "wrong")), 401);
  assert.equal(await server.status("public/a/read", "Digest x"), 401);
  assert.equal(await server.status("public/a/read", "Bearer x.y.z"), 401);
  const wrong = await server.get("/token?service=corten", basic("alice", "wrong"));
  assert.equal(wrong.status, 401);
  assert.match(wrong.headers.get("www-authenticate") ?? "", /^Basic /);
});

test("a token ends with the account that it was made for", async () => {
  await using server = await start();
  const token = await server.token(["repository:team/app:pull"], bob);
  assert.equal(await server.status("team/app/read", token), 200);
  server.write("htpasswd", htpasswd("alice"));
  assert.equal(await server.status("team/app/read", token), 401);
  assert.equal(await server.status("team/app/read", bob), 401);
  server.write("htpasswd", htpasswd("alice", "bob"));
  assert.equal(await server.status("team/app/read", token), 401, "the password was set anew");
});

async function post(server: AccessServer, form: Record<string, string>) {
  const response = await fetch(`${server.origin}/token`, { method: "POST", body: new URLSearchParams(form) });
  return { status: response.status, body: (await response.json()) as Record<string, string> };
}

test("POST takes a password, and a refresh token as long as the account is as it was", async () => {
  await using server = await start();
  const common = { service: "corten", client_id: "test", scope: "repository:team/app:pull" };
  const login = {
    ...common,
    grant_type: "password",
    username: "bob",
    password: "bob",
    access_type: "offline",
  };
  const first = await post(server, login);
  assert.equal(first.status, 200);
  assert.equal(first.body["scope"], "repository:team/app:pull");
  const refresh = {
    ...common,
    grant_type: "refresh_token",
    refresh_token: first.body["refresh_token"] ?? "",
  };
  const second = await post(server, refresh);
  assert.equal(second.status, 200);
  assert.equal(second.body["refresh_token"], undefined);
  assert.equal(await server.status("team/app/read", `Bearer ${second.body["access_token"]}`), 200);

  // Neither kind of token stands for the other.
  assert.equal(await server.status("team/app/read", `Bearer ${refresh.refresh_token}`), 401);
  const swapped = await post(server, { ...refresh, refresh_token: first.body["access_token"] ?? "" });
  assert.deepEqual([swapped.status, swapped.body["error"]], [400, "invalid_grant"]);

  assert.equal((await post(server, { ...login, password: "wrong" })).body["error"], "invalid_grant");
  assert.equal((await post(server, { ...common, grant_type: "implicit" })).body["error"], "invalid_request");
  assert.equal((await post(server, { ...login, service: "other" })).status, 400);
  server.write("htpasswd", htpasswd("alice"));
  assert.equal((await post(server, refresh)).status, 400);
});

test("what is no request for a token is told so", async () => {
  await using server = await start();
  assert.equal(await server.status("token?scope=repository:team/app"), 400);
  const many = Array.from({ length: 101 }, (_, index) => `repository:a${index}:pull`).join("+");
  assert.equal(await server.status(`token?scope=${many}`), 400);
  assert.equal((await fetch(`${server.origin}/token`, { method: "DELETE" })).status, 405);
  assert.equal((await fetch(`${server.origin}/token`, { method: "POST", body: "{}" })).status, 400);
  const large = new URLSearchParams({ grant_type: "x".repeat(70_000) });
  assert.equal((await fetch(`${server.origin}/token`, { method: "POST", body: large })).status, 400);
  assert.equal(await server.status("tokens"), 401);
});

test("wrong passwords are slowed down with 429 and Retry-After at both doors", async () => {
  await using server = await start();
  const wrong = basic("alice", "wrong");
  for (let guess = 0; guess < 10; guess++) assert.equal(await server.status("v2/", wrong), 401);
  for (const path of ["/v2/", "/token"]) {
    const response = await server.get(path, alice);
    assert.equal(response.status, 429);
    assert.equal(response.headers.get("retry-after"), "1");
  }
  assert.equal(await server.status("v2/", bob), 200);
});

test("behind a trusted proxy the client's address counts, and its https; a header from elsewhere does not", async () => {
  const guess = async (server: AccessServer, client: string, password: string): Promise<number> => {
    const headers = { authorization: basic("alice", password), "x-forwarded-for": `203.0.113.9, ${client}` };
    return (await fetch(`${server.origin}/v2/`, { headers })).status;
  };
  await using proxied = await start({ trustedProxies: ["127.0.0.0/8"] });
  for (let time = 0; time < 10; time++) await guess(proxied, "192.0.2.1", "wrong");
  assert.equal(await guess(proxied, "192.0.2.1", "ecila"), 429);
  assert.equal(await guess(proxied, "192.0.2.2", "ecila"), 200);
  const secure = await fetch(`${proxied.origin}/v2/`, { headers: { "x-forwarded-proto": "https" } });
  assert.match(secure.headers.get("www-authenticate") ?? "", /realm="https:/);

  await using direct = await start();
  for (let time = 0; time < 10; time++) await guess(direct, `192.0.2.${time}`, "wrong");
  assert.equal(await guess(direct, "192.0.2.77", "ecila"), 429);
});

test("keys are made once, random and private, and shared by servers that start later", async () => {
  await using server = await start({ tokens: { algorithm: "EdDSA", keys: "keys.json", lifetime: 60 } });
  assert.equal(statSync(join(server.directory, "keys.json")).mode & 0o777, 0o600);
  const token = await server.token(["repository:team/app:pull"], alice);
  assert.equal(await server.status("team/app/read", token), 200);
  await using other = await start({ tokens: { algorithm: "EdDSA", keys: "keys.json" } });
  assert.equal(await other.status("team/app/read", token), 401, "another server, other keys");
  await using shared = await start({
    htpasswd: join(server.directory, "htpasswd"),
    tokens: { keys: join(server.directory, "keys.json") },
  });
  assert.equal(await shared.status("team/app/read", token), 200, "what the file has counts, not the setting");
});

test("without tokens the challenge is Basic", async () => {
  const policies = [{ repositories: ["**"], users: ["alice"], verbs: ["read"] }];
  await using server = await start({ tokens: false, policies });
  const response = await server.get("/v2/");
  assert.equal(response.headers.get("www-authenticate"), 'Basic realm="corten", charset="UTF-8"');
  assert.equal(await server.status("x/read", alice), 200);
  assert.equal(await server.status("token", alice), 200, "not an endpoint: the rest of the server answers");
});

test("settings that are wrong or contradict each other are named", () => {
  const read = (settings: object) =>
    readAccessSettings(new JsonView({ access: settings }, "corten.yaml").field("access"), {
      base: "/etc/corten",
      state: undefined,
    });
  const issuer = { issuer: "https://idp", audience: ["corten"], jwks: "https://idp/keys" };
  const anonymous = [{ repositories: ["**"], anonymous: true, verbs: ["read"] }];
  const table: ReadonlyArray<[object, RegExp]> = [
    [{ secret: "x" }, /\/access\/secret is not a known setting/],
    [{ htpasswd: "a" }, /\/access\/tokens needs keys/],
    [
      { htpasswd: "a", tokens: false, policies: anonymous },
      /\/access\/tokens is false while a policy admits anonymous/,
    ],
    [{ tokens: { keys: "k", algorithm: "HS256" } }, /\/access\/tokens\/algorithm is "HS256"/],
    [{ tokens: { keys: "k", secret: "x" } }, /\/access\/tokens\/secret is not a known setting/],
    [{ tokens: { keys: "k", lifetime: 86_400 } }, /\/access\/tokens\/lifetime is 86400/],
    [{ tokens: { keys: "k", url: "ftp://x" } }, /\/access\/tokens\/url is no http/],
    [{ tokens: { keys: "k", service: 'a"b' } }, /\/access\/tokens\/service has characters/],
    [{ issuers: { A: issuer } }, /\/access\/issuers\/A is no label/],
    [{ issuers: { spiffe: issuer } }, /\/access\/issuers\/spiffe is the scheme/],
    [{ issuers: { a: { ...issuer, audience: [] } } }, /\/access\/issuers\/a\/audience is empty/],
    [{ issuers: { a: { ...issuer, audience: undefined } } }, /\/access\/issuers\/a\/audience is missing/],
    [{ issuers: { a: { ...issuer, algorithms: ["none"] } } }, /algorithms\/0 is "none"/],
    [{ issuers: { a: { ...issuer, algorithms: ["HS256"] } } }, /algorithms\/0 is "HS256"/],
    [{ issuers: { a: { ...issuer, jwks: "http://idp/keys" } } }, /\/access\/issuers\/a\/jwks is not https/],
    [{ issuers: { a: issuer, b: issuer } }, /\/access\/issuers\/b\/issuer is that of another/],
    [
      { issuers: { a: { ...issuer, realm: "https://x/t" } }, tokens: { keys: "k" } },
      /\/access\/tokens is there beside/,
    ],
    [
      { issuers: { a: issuer }, tokens: { keys: "k", service: "https://idp" } },
      /\/access\/tokens\/service is the name/,
    ],
    [{ trustedProxies: ["10.0.0.0/33"] }, /\/access\/trustedProxies\/0 is no address/],
    [{ clientCertificates: { names: ["email"] } }, /\/access\/clientCertificates\/names\/0 is "email"/],
  ];
  for (const [settings, message] of table) {
    assert.throws(
      () => read(settings),
      (error: unknown) => isCortenError(error, "invalid-argument") && message.test(error.message),
      String(message),
    );
  }
  assert.equal(read({ htpasswd: "a", tokens: { keys: "k" } }).htpasswd, "/etc/corten/a");
});
