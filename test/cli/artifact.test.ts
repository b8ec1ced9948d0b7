import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { serveRegistry } from "../registry/registry-server.ts";
import {
  command,
  commandOutput,
  corten,
  goProgram,
  hasGo,
  isInstalled,
  type Registry,
  startRegistry,
  temporaryDirectory,
} from "../support/index.ts";

const scratch = temporaryDirectory("cli-artifact");
const cwd = scratch.path;
const at = (name: string): string => join(cwd, name);
const artifact = (...args: string[]) => commandOutput(corten, ["artifact", ...args], { cwd });
const run = (...args: string[]) => command(corten, ["artifact", ...args], { cwd });

describe("corten artifact", { skip: !hasGo || !isInstalled("docker-registry"), timeout: 600_000 }, () => {
  let registry: Registry;
  let oras: string;
  const orasRun = (subcommand: string, ...args: string[]) =>
    commandOutput(oras, [subcommand, ...args], { cwd });
  before(async () => {
    registry = await startRegistry();
    oras = await goProgram("oras.land/oras/cmd/oras@v1.3.6");
    mkdirSync(at("notes"));
    writeFileSync(at("a.txt"), "hello");
    writeFileSync(at("sbom.json"), "{}");
    writeFileSync(at("notes/deep"), "below");
    symlinkSync("deep", at("notes/link"));
  });
  after(async () => {
    await registry[Symbol.asyncDispose]();
    scratch[Symbol.dispose]();
  });

  const pushed = ["--artifact-type", "application/x.test", "-a", "k=v"] as const;
  const files = ["a.txt:text/plain", "notes"] as const;

  test("what we push oras pulls, and the other way round", async () => {
    const name = `${registry.address}/mixed/artifact`;
    const digest = await artifact("push", "-q", ...pushed, `${name}:ours,latest`, ...files);
    await orasRun("pull", "--plain-http", `${name}:latest`, "-o", "by-oras");
    await orasRun(
      "push",
      "--plain-http",
      `${name}:theirs`,
      ...files,
      "--artifact-type",
      "application/x.test",
    );
    assert.equal(await artifact("pull", "-q", "-o", "by-corten", `${name}:theirs`), "a.txt\nnotes");
    for (const directory of ["by-oras", "by-corten"]) {
      assert.equal(readFileSync(at(`${directory}/a.txt`), "utf8"), "hello");
      assert.equal(readFileSync(at(`${directory}/notes/link`), "utf8"), "below");
    }
    const inspected = JSON.parse(await artifact("inspect", `${name}:ours`));
    assert.deepEqual(
      [inspected.digest, inspected.artifactType, inspected.files[0].mediaType, inspected.annotations.k],
      [digest, "application/x.test", "text/plain", "v"],
    );
  });

  test("what is attached by either is discovered by both", async () => {
    const name = `${registry.address}/about/artifact`;
    await artifact("push", "-q", ...pushed, `${name}:1`, ...files);
    const ours = await artifact("attach", "-q", "--artifact-type", "sbom/x", `${name}:1`, "sbom.json");
    await orasRun("attach", "--plain-http", "--artifact-type", "sig/x", `${name}@${ours}`, "sbom.json");
    const forms = [
      await artifact("discover", "--format", "json", `${name}:1`),
      await orasRun("discover", "--plain-http", "--format", "json", `${name}:1`),
    ].map((text) => JSON.parse(text));
    assert.deepEqual(forms[0], forms[1]);
    assert.equal(forms[0].referrers[0].referrers[0].artifactType, "sig/x");
    const tree = await artifact("discover", `${name}:1`);
    const theirs = await orasRun("discover", "--plain-http", `${name}:1`);
    assert.equal(tree, theirs.replace(/"(\d{4}-\d\d-\d\dT[\d:]+Z)"/g, "$1"));
    assert.match(await artifact("discover", "--format", "table", `${name}:1`), /^sbom\/x +sha256:/m);
    assert.equal(
      (await artifact("discover", "--artifact-type", "none/x", `${name}:1`)).split("\n").length,
      1,
    );
  });

  test("in a layout, with annotations from a file, repeatable", async () => {
    const said = { $manifest: { of: "manifest" }, $config: { of: "config" }, "a.txt": { of: "file" } };
    writeFileSync(at("annotations.json"), JSON.stringify(said));
    const env = { SOURCE_DATE_EPOCH: "1700000000" };
    const push = (layout: string) => {
      const args = [
        "push",
        "-q",
        "--annotation-file",
        "annotations.json",
        "--export-manifest",
        `${layout}.json`,
      ];
      return commandOutput(corten, ["artifact", ...args, `oci:${layout}:1`, ...files], { cwd, env });
    };
    const digests = [await push("one"), await push("two")];
    assert.equal(digests[0], digests[1]);
    const manifest = JSON.parse(readFileSync(at("one.json"), "utf8"));
    assert.equal(manifest.annotations["org.opencontainers.image.created"], "2023-11-14T22:13:20Z");
    assert.deepEqual(
      [manifest.annotations.of, manifest.config.annotations.of, manifest.layers[0].annotations.of],
      ["manifest", "config", "file"],
    );
    await artifact("attach", "-q", "--artifact-type", "sbom/x", "oci:one:1", "sbom.json");
    await orasRun("pull", "--oci-layout", "one:1", "-o", "from-layout");
    const [ours, theirs] = [
      await artifact("discover", "--format", "json", "oci:one:1"),
      await orasRun("discover", "--oci-layout", "--format", "json", "one:1"),
    ].map((text) => JSON.parse(text));
    assert.deepEqual(ours.referrers[0].digest, theirs.referrers[0].digest);
  });

  test("what is about an image goes with it where that is asked for", async () => {
    await using other = await serveRegistry(cwd);
    const name = `${registry.address}/taken/along`;
    await artifact("push", "-q", ...pushed, `${name}:1`, ...files);
    const sbom = await artifact("attach", "-q", "--artifact-type", "sbom/x", `${name}:1`, "sbom.json");
    await artifact("attach", "-q", "--artifact-type", "sig/x", `${name}@${sbom}`, "a.txt");
    const copy = (...args: string[]) => command(corten, ["copy", "-q", ...args], { cwd });
    const tree = async (place: string) => (await artifact("discover", place)).split("\n").slice(1);
    const wanted = await tree(`${name}:1`);
    assert.ok(wanted.length > 5);
    const places = [
      `oci:taken:1`,
      `docker://${other.address}/taken:1`,
      `docker://${registry.address}/taken/again:1`,
    ];
    let from = `docker://${name}:1`;
    for (const to of places) {
      const { exitCode, stderr } = await copy("-r", from, to);
      assert.equal(exitCode, 0, stderr);
      assert.deepEqual(await tree(to), wanted, to);
      from = to;
    }
    await copy(`docker://${name}:1`, `docker://${registry.address}/taken/alone:1`);
    assert.deepEqual(await tree(`docker://${registry.address}/taken/alone:1`), []);
    const list = ["sync", "-q", "-r", "-s", "docker", "-d", "docker", `${name}:1`, `${other.address}/synced`];
    await commandOutput(corten, list, { cwd });
    assert.deepEqual(await tree(`docker://${other.address}/synced/along:1`), wanted);
    assert.match((await copy("-r", from, "dir:nothing")).stderr, /keeps nothing that is about an image/);
    assert.ok(!existsSync(at("nothing")));
    assert.match((await copy("-r", "--dest-compress", from, "oci:x:1")).stderr, /which a conversion changes/);
  });

  test("wrong command lines say what is missing", async () => {
    assert.match(
      (await run("attach", "oci:one:1", "a.txt")).stderr,
      /what is attached has a type: --artifact-type/,
    );
    assert.match((await run("push", "oci:x:1")).stderr, /an artifact without files has a type/);
    assert.match((await run("push", "oci:x:1", "a.txt:no type")).stderr, /is not a media type/);
    assert.match((await run("push", "dir:x", "a.txt")).stderr, /neither in a registry nor in a layout/);
  });
});
