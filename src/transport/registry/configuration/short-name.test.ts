import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { canonicalReference, isCortenError } from "../../../spec/index.ts";
import { shortNameCandidates } from "./short-name.ts";

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
    assert.equal(error.message, '"x:1" could mean a.example/x:1 or docker.io/library/x:1');
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
