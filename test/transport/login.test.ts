import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  command,
  commandOutput,
  corten,
  isInstalled,
  openTerminal,
  type Registry,
  startRegistry,
  temporaryDirectory,
} from "../support/index.ts";

// bcrypt of "secret-word": no program to make one is installed everywhere.
const HTPASSWD = "tester:$2b$05$QKQBLaR7qNFPgiFYTTqlkurdmNZGTq5zCcrU/H99.ek36vHRL.VTu\n";
const directory = temporaryDirectory("login");
const at = (name: string): string => join(directory.path, name);
const entries = (file: string) => JSON.parse(readFileSync(file, "utf8")).auths;

let registry: Registry;
before(async () => {
  registry = await startRegistry({ htpasswd: HTPASSWD });
});
after(async () => {
  await registry[Symbol.asyncDispose]();
  directory[Symbol.dispose]();
});

const login = (file: string, password: string) =>
  command(corten, ["login", "-u", "tester", "--password-stdin", "--authfile", file, registry.address], {
    input: `${password}\n`,
  });

test("a password that the registry knows is stored, another one is not", async () => {
  const wrong = await login(at("wrong.json"), "wrong-word");
  assert.equal(wrong.exitCode, 1);
  assert.match(wrong.stderr, /log in to .*asks for credentials \(401\)/);
  const right = await login(at("right.json"), "secret-word");
  assert.equal(right.exitCode, 0, right.stderr);
  assert.match(right.stdout, /^Login Succeeded!/);
  const auth = Buffer.from("tester:secret-word").toString("base64");
  assert.deepEqual(entries(at("right.json")), { [registry.address]: { auth } });
  const who = ["login", "--get-login", "--authfile", at("right.json"), registry.address];
  assert.equal(await commandOutput(corten, who), "tester");
  const out = await command(corten, ["logout", "--authfile", at("right.json"), registry.address]);
  assert.equal(out.stdout, `Removed login credentials for ${registry.address}\n`);
  assert.equal((await command(corten, who)).exitCode, 1);
});

test("podman and skopeo use what corten stored, and corten what podman stored", {
  skip: !isInstalled("podman"),
}, async () => {
  await login(at("ours.json"), "secret-word");
  const peer = ["login", "--get-login", "--authfile", at("ours.json"), registry.address];
  assert.equal(await commandOutput("podman", peer), "tester");
  const tags = [
    "list-tags",
    "--tls-verify=false",
    "--authfile",
    at("ours.json"),
    `docker://${registry.address}/none`,
  ];
  assert.match((await command("skopeo", tags)).stderr, /404/, "known, but without such a repository");
  writeFileSync(at("theirs.json"), "{}");
  const theirs = [
    "login",
    "--tls-verify=false",
    "-u",
    "tester",
    "-p",
    "secret-word",
    "--authfile",
    at("theirs.json"),
  ];
  await commandOutput("podman", [...theirs, registry.address]);
  assert.equal(
    await commandOutput(corten, ["login", "--get-login", "--authfile", at("theirs.json"), registry.address]),
    "tester",
  );
  assert.deepEqual(entries(at("theirs.json")), entries(at("ours.json")));
});

test("on a terminal it asks, and does not show the password", async () => {
  await using terminal = await openTerminal(
    corten,
    ["login", "--authfile", at("asked.json"), registry.address],
    {
      rows: 30,
      columns: 100,
    },
  );
  await terminal.waitFor("Username: ");
  terminal.type("tester\r");
  await terminal.waitFor("Password: ");
  terminal.type("secret-werd\x7f\x7f\x7ford\r");
  const [typed] = await terminal.waitFor(/[\s\S]*Login Succeeded!/);
  assert.equal(await terminal.exit, 0);
  assert.doesNotMatch(typed, /secret|ord/);
  assert.ok(registry.address in entries(at("asked.json")));
});

test("without a terminal it says which option is missing", async () => {
  const asked = await command(corten, ["login", registry.address]);
  assert.equal(asked.exitCode, 1);
  assert.match(asked.stderr, /no terminal to ask for the username[\s\S]*give it with -u/);
});
