import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isCortenError } from "../../spec/index.ts";
import { guardedLookup, reachOf } from "./network.ts";
import { checkRealm, checkRedirect, type Referrer } from "./realm.ts";

const PUBLIC = "93.184.216.34";

function referrer(url: string, peer = PUBLIC, trusted: string[] = []): Referrer {
  return { url: new URL(url), peer, trusted };
}

/** Whether `realm` at `address` may be asked when `from` names it. */
function answers(realm: string, address: string, from: Referrer): boolean {
  try {
    return checkRealm(realm, from).addresses?.includes(reachOf(address)) ?? true;
  } catch (error) {
    assert.ok(isCortenError(error, "unauthenticated"), String(error));
    return false;
  }
}

test("C2 CVE-2026-33540: the realm of a challenge gets credentials only where they may go", () => {
  const hub = referrer("https://registry.example");
  const inside = referrer("https://registry.corp", "10.0.0.5");
  const here = referrer("http://127.0.0.1:5000", "127.0.0.1");
  const plain = referrer("http://registry.lan:5000", "192.168.1.2");
  const cases: [realm: string, address: string, from: Referrer, allowed: boolean][] = [
    ["https://auth.example/token", PUBLIC, hub, true],
    ["/token", PUBLIC, hub, true],
    ["https://registry.example/token", "10.0.0.1", hub, true], // the registry's own origin
    ["https://registry.example:8443/token", PUBLIC, hub, true],
    ["http://registry.example/token", PUBLIC, hub, false], // downgrade
    ["http://auth.example/token", PUBLIC, hub, false],
    ["https://auth.example/token", "127.0.0.1", hub, false],
    ["https://auth.example/token", "169.254.169.254", hub, false],
    ["https://auth.example/token", "10.0.0.1", hub, false],
    ["https://localhost/token", "127.0.0.1", hub, false],
    ["https://127.0.0.1/token", "127.0.0.1", hub, false],
    ["https://[::1]/token", "::1", hub, false],
    ["https://2130706433/token", "127.0.0.1", hub, false],
    ["https://user:pw@auth.example/token", PUBLIC, hub, false],
    ["ftp://auth.example/token", PUBLIC, hub, false],
    ["file:///etc/passwd", PUBLIC, hub, false],
    ["", PUBLIC, hub, false],
    ["https://auth.corp/token", "10.0.0.6", inside, true],
    ["https://auth.corp/token", "127.0.0.1", inside, false],
    ["https://auth.corp/token", "169.254.169.254", inside, false],
    ["http://auth.corp/token", "10.0.0.6", inside, false],
    ["http://127.0.0.1:5001/token", "127.0.0.1", here, true],
    ["http://registry.lan:5001/token", "192.168.1.2", plain, true],
    ["http://auth.lan/token", "192.168.1.3", plain, false],
    ["http://auth.lan:81/token", "127.0.0.1", referrer("https://r.example", PUBLIC, ["auth.lan:81"]), true],
  ];
  for (const [realm, address, from, allowed] of cases) {
    assert.equal(answers(realm, address, from), allowed, `${from.url} names ${realm} at ${address}`);
  }
});

test("a redirect goes neither to http nor to this machine", () => {
  const hub = referrer("https://registry.example");
  const here = referrer("http://127.0.0.1:5000", "127.0.0.1");
  const follows = (location: string, address: string, from: Referrer, insecure = false): boolean => {
    try {
      return checkRedirect(location, from.url, from, insecure).addresses?.includes(reachOf(address)) ?? true;
    } catch (error) {
      assert.ok(isCortenError(error, "permission-denied"), String(error));
      return false;
    }
  };
  assert.ok(follows("https://cdn.example/x", PUBLIC, hub));
  assert.ok(follows("https://storage.corp/x", "10.1.2.3", hub), "object stores have private endpoints");
  assert.ok(follows("/x", "127.0.0.1", hub));
  assert.ok(follows("http://127.0.0.1:9/x", "127.0.0.1", here));
  assert.ok(follows("http://cdn.example/x", PUBLIC, hub, true));
  assert.ok(!follows("http://cdn.example/x", PUBLIC, hub));
  assert.ok(!follows("https://cdn.example/x", "127.0.0.1", hub));
  assert.ok(!follows("https://cdn.example/x", "169.254.169.254", hub));
  assert.ok(!follows("https://localhost/x", "127.0.0.1", hub));
  assert.ok(!follows("https://a:b@cdn.example/x", PUBLIC, hub));
  assert.ok(!follows("data:,x", PUBLIC, hub));
});

test("addresses are classified in every spelling", () => {
  const cases: Record<ReturnType<typeof reachOf>, string[]> = {
    public: ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "172.15.0.1", "64:ff9b::808:808"],
    private: [
      "10.0.0.1",
      "172.16.0.1",
      "172.31.255.255",
      "192.168.0.1",
      "100.64.0.1",
      "fd12::1",
      "::ffff:10.0.0.1",
    ],
    local: [
      "127.0.0.1",
      "127.9.9.9",
      "0.0.0.0",
      "::",
      "::1",
      "169.254.169.254",
      "fe80::1%eth0",
      "fe80::1",
      "::ffff:127.0.0.1",
      "::ffff:7f00:1",
      "64:ff9b::7f00:1",
      "fd00:ec2::254",
      "100.100.100.200",
      "255.255.255.255",
      "239.0.0.1",
      "not an address",
      "",
    ],
  };
  for (const [reach, addresses] of Object.entries(cases)) {
    for (const address of addresses) assert.equal(reachOf(address), reach, address);
  }
});

test("an IPv4 address has the same reach inside IPv6", () => {
  fc.assert(
    fc.property(fc.ipV4(), (address) => {
      assert.equal(reachOf(`::ffff:${address}`), reachOf(address));
    }),
  );
});

test("a name is checked when it is looked up, so that it cannot change its address afterwards", async () => {
  const lookup = await guardedLookup("localhost", ["public"]);
  const error = await new Promise<Error | null>((resolve) => lookup("localhost", {}, resolve));
  assert.ok(isCortenError(error, "permission-denied"), String(error));
  await assert.rejects(guardedLookup("127.0.0.1", ["public", "private"]), (refused) =>
    isCortenError(refused, "permission-denied"),
  );
  const open = await guardedLookup("localhost", ["local"]);
  const found = await new Promise((resolve) =>
    open("localhost", { all: true }, (_, addresses) => resolve(addresses)),
  );
  assert.ok(Array.isArray(found) && found.length > 0);
});
