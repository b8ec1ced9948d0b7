import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { canonicalReference, isCortenError, parseReference } from "../../../spec/index.ts";
import { shortNameAliasesFile } from "./alias-file.ts";
import { shortNameCandidates } from "./short-name.ts";
import { writeShortNameAlias } from "./short-name-aliases.ts";
import { readToml } from "./toml-file.ts";

const directory = mkdtempSync(join(tmpdir(), "corten-short-name-"));
after(() => rmSync(directory, { recursive: true }));

async function candidates(text: string, conf?: string): Promise<readonly string[]> {
  const path = join(directory, "registries.conf");
  if (conf !== undefined) writeFileSync(path, conf);
  const found = await shortNameCandidates(text, {
    registriesConf: conf === undefined ? false : path,
    environment: {},
  });
  return found.map(canonicalReference);
}

const TWO = 'unqualified-search-registries = ["a.example", "docker.io"]\n';
const DIGEST = `sha256:${"0".repeat(64)}`;

test("a name with a host means itself, and without a file a short one is on docker.io", async () => {
  assert.deepEqual(await candidates("alpine"), ["docker.io/library/alpine:latest"]);
  for (const name of ["b.example/x", "localhost/x", "host:5000/x"])
    assert.deepEqual(await candidates(name, TWO), [`${name}:latest`]);
});

test("an alias stands for a short name, tag and digest stay", async () => {
  const conf = `${TWO}[aliases]\n"fedora" = "r.example/fedora"\n"me/app" = "r.example/app"`;
  assert.deepEqual(await candidates("fedora", conf), ["r.example/fedora:latest"]);
  assert.deepEqual(await candidates("fedora:41", conf), ["r.example/fedora:41"]);
  assert.deepEqual(await candidates(`me/app@${DIGEST}`, conf), [`r.example/app@${DIGEST}`]);
});

test("one registry to search is no guess; of several none is guessed unless the file allows it", async () => {
  assert.deepEqual(await candidates("x:1", 'unqualified-search-registries = ["a.example"]'), [
    "a.example/x:1",
  ]);
  await assert.rejects(candidates("x:1", TWO), (error) => {
    assert.ok(isCortenError(error, "failed-precondition"));
    assert.equal(
      error.message,
      'short-name resolution enforced but cannot prompt without a TTY: "x:1" could mean a.example/x or docker.io/library/x',
    );
    assert.match(error.hint!, /write the name in full, or give it an alias in .*registries\.conf/);
    return true;
  });
  for (const mode of ["permissive", "disabled"])
    assert.deepEqual(await candidates("x:1", `${TWO}short-name-mode = "${mode}"`), [
      "a.example/x:1",
      "docker.io/library/x:1",
    ]);
  assert.deepEqual(await candidates("x", 'short-name-mode = "enforcing"'), ["docker.io/library/x:latest"]);
});

test("where there is somebody to ask, the choice decides; who says that guessing is fine is not asked", async () => {
  const path = join(directory, "choose.conf");
  for (const [mode, expected] of [
    ["enforcing", ["docker.io/library/x:1"]],
    ["permissive", ["docker.io/library/x:1"]],
    ["disabled", ["a.example/x:1", "docker.io/library/x:1"]],
  ] as const) {
    writeFileSync(path, `${TWO}short-name-mode = "${mode}"`);
    const options = { registriesConf: path, environment: {} };
    const asked: string[] = [];
    const found = await shortNameCandidates("x:1", options, async (text, references) => {
      asked.push(text);
      return references[1]!;
    });
    assert.deepEqual(found.map(canonicalReference), expected);
    assert.deepEqual(asked, mode === "disabled" ? [] : ["x:1"]);
  }
  for (const certain of ["b.example/x", "x"]) {
    writeFileSync(path, certain === "x" ? 'unqualified-search-registries = ["a.example"]' : TWO);
    await shortNameCandidates(certain, { registriesConf: path, environment: {} }, () =>
      assert.fail("nothing is to be chosen"),
    );
  }
});

test("a choice is remembered beside the others, in the file that Podman keeps", async () => {
  const path = join(directory, "cache/containers/short-name-aliases.conf");
  const environment = { XDG_CACHE_HOME: join(directory, "cache"), HOME: "/nowhere" };
  assert.equal(shortNameAliasesFile(environment, 1000), path);
  assert.equal(
    shortNameAliasesFile({ HOME: "/home/me" }, 1000),
    "/home/me/.cache/containers/short-name-aliases.conf",
  );
  assert.equal(shortNameAliasesFile(environment, 0), "/var/cache/containers/short-name-aliases.conf");
  assert.equal(shortNameAliasesFile({}, 1000), undefined);
  await writeShortNameAlias(path, "x:1", parseReference("a.example/x:1"));
  await writeShortNameAlias(path, `me/app@${DIGEST}`, parseReference("r.example:5000/me/app"));
  await writeShortNameAlias(path, "x", parseReference("docker.io/library/x"));
  const view = await readToml(path);
  assert.deepEqual(
    view!.field("aliases").map((value) => value.string()),
    { x: "docker.io/library/x", "me/app": "r.example:5000/me/app" },
  );
  assert.deepEqual(readdirSync(join(directory, "cache/containers")), ["short-name-aliases.conf"]);
  writeFileSync(path, "no TOML [");
  await assert.rejects(writeShortNameAlias(path, "y", parseReference("a.example/y")), (error) =>
    isCortenError(error, "failed-precondition"),
  );
});
