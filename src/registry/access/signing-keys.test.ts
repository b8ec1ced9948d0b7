import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from "jose";
import type { TokenSettings } from "./access-settings.ts";
import { listKeys, pruneKeys, rotateKeys, SigningKeys } from "./signing-keys.ts";
import { AccessServer, basic, htpasswd } from "./testing-access.ts";

const directory = mkdtempSync(join(tmpdir(), "corten-keys-"));
after(() => rmSync(directory, { recursive: true }));
let made = 0;

/** Settings with a key file of their own. */
async function newKeys(more: Partial<TokenSettings> = {}): Promise<TokenSettings> {
  const keys = join(directory, `keys-${++made}.json`);
  const settings = { url: undefined, service: "corten", algorithm: "ES256", lifetime: 300 } as const;
  const tokens = { ...settings, keys, refreshLifetime: 3600, ...more };
  await SigningKeys.open(keys, tokens.algorithm);
  return tokens;
}

const alice = basic("alice", "ecila");
const read = ["repository:team/app:pull"];

function start(tokens: TokenSettings): Promise<AccessServer> {
  const policies = [{ repositories: ["team/**"], users: ["alice"], verbs: ["read"] }];
  const settings = { htpasswd: "htpasswd", policies, tokens: { keys: tokens.keys } };
  return AccessServer.start(settings, { htpasswd: htpasswd("alice") });
}

const kidOf = (authorization: string) => decodeProtectedHeader(authorization.slice("Bearer ".length)).kid;

test("a running server signs with a new key at once, and takes tokens of the old one until they end", async () => {
  const tokens = await newKeys();
  await using server = await start(tokens);
  const before = await server.token(read, alice);
  const [old] = await listKeys(tokens);
  assert.equal(kidOf(before), old!.kid);
  const [first, second] = await rotateKeys({ ...tokens, algorithm: "EdDSA" });
  assert.deepEqual([first!.algorithm, first!.signs, first!.until], ["EdDSA", true, undefined]);
  assert.deepEqual([second!.kid, second!.signs], [old!.kid, false]);
  assert.ok(Math.abs(second!.until! - Date.now() / 1000 - 3660) < 60, "the longest token, and a minute");
  const now = await server.token(read, alice);
  assert.equal(kidOf(now), first!.kid);
  for (const token of [before, now]) assert.equal(await server.status("team/app/read", token), 200);
  const text = readFileSync(tokens.keys, "utf8");
  const stored = JSON.parse(text).keys;
  assert.deepEqual(
    stored.map((key: object) => "d" in key),
    [true, false],
    "what is not needed any more cannot be stolen",
  );
  assert.equal(statSync(tokens.keys).mode & 0o777, 0o600);
});

test("others verify tokens by the keys that the server publishes, which have nothing secret", async () => {
  const tokens = await newKeys();
  await using server = await start(tokens);
  const before = await server.token(read, alice);
  await rotateKeys(tokens);
  const now = await server.token(read, alice);
  const address = `${server.origin}/.well-known/jwks.json`;
  const response = await fetch(address);
  assert.equal(response.headers.get("content-type"), "application/jwk-set+json");
  const { keys } = (await response.json()) as { keys: readonly Record<string, unknown>[] };
  assert.equal(keys.length, 2);
  for (const key of keys)
    assert.deepEqual(Object.keys(key).sort(), ["alg", "crv", "kid", "kty", "use", "x", "y"]);
  const remote = createRemoteJWKSet(new URL(address));
  for (const token of [before, now]) {
    const { payload } = await jwtVerify(token.slice("Bearer ".length), remote, { issuer: "corten" });
    assert.equal(payload.sub, "alice");
  }
  assert.equal((await fetch(address, { method: "HEAD" })).status, 200);
});

test("keys whose time has come verify nothing, and go when the file is changed next; all but one go when told", async () => {
  const tokens = await newKeys();
  await using server = await start(tokens);
  const before = await server.token(read, alice);
  await rotateKeys(tokens);
  const stored = JSON.parse(readFileSync(tokens.keys, "utf8"));
  stored.keys[1].until = Math.floor(Date.now() / 1000) - 1;
  writeFileSync(tokens.keys, JSON.stringify(stored));
  assert.equal(await server.status("team/app/read", before), 401);
  const published = await (await fetch(`${server.origin}/.well-known/jwks.json`)).json();
  assert.equal((published as { keys: unknown[] }).keys.length, 1);
  assert.deepEqual(
    (await pruneKeys(tokens, false)).map(({ kid }) => kid),
    [stored.keys[1].kid],
  );
  const now = await server.token(read, alice);
  await rotateKeys(tokens);
  assert.deepEqual(await pruneKeys(tokens, false), []);
  assert.equal((await pruneKeys(tokens, true)).length, 1);
  assert.equal(await server.status("team/app/read", now), 401);
  assert.equal(await server.status("team/app/read", await server.token(read, alice)), 200);
});

test("a key file that others can read, has no key to sign with, or is none is refused and kept", async () => {
  const tokens = await newKeys();
  const text = readFileSync(tokens.keys, "utf8");
  chmodSync(tokens.keys, 0o640);
  await assert.rejects(rotateKeys(tokens), /can be read by others/);
  assert.equal(readFileSync(tokens.keys, "utf8"), text);
  chmodSync(tokens.keys, 0o600);
  const { keys } = JSON.parse(text);
  const { d: _, ...half } = keys[0];
  for (const content of [
    { keys: [] },
    { keys: [half] },
    { keys: [{ ...keys[0], until: 1 }] },
    { keys: [{}] },
  ]) {
    writeFileSync(tokens.keys, JSON.stringify(content));
    await assert.rejects(
      listKeys(tokens),
      { code: /^(failed-precondition|invalid-argument)$/ },
      JSON.stringify(content),
    );
  }
  await assert.rejects(rotateKeys({ ...tokens, keys: join(directory, "none") }), /cannot read the key file/);
});

test("changes at the same moment lose no key, and what a killed one left is in nobody's way for long", async () => {
  const tokens = await newKeys();
  const results = await Promise.allSettled(Array.from({ length: 8 }, () => rotateKeys(tokens)));
  const done = results.filter(({ status }) => status === "fulfilled");
  for (const result of results)
    if (result.status === "rejected") assert.match(String(result.reason), /another process is changing/);
  assert.equal((await listKeys(tokens)).length, 1 + done.length);
  writeFileSync(`${tokens.keys}.lock`, "");
  await assert.rejects(rotateKeys(tokens), { code: "unavailable" });
  utimesSync(`${tokens.keys}.lock`, 0, Date.now() / 1000 - 120);
  await rotateKeys(tokens);
  assert.equal(existsSync(`${tokens.keys}.lock`), false);
});

test("the file keeps its owner, and a link stays a link", async () => {
  const tokens = await newKeys();
  const link = join(directory, "link.json");
  symlinkSync(tokens.keys, link);
  const owner = process.getuid?.() === 0 ? 12_345 : (process.getuid?.() ?? 0);
  if (process.getuid?.() === 0) chownSync(tokens.keys, owner, owner);
  await rotateKeys({ ...tokens, keys: link });
  assert.equal(statSync(tokens.keys).uid, owner);
  assert.equal((await listKeys(tokens)).length, 2);
});
