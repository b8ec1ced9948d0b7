import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { isCortenError } from "../../spec/index.ts";
import { readConfigFile } from "./config-file.ts";
import { describeAddress, isLocal, parseListenAddress } from "./listen-address.ts";
import { openConfig, warningsFor } from "./registry-config.ts";

const directory = mkdtempSync(join(tmpdir(), "corten-registry-config-"));
after(() => rmSync(directory, { recursive: true, force: true }));
const file = join(directory, "registry.yaml");

function read(text: string) {
  writeFileSync(file, text);
  return readConfigFile(file, "/default");
}

test("a configuration in YAML and the same in JSON", async () => {
  const yaml = await read(`
listen: [127.0.0.1:5000, "unix:/run/r.sock"]
root: data
access: open
limits: { blobSize: 1000, uploadAge: 3600 }
tls: { certificate: tls.crt, key: /etc/tls.key }
warnings:
  - { repository: old/*, text: moved to new }
`);
  assert.deepEqual(yaml.listen, [{ host: "127.0.0.1", port: 5000 }, { path: "/run/r.sock" }]);
  assert.equal(yaml.root, join(directory, "data"));
  assert.deepEqual(yaml.limits, { blobSize: 1000, uploadAge: 3_600_000 });
  assert.equal(yaml.tls?.certificate, join(directory, "tls.crt"));
  assert.equal(yaml.tls?.key, "/etc/tls.key");
  assert.deepEqual(warningsFor(yaml.warnings, "old/x"), ["moved to new"]);
  assert.deepEqual(warningsFor(yaml.warnings, "older"), []);
  const json = await read('{"access": "open", "deletes": false, "accessLog": "-"}');
  assert.equal(json.root, "/default");
  assert.equal(json.deletes, false);
  assert.equal(json.accessLog, "-");
});

test("content in a bucket and a database", async () => {
  const s3 = "endpoint: http://s3, bucket: images, credentials: keys.json";
  const { storage } = await read(
    `{access: open, storage: {s3: {${s3}}, postgresql: {url: postgres://db/x, connections: 4}}}`,
  );
  assert.deepEqual(storage.s3, {
    endpoint: "http://s3",
    bucket: "images",
    credentials: join(directory, "keys.json"),
  });
  assert.deepEqual(storage.postgresql, { url: "postgres://db/x", connections: 4 });
  for (const [section, message] of [
    ["{postgresql: {url: postgres://db/x}}", /\/storage\/postgresql needs s3/],
    ["{s3: {bucket: x}}", /\/storage\/s3\/endpoint/],
    [`{s3: {${s3}, secret: x}}`, /\/storage\/s3\/secret is not a known setting/],
    [`{s3: {${s3}}, postgresql: {url: x, connections: 0}}`, /connections is 0/],
  ] as const) {
    await assert.rejects(read(`{access: open, storage: ${section}}`), { code: "invalid-argument", message });
  }
});

test("what is wrong is named, a key that nobody knows included", async () => {
  for (const [text, message] of [
    ["access: open\nlisen: :5000", /\/lisen is not a known setting/],
    ["access: open\nlimits: { manifests: 1 }", /\/limits\/manifests is not a known setting/],
    ["access: open\nlimits: { manifestSize: 1000 }", /\/limits\/manifestSize is 1000/],
    ["access: open\ntls: { key: x }", /\/tls\/certificate/],
    ["access: { clientCertificates: {} }", /\/access\/clientCertificates needs tls.clientAuthorities/],
    ["access: open\nscrub: { every: 5m }", /\/scrub\/every is less than 1h/],
    ["access: open\nretention: [{ repositories: [a], keepTags: [] }]", /\/retention\/0\/keepTags is empty/],
    [
      "access: open\ntls: { key: x, certificate: y, requireClientCertificate: true }",
      /needs clientAuthorities/,
    ],
    ["access: open\nlisten: nowhere", /"nowhere" is no address/],
    ["access: open\naccess: open", /is not YAML/],
    ["a: [", /is not YAML/],
    ["{}", /\/access is missing/],
    ["", /is not an object/],
    ["access: { polices: [] }", /\/access\/polices is not a known setting/],
  ] as const) {
    await assert.rejects(read(text), (error) => {
      assert.ok(isCortenError(error, "invalid-argument"), String(error));
      assert.match(error.message, message);
      return true;
    });
  }
  await assert.rejects(readConfigFile(join(directory, "none")), (error) => isCortenError(error, "not-found"));
});

test("without a configuration only this machine is let in", () => {
  for (const local of ["127.0.0.1:5000", "127.9.9.9:1", "[::1]:5000", "localhost:0", "unix:/run/x"]) {
    assert.ok(isLocal(parseListenAddress(local)), local);
    assert.equal(describeAddress(parseListenAddress(local)), local);
    openConfig("/root", [parseListenAddress(local)]);
  }
  for (const open of [
    ":5000",
    "0.0.0.0:5000",
    "[::]:5000",
    "10.0.0.1:5000",
    "localhost.example:5000",
    "127.example:1",
  ]) {
    assert.ok(!isLocal(parseListenAddress(open)), open);
    assert.throws(() => openConfig("/root", [parseListenAddress(open)]), /everybody who reaches/);
  }
});

test("events, metrics and upstreams", async () => {
  const config = await read(`
access: open
events: { source: urn:here, webhooks: [{ url: "https://ci/hook", kinds: [tag-deleted], secretFile: key }] }
metrics: { listen: 127.0.0.1:9100 }
upstreams: [{ registry: docker.io, unprefixed: true, revalidate: 5 }, { registry: "localhost:5000" }]
`);
  assert.equal(config.events.source, "urn:here");
  assert.equal(config.events.webhooks[0]?.secretFile, join(directory, "key"));
  assert.deepEqual(config.metrics, { host: "127.0.0.1", port: 9100 });
  assert.deepEqual(
    config.upstreams.map(({ name, revalidate }) => [name, revalidate]),
    [
      ["docker.io", 5000],
      ["localhost-5000", undefined],
    ],
  );
  for (const [text, message] of [
    ["events: { webhooks: [{ url: 'ftp://x' }] }", /\/events\/webhooks\/0\/url is "ftp:\/\/x"/],
    ["events: { webhooks: [{ url: 'http://x', kinds: [push] }] }", /kinds\/0 is "push"/],
    ["upstreams: [{ registry: 'https://docker.io' }]", /\/upstreams\/0\/registry is/],
    ["upstreams: [{ registry: a.io }, { registry: b.io, name: a.io }]", /two entries named "a.io"/],
    ["metrics: { port: 1 }", /\/metrics\/port is not a known setting/],
  ] as const) {
    await assert.rejects(read(`access: open\n${text}`), { code: "invalid-argument", message });
  }
});
