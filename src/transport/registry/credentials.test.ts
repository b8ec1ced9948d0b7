import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { isCortenError } from "../../spec/index.ts";
import { authFiles } from "./auth-file.ts";
import { findCredentials } from "./credentials.ts";
import type { Credentials } from "./options.ts";

let home: string;
before(async () => {
  home = await mkdtemp(join(tmpdir(), "corten-auth-"));
});
after(() => rm(home, { recursive: true }));

const auth = (user: string, password: string): object => ({
  auth: Buffer.from(`${user}:${password}`).toString("base64"),
});
const login = (username: string, password: string): Credentials => ({ username, password });

async function write(path: string, content: unknown): Promise<string> {
  const full = join(home, path);
  await mkdir(dirname(full), { recursive: true });
  await writeFile(full, typeof content === "string" ? content : JSON.stringify(content));
  return full;
}

/** A credential helper that answers `server` with a script's output. */
async function helper(name: string, script: string): Promise<void> {
  const path = await write(`bin/docker-credential-${name}`, `#!/bin/sh\nread -r server\n${script}\n`);
  await chmod(path, 0o755);
}

function find(registry: string, repository: string, authFile?: string): Promise<Credentials | undefined> {
  const environment = { HOME: join(home, "user"), PATH: `${join(home, "bin")}:/usr/bin:/bin` };
  return findCredentials({ registry, repository, authFile, environment });
}

test("the most specific entry wins, and no entry of another host is used", async () => {
  const file = await write("specific.json", {
    auths: {
      "quay.io": auth("host", "1"),
      "quay.io/team": auth("team", "2"),
      "quay.io/team/app": auth("app", "3"),
      "https://old.example/v1/": auth("old", "4:5"),
      "https://index.docker.io/v1/": auth("hub", "6"),
      "plain.example": { username: "u", password: "p" },
      "token.example": { identitytoken: "t", auth: "" },
      "empty.example": {},
    },
  });
  assert.deepEqual(await find("quay.io", "team/app", file), login("app", "3"));
  assert.deepEqual(await find("quay.io", "team/other", file), login("team", "2"));
  assert.deepEqual(await find("quay.io", "team2/app", file), login("host", "1"));
  assert.deepEqual(await find("old.example", "x", file), login("old", "4:5"));
  assert.deepEqual(await find("docker.io", "library/x", file), login("hub", "6"));
  assert.deepEqual(await find("plain.example", "x", file), login("u", "p"));
  assert.deepEqual(await find("token.example", "x", file), { identityToken: "t" });
  for (const host of [
    "empty.example",
    "quay.io.evil",
    "io",
    "example",
    "quay.io:443",
    "__proto__",
    "constructor",
  ]) {
    assert.equal(await find(host, "x", file), undefined, host);
  }
});

test("files are searched in the order of containers(5), then Docker's; a named one is the only one", async () => {
  const environment = { HOME: "/h", XDG_RUNTIME_DIR: "/run/user/1" };
  assert.deepEqual(authFiles({ environment }), [
    "/run/user/1/containers/auth.json",
    "/h/.config/containers/auth.json",
    "/h/.docker/config.json",
  ]);
  const moved = { ...environment, XDG_CONFIG_HOME: "/c", DOCKER_CONFIG: "/d" };
  assert.deepEqual(authFiles({ environment: moved }).slice(1), ["/c/containers/auth.json", "/d/config.json"]);
  assert.deepEqual(authFiles({ environment: { ...moved, REGISTRY_AUTH_FILE: "/f" } }), ["/f"]);
  assert.deepEqual(authFiles({ environment, authFile: "/g" }), ["/g"]);
  await write("user/.config/containers/auth.json", { auths: { "a.example": auth("first", "1") } });
  await write("user/.docker/config.json", {
    auths: { "a.example": auth("second", "2"), "b.example": auth("b", "3") },
  });
  assert.deepEqual(await find("a.example", "x"), login("first", "1"));
  assert.deepEqual(await find("b.example", "x"), login("b", "3"));
  assert.equal(await find("a.example", "x", join(home, "missing.json")), undefined);
});

test("a file that cannot be understood is an error that does not quote it", async () => {
  const broken = await write("broken.json", '{"auths":{"a.example":{"auth":"c2VjcmV0"}');
  const unpadded = await write("nocolon.json", { auths: { "a.example": { auth: "c2VjcmV0" } } });
  for (const file of [broken, unpadded]) {
    await assert.rejects(find("a.example", "x", file), (error) => {
      assert.ok(isCortenError(error, "failed-precondition"));
      assert.doesNotMatch(error.message, /secret|c2Vj/);
      return error.message.includes(file);
    });
  }
});

test("helpers answer for their host, and the general one for the rest", async () => {
  await helper(
    "named",
    `echo "{\\"ServerURL\\":\\"$server\\",\\"Username\\":\\"n\\",\\"Secret\\":\\"for $server\\"}"`,
  );
  await helper("general", `echo '{"Username":"<token>","Secret":"t"}'`);
  await helper("empty", "echo 'credentials not found in native keychain'; exit 1");
  const file = await write("helpers.json", {
    auths: { "c.example": auth("c", "1"), "a.example": auth("never", "used") },
    credHelpers: { "a.example": "named", "docker.io": "named", "e.example": "empty" },
    credsStore: "general",
  });
  assert.deepEqual(await find("a.example", "x", file), login("n", "for a.example"));
  assert.deepEqual(await find("docker.io", "library/x", file), login("n", "for https://index.docker.io/v1/"));
  assert.deepEqual(await find("c.example", "x", file), login("c", "1"));
  assert.deepEqual(await find("d.example", "x", file), { identityToken: "t" });
  assert.equal(await find("e.example", "x", file), undefined);
});

test("C3 CVE-2021-41092: a helper that is missing or fails is an error; no other credentials take its place", async () => {
  await helper("crash", "echo boom; exit 3");
  await helper("nonsense", "echo secret-output");
  await helper("partial", `echo '{"Secret":"s"}'`);
  await helper("loud", "head -c 3000000 /dev/zero");
  for (const name of ["absent", "crash", "nonsense", "partial", "loud", "../x", ""]) {
    const named = {
      auths: { "a.example": auth("other", "1") },
      credHelpers: { "a.example": name || "absent" },
    };
    const general = {
      auths: { "https://index.docker.io/v1/": auth("hub", "2") },
      credsStore: name || "absent",
    };
    for (const content of [named, general]) {
      const file = await write("failing.json", content);
      await assert.rejects(find("a.example", "x", file), (error) => {
        assert.ok(isCortenError(error, "failed-precondition"), `${name}: ${error}`);
        assert.doesNotMatch(error.message, /secret-output/);
        return /credential helper docker-credential-.* failed for a\.example/.test(error.message);
      });
    }
  }
});
