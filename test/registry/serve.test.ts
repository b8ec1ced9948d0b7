import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { command, commandOutput, corten, temporaryDirectory } from "../support/index.ts";
import { serveRegistry } from "./registry-server.ts";

test("it is alive and ready, logs requests as JSON without their queries, and stops when told", async () => {
  using scratch = temporaryDirectory("serve");
  const log = join(scratch.path, "access.log");
  await using registry = await serveRegistry(scratch.path, { args: ["--access-log", log] });
  for (const path of ["/healthz", "/readyz"]) {
    assert.equal((await fetch(`http://${registry.address}${path}`)).status, 200);
  }
  await fetch(`http://${registry.address}/v2/a/tags/list?secret=1`, { headers: { "User-Agent": "tester" } });
  assert.equal(await registry.end("SIGTERM"), 0);
  const entries = readFileSync(log, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    entries.map(({ method, path, status }) => [method, path, status]),
    [
      ["GET", "/healthz", 200],
      ["GET", "/readyz", 200],
      ["GET", "/v2/a/tags/list", 404],
    ],
  );
  assert.equal(entries[2].agent, "tester");
  assert.match(entries[2].time, /^\d{4}-\d\d-\d\dT/);
});

test("a running upload ends before the server does, and new requests go elsewhere", async () => {
  using scratch = temporaryDirectory("serve");
  await using registry = await serveRegistry(scratch.path);
  const begun = await fetch(`http://${registry.address}/v2/a/blobs/uploads/`, { method: "POST" });
  const digest = `sha256:${createHash("sha256").update("helloworld").digest("hex")}`;
  const [host, port] = registry.address.split(":") as [string, string];
  const socket = connect(Number(port), host);
  let answer = "";
  socket.on("data", (chunk) => {
    answer += String(chunk);
  });
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  socket.write(
    `PUT ${begun.headers.get("location")}?digest=${digest} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhello`,
  );
  await new Promise((resolve) => setTimeout(resolve, 200));
  const ended = registry.end("SIGTERM");
  for (;;) {
    try {
      await fetch(`http://${registry.address}/readyz`);
    } catch {
      break; // it listens no more
    }
  }
  socket.write("world");
  await closed;
  assert.match(answer, /^HTTP\/1\.1 201 /);
  assert.equal(await ended, 0);
  await using again = await serveRegistry(scratch.path);
  const blob = await fetch(`http://${again.address}/v2/a/blobs/${digest}`);
  assert.equal(await blob.text(), "helloworld");
});

test("a configuration file: TLS, renewed certificates, default deny, warnings", async () => {
  using scratch = temporaryDirectory("serve");
  const makeCertificate = (name: string) =>
    commandOutput("openssl", [
      ...[
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
      ],
      ...["-subj", `/CN=${name}`, "-addext", "subjectAltName=IP:127.0.0.1"],
      ...["-keyout", join(scratch.path, "tls.key"), "-out", join(scratch.path, "tls.crt")],
    ]);
  await makeCertificate("first");
  const config = join(scratch.path, "registry.yaml");
  writeFileSync(
    config,
    `tls: { certificate: tls.crt, key: tls.key }
access:
  policies:
    - { repositories: ["public/**"], anonymous: true, verbs: [read] }
warnings:
  - { repository: public/*, text: 'going away "soon"' }
`,
  );
  await using registry = await serveRegistry(scratch.path, { args: ["--config", config] });
  const ask = (path: string) =>
    commandOutput("curl", [
      "-sik",
      "--cacert",
      join(scratch.path, "tls.crt"),
      `https://${registry.address}${path}`,
    ]);
  const subject = async () =>
    await commandOutput("sh", [
      "-c",
      `openssl s_client -connect ${registry.address} </dev/null 2>/dev/null | openssl x509 -noout -subject`,
    ]);
  assert.match(await ask("/v2/public/x/tags/list"), /^HTTP\/1\.1 404 /);
  assert.match(await ask("/v2/private/x/tags/list"), /^HTTP\/1\.1 401 /);
  assert.match(await subject(), /first/);
  await makeCertificate("second");
  process.kill(registry.pid, "SIGHUP");
  for (let attempt = 0; !/second/.test(await subject()); attempt++) {
    assert.ok(attempt < 50, "the new certificate is not used");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.equal(await registry.end("SIGINT"), 0);
});

test("an open registry is not offered to the network, and a wrong configuration is explained", async () => {
  using scratch = temporaryDirectory("serve");
  const refused = await command(corten, ["registry", "serve", "--listen", ":0"]);
  assert.equal(refused.exitCode, 1);
  assert.match(refused.stderr, /everybody who reaches .* could push and delete\nhint: give --config/);
  writeFileSync(join(scratch.path, "wrong.json"), '{"access": "open", "storge": {}}');
  const wrong = await command(corten, ["registry", "serve", "--config", join(scratch.path, "wrong.json")]);
  assert.equal(wrong.exitCode, 1);
  assert.match(wrong.stderr, /wrong\.json: \/storge is not a known setting/);
});

test("it counts for Prometheus without names in the labels, where it is told to", async () => {
  using scratch = temporaryDirectory("serve");
  const config = join(scratch.path, "registry.json");
  writeFileSync(config, JSON.stringify({ access: "open", metrics: true }));
  await using registry = await serveRegistry(scratch.path, { args: ["--config", config] });
  const origin = `http://${registry.address}`;
  await fetch(`${origin}/v2/private-name/tags/list`);
  await fetch(`${origin}/v2/private-name/blobs/uploads/`, { method: "POST" });
  const text = await (await fetch(`${origin}/metrics`)).text();
  for (const line of [
    'corten_registry_requests_total{method="GET",route="tags",status="404"} 1',
    'corten_registry_request_seconds_count{method="POST",route="uploads"} 1',
    "corten_registry_uploads 1",
    "corten_registry_failures_total 0",
  ]) {
    assert.ok(text.split("\n").includes(line), `${line} is not in ${text}`);
  }
  assert.ok(!text.includes("private-name"));
  await using silent = await serveRegistry(join(scratch.path), {});
  assert.equal((await fetch(`http://${silent.address}/metrics`)).status, 404);
});
