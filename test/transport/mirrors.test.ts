import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openSink, openSource } from "../../src/transport/index.ts";
import {
  command,
  commandOutput,
  corten,
  isRoot,
  makeBusyboxImage,
  type Registry,
  startRegistry,
  temporaryDirectory,
} from "../support/index.ts";
import { copy } from "./sample-image.ts";

const directory = temporaryDirectory("mirrors");
const at = (name: string): string => join(directory.path, name);
const registriesConf = at("registries.conf");
const env = {
  CONTAINERS_REGISTRIES_CONF: registriesConf,
  HOME: directory.path,
  XDG_RUNTIME_DIR: directory.path,
};

let upstream: Registry;
let mirror: Registry;
before(async () => {
  [upstream, mirror] = await Promise.all([startRegistry(), startRegistry()]);
  await makeBusyboxImage(at("busybox.tar"), "corten-test/busybox:1");
  for (const target of [`${upstream.address}/team/tool:1`, `${mirror.address}/cache/tool:1`]) {
    await using source = await openSource(`docker-archive:${at("busybox.tar")}:corten-test/busybox:1`);
    await using sink = await openSink(`docker://${target}`);
    await copy(source, sink);
  }
  writeFileSync(
    registriesConf,
    `[[registry]]
prefix = "${upstream.address}/team"
location = "${upstream.address}/team"
insecure = true
[[registry.mirror]]
location = "${mirror.address}/cache"
insecure = true
[aliases]
"tool" = "${upstream.address}/team/tool"
`,
  );
});
after(async () => {
  await upstream[Symbol.asyncDispose]();
  await mirror[Symbol.asyncDispose]();
  directory[Symbol.dispose]();
});

const asked = (registry: Registry) => /GET \/v2\/[a-z/]+\/(?:manifests|blobs)\//.test(registry.log());

test("corten and skopeo read one registries.conf alike: the mirror is asked, under its own name", async () => {
  const name = `docker://${upstream.address}/team/tool:1`;
  const theirs = JSON.parse(
    await commandOutput("skopeo", ["--registries-conf", registriesConf, "inspect", name], { env }),
  );
  assert.ok(asked(mirror) && !asked(upstream));
  const ours = await command(
    corten,
    ["--root", at("data"), "pull", "-q", `${upstream.address}/team/tool:1`],
    { env },
  );
  assert.equal(ours.exitCode, 0, ours.stderr);
  assert.ok(!asked(upstream));
  await using source = await openSource(name, { registry: { registriesConf, environment: env } });
  assert.equal((await source.root()).descriptor.digest, theirs.Digest);
});

test("a short name means what its alias says, to run as well, and is found here the second time", {
  skip: !isRoot,
}, async () => {
  const run = () =>
    command(corten, ["--root", at("short"), "--run-root", at("run"), "run", "--rm", "tool:1", "echo", "hi"], {
      env,
    });
  const first = await run();
  assert.equal(first.exitCode, 0, first.stderr);
  assert.equal(first.stdout, "hi\n");
  assert.match(first.stderr, /"tool:1" is not here, fetching it/);
  const again = await run();
  assert.deepEqual([again.exitCode, again.stdout, again.stderr], [0, "hi\n", ""]);
});

test("a short name that could mean several images is not guessed", async () => {
  writeFileSync(
    at("search.conf"),
    `unqualified-search-registries = ["${mirror.address}", "${upstream.address}"]\n`,
  );
  const result = await command(corten, ["--root", at("data"), "pull", "cache/tool:1"], {
    env: { ...env, CONTAINERS_REGISTRIES_CONF: at("search.conf") },
  });
  assert.equal(result.exitCode, 1);
  assert.match(result.stderr, /"cache\/tool:1" could mean .*\/cache\/tool or .*\/cache\/tool/);
  writeFileSync(
    at("search.conf"),
    `unqualified-search-registries = ["${mirror.address}", "${upstream.address}"]
short-name-mode = "permissive"\n`,
  );
  const found = await command(corten, ["--root", at("data"), "pull", "-q", "team/tool:1"], {
    env: { ...env, CONTAINERS_REGISTRIES_CONF: at("search.conf") },
  });
  assert.equal(found.exitCode, 0, found.stderr);
});
