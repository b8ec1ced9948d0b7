/**
 * CVE-2025-24976 (CNCF Distribution): a token could bring its own key in the header `jwk`, which was not compared with
 * the trusted ones. Keys come only from where the configuration says; neither a key nor an algorithm out of the token
 * counts.
 */
import assert from "node:assert/strict";
import { createHmac, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { basic, type GuardedRegistry, htpasswd, startGuardedRegistry } from "../registry/guarded-registry.ts";

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
const now = (): number => Math.floor(Date.now() / 1000);

/** A token made by hand: no library would make these. */
function forge(header: object, claims: object, signature: (input: Buffer) => Buffer | string): string {
  const input = `${encode(header)}.${encode(claims)}`;
  return `${input}.${Buffer.from(signature(Buffer.from(input))).toString("base64url")}`;
}

const es256 =
  (key: KeyObject) =>
  (input: Buffer): Buffer =>
    sign("sha256", input, { key, dsaEncoding: "ieee-p1363" });

const pair = () => generateKeyPairSync("ec", { namedCurve: "P-256" });

/** Each forgery with the claims of a good token and the key id of the trusted key. */
function forgeries(claims: object, kid: string, trusted: KeyObject, extra: object): Record<string, string> {
  const attacker = pair();
  const jwk = attacker.publicKey.export({ format: "jwk" });
  const es = { alg: "ES256", kid, ...extra };
  const own = es256(attacker.privateKey);
  const pem = trusted.export({ type: "spki", format: "pem" });
  return {
    "another key under the trusted id": forge(es, claims, own),
    "its own key in jwk": forge({ ...es, jwk }, claims, own),
    "its own key in jwk under the trusted id": forge({ ...es, jwk: { ...jwk, kid } }, claims, own),
    "its own key in jwk, no id": forge({ ...es, kid: undefined, jwk }, claims, own),
    "its own certificate in x5c": forge(
      { ...es, x5c: [Buffer.from("certificate").toString("base64")] },
      claims,
      own,
    ),
    "its own key set in jku": forge({ ...es, jku: "http://127.0.0.1:1/keys" }, claims, own),
    "no signature": forge({ ...es, alg: "none" }, claims, () => ""),
    "no signature, spelt otherwise": forge({ ...es, alg: "nOnE" }, claims, () => ""),
    "an empty signature": forge(es, claims, () => ""),
    "a signature of zeros (CVE-2022-21449)": forge(es, claims, () => Buffer.alloc(64)),
    "the public key as a shared secret": forge({ ...es, alg: "HS256" }, claims, (input) =>
      createHmac("sha256", pem).update(input).digest(),
    ),
    "no algorithm": forge({ ...es, alg: undefined }, claims, own),
    "an unknown critical header": forge({ ...es, crit: ["x"], x: 1 }, claims, own),
  };
}

async function refused(registry: GuardedRegistry, tokens: Record<string, string>): Promise<void> {
  for (const [what, token] of Object.entries(tokens)) {
    const response = await registry.call("GET", "/v2/", `Bearer ${token}`);
    assert.equal(response.status, 401, what);
    assert.match(response.headers.get("www-authenticate") ?? "", /error="invalid_token"/, what);
  }
}

const policies = [{ repositories: ["**"], authenticated: true, verbs: ["read"] }];

test("forged tokens of an external issuer are refused, a good one is not", async () => {
  const trusted = pair();
  const keys = { keys: [{ ...trusted.publicKey.export({ format: "jwk" }), kid: "one" }] };
  const issuers = { idp: { issuer: "https://idp.example", audience: ["corten"], jwks: "keys.json" } };
  await using registry = await startGuardedRegistry(
    { issuers, policies },
    { "keys.json": JSON.stringify(keys) },
  );
  const claims = { iss: "https://idp.example", aud: "corten", sub: "alice", exp: now() + 300 };
  const good = forge({ alg: "ES256", kid: "one" }, claims, es256(trusted.privateKey));
  assert.equal((await registry.call("GET", "/v2/", `Bearer ${good}`)).status, 200);
  await refused(registry, forgeries(claims, "one", trusted.publicKey, {}));
});

test("forged tokens of the registry's own endpoint are refused, a good one is not", async () => {
  await using registry = await startGuardedRegistry(
    { htpasswd: "htpasswd", policies },
    { htpasswd: htpasswd({ alice: "a" }) },
  );
  const good = await registry.token([], basic("alice", "a"));
  assert.equal((await registry.call("GET", "/v2/", good)).status, 200);
  const claims = JSON.parse(Buffer.from(good.split(".")[1]!, "base64url").toString()) as object;
  const file = JSON.parse(readFileSync(join(registry.directory, "state", "token-keys.json"), "utf8")) as {
    keys: { kid: string; kty: string; crv: string; x: string; y: string }[];
  };
  const { kid, kty, crv, x, y } = file.keys[0]!;
  const trusted = createPublicKey({ key: { kty, crv, x, y }, format: "jwk" });
  await refused(registry, forgeries(claims, kid, trusted, { typ: "JWT" }));
});
