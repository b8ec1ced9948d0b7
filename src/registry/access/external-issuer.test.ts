import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import { TOKEN_USER } from "./logins.ts";
import { AccessServer, basic } from "./testing-access.ts";

type KeyPair = Awaited<ReturnType<typeof generateKeyPair>>;

const ISSUER = "https://idp.example";

/** An identity provider that makes tokens and, by http or as text, publishes its keys. */
class Provider implements AsyncDisposable {
  readonly #pairs = new Map<string, KeyPair>();
  #server: Server | undefined;
  requests = 0;

  async addKey(kid: string, algorithm = "ES256"): Promise<void> {
    this.#pairs.set(kid, await generateKeyPair(algorithm, { extractable: true }));
  }

  removeKey(kid: string): void {
    this.#pairs.delete(kid);
  }

  async keySet(): Promise<string> {
    const keys = [...this.#pairs].map(
      async ([kid, { publicKey }]): Promise<JWK> => ({ ...(await exportJWK(publicKey)), kid }),
    );
    return JSON.stringify({ keys: await Promise.all(keys) });
  }

  async listen(): Promise<string> {
    const server = createServer((_, response) => {
      this.requests++;
      void this.keySet().then((text) => response.setHeader("Content-Type", "application/json").end(text));
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
  }

  token(kid: string, claims: Record<string, unknown> = {}, header: object = {}): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    const payload = { iss: ISSUER, aud: "corten", sub: "alice", iat: now, exp: now + 300, ...claims };
    return new SignJWT(payload)
      .setProtectedHeader({ alg: "ES256", kid, ...header })
      .sign(this.#pairs.get(kid)!.privateKey);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server?.closeAllConnections();
    await new Promise((resolve) =>
      this.#server === undefined ? resolve(undefined) : this.#server.close(resolve),
    );
  }
}

const policies = [
  { repositories: ["team/**"], groups: ["idp:developers"], verbs: ["read", "create"] },
  { repositories: ["home/**"], users: ["idp:alice"], verbs: ["read"] },
];

async function start(
  provider: Provider,
  jwks: string,
  issuer: object = {},
  more: object = {},
): Promise<AccessServer> {
  const issuers = { idp: { issuer: ISSUER, audience: ["corten"], jwks, ...issuer } };
  return AccessServer.start({ issuers, policies, ...more }, { "keys.json": await provider.keySet() });
}

test("a token of a trusted issuer gives its name and groups, under the issuer's label", async () => {
  await using provider = new Provider();
  await provider.addKey("one");
  await using server = await start(provider, "keys.json");
  const developer = `Bearer ${await provider.token("one", { groups: ["developers"] })}`;
  assert.equal(await server.status("team/app/create", developer), 200);
  assert.equal(await server.status("team/app/update/latest", developer), 403);
  assert.equal(await server.status("home/x/read", developer), 200);
  const other = `Bearer ${await provider.token("one", { sub: "bob" })}`;
  assert.equal(await server.status("team/app/read", other), 403);
  assert.equal(await server.status("home/x/read", other), 403);
  const identity = await (await server.get("/home/x/read", developer)).json();
  assert.deepEqual(identity, { name: "idp:alice", groups: ["idp:developers"] });
});

test("another issuer, audience, time, algorithm or shape is refused", async () => {
  await using provider = new Provider();
  await provider.addKey("one");
  await provider.addKey("strong", "ES384");
  await using server = await start(provider, "keys.json");
  const now = Math.floor(Date.now() / 1000);
  const refused = {
    issuer: provider.token("one", { iss: "https://evil.example" }),
    "no issuer": provider.token("one", { iss: undefined }),
    audience: provider.token("one", { aud: "grafana" }),
    "no audience": provider.token("one", { aud: undefined }),
    expired: provider.token("one", { exp: now - 31 }),
    "no end": provider.token("one", { exp: undefined }),
    early: provider.token("one", { nbf: now + 600 }),
    algorithm: provider.token("strong", {}, { alg: "ES384" }),
    name: provider.token("one", { sub: ["alice"] }),
    "no name": provider.token("one", { sub: "" }),
    groups: provider.token("one", { groups: { developers: true } }),
    access: provider.token("one", { access: "repository:team/app:pull" }),
    long: provider.token("one", { padding: "x".repeat(20_000) }),
  };
  for (const [what, token] of Object.entries(refused)) {
    assert.ok([401, 431].includes(await server.status("home/x/read", `Bearer ${await token}`)), what);
  }
  const within = { exp: now - 10, nbf: now + 10 };
  assert.equal(
    await server.status("home/x/read", `Bearer ${await provider.token("one", within)}`),
    200,
    "leeway",
  );
});

test("claims may be named otherwise and stand deeper", async () => {
  await using provider = new Provider();
  await provider.addKey("one");
  await using server = await start(provider, "keys.json", {
    nameClaim: "preferred_username",
    groupsClaim: ["realm_access", "roles"],
  });
  const token = await provider.token("one", {
    preferred_username: "zoe",
    realm_access: { roles: ["developers"] },
  });
  const identity = await (await server.get("/team/app/read", `Bearer ${token}`)).json();
  assert.deepEqual(identity, { name: "idp:zoe", groups: ["idp:developers"] });
});

test("keys of a file may be changed: a removed one is refused within a minute, a new one at once", async () => {
  await using provider = new Provider();
  await provider.addKey("one");
  await using server = await start(provider, "keys.json");
  const old = await provider.token("one");
  await provider.addKey("two");
  provider.removeKey("one");
  server.write("keys.json", await provider.keySet());
  assert.equal(await server.status("home/x/read", `Bearer ${old}`), 401);
  assert.equal(await server.status("home/x/read", `Bearer ${await provider.token("two")}`), 200);
});

test("keys of a URL are read once, also for tokens with made-up key ids; an issuer that is down is 503, not 401", async () => {
  const provider = new Provider();
  await provider.addKey("one");
  await using server = await start(provider, await provider.listen());
  for (let index = 0; index < 5; index++) {
    assert.equal(
      await server.status("home/x/read", `Bearer ${await provider.token("one", { jti: index })}`),
      200,
    );
  }
  for (let index = 0; index < 5; index++) {
    const madeUp = await provider.token("one", {}, { kid: `made-up-${index}` });
    assert.equal(await server.status("home/x/read", `Bearer ${madeUp}`), 401);
  }
  assert.equal(provider.requests, 1);
  await using cold = await start(provider, "http://127.0.0.1:1/keys");
  assert.equal(await cold.status("home/x/read", `Bearer ${await provider.token("one")}`), 503);
  await provider[Symbol.asyncDispose]();
});

test("a client that only knows Basic logs in with the token as password and gets one of the registry's", async () => {
  await using provider = new Provider();
  await provider.addKey("one");
  await using server = await start(provider, "keys.json");
  const login = basic(TOKEN_USER, await provider.token("one", { groups: ["developers"] }));
  assert.equal(await server.status("v2/", login), 200);
  const own = await server.token(["repository:team/app:pull,push"], login);
  assert.equal(await server.status("team/app/create", own), 200);
  assert.equal(await server.status("home/x/read", own), 401, "not in its scope");
  const wrong = basic(TOKEN_USER, await provider.token("one", { aud: "grafana" }));
  assert.equal(await server.status("token", wrong), 401);
  // No refresh token: its groups could not be looked at again.
  const offline = await server.get("/token?offline_token=true", login);
  assert.deepEqual(Object.keys((await offline.json()) as object).includes("refresh_token"), false);
  // The own token ends with the external one.
  const short = await provider.token("one", { exp: Math.floor(Date.now() / 1000) + 20 });
  const answer = (await (await server.get("/token", basic(TOKEN_USER, short))).json()) as {
    expires_in: number;
  };
  assert.ok(answer.expires_in <= 20, String(answer.expires_in));
});

test("a claim access narrows the policies, also through the registry's own token", async () => {
  await using provider = new Provider();
  await provider.addKey("one");
  await using server = await start(provider, "keys.json");
  const access = [{ type: "repository", name: "team/app", actions: ["pull"] }];
  const narrow = await provider.token("one", { groups: ["developers"], access });
  assert.equal(await server.status("team/app/read", `Bearer ${narrow}`), 200);
  assert.equal(await server.status("team/app/create", `Bearer ${narrow}`), 401);
  const own = await server.token(
    ["repository:team/app:pull,push", "repository:team/b:pull"],
    basic(TOKEN_USER, narrow),
  );
  assert.equal(await server.status("team/app/read", own), 200);
  assert.equal(await server.status("team/app/create", own), 401);
  assert.equal(await server.status("team/b/read", own), 401);
});

test("where tokens decide, the claim access is everything, except for immutable tags", async () => {
  await using provider = new Provider();
  await provider.addKey("one");
  await using server = await start(
    provider,
    "keys.json",
    { decides: "token", realm: "https://idp.example/token" },
    { immutableTags: [{ repositories: ["**"], tags: ["v*"] }] },
  );
  const access = [{ type: "repository", name: "any/thing", actions: ["pull", "push"] }];
  const token = `Bearer ${await provider.token("one", { access })}`;
  assert.equal(await server.status("any/thing/create/v1", token), 200);
  assert.equal(await server.status("any/thing/update/latest", token), 200);
  assert.equal(await server.status("any/thing/update/v1", token), 403);
  assert.equal(await server.status("any/thing/delete", token), 401);
  assert.equal(await server.status("home/x/read", token), 401, "no policy adds to it");
  assert.equal(await server.status("any/thing/read", `Bearer ${await provider.token("one")}`), 401);
  const challenge = (await server.get("/any/thing/read")).headers.get("www-authenticate");
  assert.equal(
    challenge,
    'Bearer realm="https://idp.example/token",service="corten",scope="repository:any/thing:pull"',
  );
});
