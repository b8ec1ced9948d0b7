/** The executable itself: access control, keeping house and the passwords for it, beside a server that runs. */
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { command, commandOutput, corten, makeBusyboxImage, temporaryDirectory } from "../support/index.ts";
import { Authority } from "./authority.ts";
import { serveRegistry } from "./registry-server.ts";

/** A line for the password file. */
async function passwordLine(name: string, password: string): Promise<string> {
  const words = ["registry", "password", name, "--password-stdin", "--cost", "4"];
  const made = await command(corten, words, { input: `${password}\n` });
  assert.equal(made.exitCode, 0, made.stderr);
  return made.stdout;
}

test("passwords, tokens and client certificates let in whom policies name, skopeo and corten alike", async () => {
  using scratch = temporaryDirectory("serve-access");
  using authority = new Authority();
  authority.make("server", "127.0.0.1", "IP:127.0.0.1");
  authority.make("ci", "x", "URI:spiffe://example.org/ci");
  const at = (name: string): string => join(scratch.path, name);
  writeFileSync(
    at("htpasswd"),
    (await passwordLine("alice", "wonder")) + (await passwordLine("bob", "build")),
  );
  const tls = {
    certificate: authority.path("server.pem"),
    key: authority.path("server.key"),
    clientAuthorities: authority.path("ca.pem"),
  };
  const access = {
    htpasswd: "htpasswd",
    clientCertificates: {},
    policies: [
      { repositories: ["team/**"], users: ["alice", "spiffe://example.org/ci"], verbs: ["read", "create"] },
      { repositories: ["team/**"], users: ["bob"], verbs: ["read"] },
    ],
  };
  writeFileSync(at("registry.yaml"), JSON.stringify({ tls, access }));
  await using registry = await serveRegistry(scratch.path, { args: ["--config", at("registry.yaml")] });
  assert.equal(statSync(at("root/registry/token-keys.json")).mode & 0o777, 0o600);
  await makeBusyboxImage(at("image.tar"), "corten-test/busybox:1");

  mkdirSync(at("certs"));
  copyFileSync(authority.path("ca.pem"), at("certs/ca.crt"));
  const env = { REGISTRY_AUTH_FILE: at("auth.json"), TMPDIR: scratch.path };
  const skopeo = (...words: string[]) => command("skopeo", ["--insecure-policy", ...words], { env });
  const ours = (...words: string[]) => command(corten, ["--root", at("client"), ...words], { env });
  const image = `docker://${registry.address}/team/app`;
  const push = (tag: string) =>
    skopeo("copy", "--dest-cert-dir", at("certs"), `docker-archive:${at("image.tar")}`, `${image}:${tag}`);
  const succeeds = async (running: ReturnType<typeof command>): Promise<string> => {
    const { exitCode, stdout, stderr } = await running;
    assert.equal(exitCode, 0, stderr + registry.output());
    return stdout;
  };
  const fails = async (running: ReturnType<typeof command>, pattern: RegExp): Promise<void> => {
    const { exitCode, stderr } = await running;
    assert.notEqual(exitCode, 0);
    assert.match(stderr, pattern);
  };
  const login = (name: string, password: string) =>
    ours(
      "login",
      "--cert-dir",
      at("certs"),
      "--authfile",
      at("auth.json"),
      "-u",
      name,
      "-p",
      password,
      registry.address,
    );

  await fails(push("1"), /denied|unauthorized|authentication required/);
  await fails(login("alice", "wrong"), /unauthorized|password|401/i);
  await succeeds(login("alice", "wonder"));
  await succeeds(push("1"));
  const copy = [
    "copy",
    "-q",
    "--src-cert-dir",
    at("certs"),
    "--src-authfile",
    at("auth.json"),
    `${image}:1`,
    `oci:${at("layout")}:1`,
  ];
  await succeeds(ours(...copy));
  await succeeds(login("bob", "build"));
  await succeeds(skopeo("inspect", "--cert-dir", at("certs"), `${image}:1`));
  await fails(push("2"), /denied|unauthorized/i);
  await succeeds(ours("logout", "--authfile", at("auth.json"), registry.address));
  copyFileSync(authority.path("ci.pem"), at("certs/client.cert"));
  copyFileSync(authority.path("ci.key"), at("certs/client.key"));
  await succeeds(push("3"));
  assert.doesNotMatch(registry.output(), /wonder|build/);
});

test("retention, collection and scrubbing by command, while a server runs", async () => {
  using scratch = temporaryDirectory("serve-collect");
  const at = (name: string): string => join(scratch.path, name);
  const retention = [{ repositories: ["**"], keepTags: [{ tags: ["v*"] }] }];
  writeFileSync(at("registry.yaml"), JSON.stringify({ access: "open", retention }));
  await using registry = await serveRegistry(scratch.path, { args: ["--config", at("registry.yaml")] });
  await makeBusyboxImage(at("image.tar"), "corten-test/busybox:1");
  for (const tag of ["v1", "old"]) {
    const words = [
      "--insecure-policy",
      "copy",
      "--dest-tls-verify=false",
      `docker-archive:${at("image.tar")}`,
    ];
    await commandOutput("skopeo", [...words, `docker://${registry.address}/app:${tag}`]);
  }
  const run = (...words: string[]) =>
    command(corten, ["--root", at("root"), "registry", ...words, "--config", at("registry.yaml")]);
  const tags = async (): Promise<unknown> =>
    (await fetch(`http://${registry.address}/v2/app/tags/list`)).json();
  const dry = await run("collect", "--dry-run");
  assert.deepEqual([dry.exitCode, dry.stdout], [0, "would remove tag app:old\n"], dry.stderr);
  assert.deepEqual(await tags(), { name: "app", tags: ["old", "v1"] });
  const wet = await run("collect");
  assert.match(
    wet.stdout,
    /^removed tag app:old\n0 uploads ended, 0 blobs \(0B\) and 0 unknown files removed\n$/,
  );
  assert.deepEqual(await tags(), { name: "app", tags: ["v1"] });

  const clean = await run("scrub");
  assert.match(clean.stdout, /^2 blobs \(.*\) verified, 0 damaged\n$/);
  const files = readdirSync(at("root/registry/content"), { recursive: true, withFileTypes: true });
  const paths = files.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const config = paths.find((path) => readFileSync(path, "latin1").startsWith("{"))!;
  writeFileSync(config, readFileSync(config, "latin1").replace("linux", "unixl"));
  const bad = await run("scrub");
  assert.equal(bad.exitCode, 1);
  assert.match(
    bad.stdout,
    /^sha256:[0-9a-f]{64}: the bytes are wrong \(.*\), out of use in app\n2 blobs .* 1 damaged\n$/,
  );
});

test("the keys of tokens are listed, rotated under a running server, and pruned", async () => {
  using scratch = temporaryDirectory("serve-keys");
  const at = (name: string): string => join(scratch.path, name);
  writeFileSync(at("htpasswd"), await passwordLine("alice", "wonder"));
  const policies = [{ repositories: ["team/**"], users: ["alice"], verbs: ["read"] }];
  writeFileSync(at("registry.yaml"), JSON.stringify({ access: { htpasswd: "htpasswd", policies } }));
  await using registry = await serveRegistry(scratch.path, { args: ["--config", at("registry.yaml")] });
  const keys = (...words: string[]) =>
    command(corten, [
      ...["--root", at("root"), "registry", "keys", ...words],
      ...["--config", at("registry.yaml")],
    ]);
  const authorization = `Basic ${Buffer.from("alice:wonder").toString("base64")}`;
  const token = async () => {
    const response = await fetch(`http://${registry.address}/token?service=corten`, {
      headers: { authorization },
    });
    return ((await response.json()) as { token: string }).token;
  };
  const kid = (jwt: string) => JSON.parse(Buffer.from(jwt.split(".")[0]!, "base64url").toString()).kid;
  const welcome = async (jwt: string) =>
    (await fetch(`http://${registry.address}/v2/`, { headers: { authorization: `Bearer ${jwt}` } })).status;
  const before = await token();
  const rotated = await keys("rotate");
  assert.equal(rotated.exitCode, 0, rotated.stderr);
  const after = await token();
  assert.notEqual(kid(before), kid(after));
  assert.match(rotated.stdout, new RegExp(`^${kid(after)} +ES256 +\\S+Z +signs$`, "m"));
  assert.match(
    (await keys("list")).stdout,
    new RegExp(`^${kid(before)} +ES256 +\\S+Z +verifies until \\S+Z$`, "m"),
  );
  assert.deepEqual([await welcome(before), await welcome(after)], [200, 200]);
  assert.equal((await keys("prune")).stdout, "");
  assert.equal((await keys("prune", "--all")).stdout, `removed ${kid(before)}\n`);
  writeFileSync(at("registry.yaml"), JSON.stringify({ access: "open" }));
  assert.match((await keys("list")).stderr, /signs no tokens/);
});
