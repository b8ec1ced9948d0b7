import assert from "node:assert/strict";
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { listImages } from "../../src/image/index.ts";
import { splitDigest } from "../../src/spec/index.ts";
import { command, commandOutput, corten, isRoot, type Registry, startRegistry } from "../support/index.ts";
import { IMAGE, makeTestEngine, type TestEngine } from "./harness.ts";

interface Problem {
  readonly Kind: string;
  readonly Object: string;
  readonly Problem: string;
  readonly Repaired: string | null;
}

/** Changes one bit in the middle of a file, as a bad disk does. */
function flipBit(file: string, at = Math.floor(statSync(file).size / 2)): void {
  const fd = openSync(file, "r+");
  const byte = Buffer.alloc(1);
  readSync(fd, byte, 0, 1, at);
  writeSync(fd, Buffer.from([byte[0]! ^ 1]), 0, 1, at);
  closeSync(fd);
}

describe("check", { skip: !isRoot }, () => {
  let registry: Registry;
  before(async () => {
    registry = await startRegistry();
  });
  after(() => registry[Symbol.asyncDispose]());

  /** An engine with one image that can be fetched again, and the paths of what it consists of. */
  async function prepare() {
    const t = await makeTestEngine();
    const words = ["--root", t.root, "--run-root", t.runRoot];
    const name = `${registry.address}/check:1`;
    await commandOutput(corten, [...words, "push", "--tls-verify=false", IMAGE, name]);
    await commandOutput(corten, [...words, "rmi", IMAGE]);
    await commandOutput(corten, [...words, "pull", "--tls-verify=false", name]);
    const [image] = listImages(t.engine.store);
    const [layer] = await image!.layers();
    const manifest = await image!.manifest();
    return {
      t,
      words,
      name,
      layer: t.engine.store.path(layer!.descriptor.digest),
      config: t.engine.store.path(manifest.config.digest),
      root: t.engine.store.path(image!.root.digest),
      erofs: `${join(t.root, "snapshots/layers", ...splitDigest(layer!.diffID))}.erofs`,
    };
  }

  async function check(t: TestEngine, ...options: string[]) {
    const words = ["--root", t.root, "--run-root", t.runRoot, "system", "check", "--format", "json"];
    const { exitCode, stdout, stderr } = await command(corten, [...words, "--tls-verify=false", ...options]);
    assert.equal(stderr, "");
    return { exitCode, problems: JSON.parse(stdout) as Problem[] };
  }

  const kinds = (problems: readonly Problem[]) => problems.map(({ Kind }) => Kind);

  test("finds nothing in a store that is whole", async () => {
    const { t, words } = await prepare();
    await using _ = t;
    assert.deepEqual(await check(t), { exitCode: 0, problems: [] });
    assert.deepEqual(await check(t, "--quick"), { exitCode: 0, problems: [] });
    assert.equal(await commandOutput(corten, [...words, "system", "check"]), "everything is as it has to be");
  });

  test("finds every kind of damage, changes nothing unless asked, and mends all of it", async () => {
    const { t, words, name, layer, config, root, erofs } = await prepare();
    await using _ = t;
    flipBit(layer);
    flipBit(erofs);
    truncateSync(config, 10);
    const found = await check(t);
    assert.equal(found.exitCode, 1);
    assert.deepEqual(kinds(found.problems), ["blob", "blob", "image"]);
    assert.equal(existsSync(join(t.root, "quarantine")), false);
    // The image is looked at first: what cannot be read has no layers that are known.
    const mended = await check(t, "--repair");
    assert.equal(mended.exitCode, 0, JSON.stringify(mended));
    assert.deepEqual(kinds(mended.problems), ["blob", "blob", "image", "snapshot"]);
    assert.match(mended.problems[2]!.Repaired!, /^fetched again$/);
    assert.match(mended.problems[3]!.Problem, /other content/);
    assert.equal(mended.problems[3]!.Repaired, "made again");
    assert.equal(readdirSync(join(t.root, "quarantine")).length, 2);
    assert.deepEqual(await check(t), { exitCode: 0, problems: [] });
    assert.equal(
      await commandOutput(corten, [...words, "run", "--rm", "--network", "none", name, "echo", "hi"]),
      "hi",
    );
    assert.deepEqual(
      t.engine.store.names.list().map((named) => named.name),
      [name],
    );
    rmSync(root);
    assert.deepEqual(kinds((await check(t, "--repair")).problems), ["image"]);
    assert.deepEqual(await check(t), { exitCode: 0, problems: [] });
  });

  test("looks at lengths and structure alone with --quick", async () => {
    const { t, layer, erofs } = await prepare();
    await using _ = t;
    flipBit(layer);
    flipBit(erofs, 1024 + 40);
    const { problems } = await check(t, "--quick");
    assert.deepEqual(kinds(problems), ["snapshot"]);
    assert.match(problems[0]!.Problem, /the checksum of its superblock is wrong/);
    truncateSync(erofs, 4096);
    assert.match((await check(t, "--quick")).problems[0]!.Problem, /another length/);
  });

  test("leaves what cannot be fetched again, or removes it with --force", async () => {
    const { t, words, layer, name } = await prepare();
    await using _ = t;
    await t.engine.create({ image: name, command: ["true"], network: "none", name: "box" });
    await commandOutput(corten, [...words, "tag", name, "localhost:1/gone:1"]);
    await commandOutput(corten, [...words, "rmi", name]);
    rmSync(layer);
    const left = await check(t, "--repair");
    assert.equal(left.exitCode, 1);
    assert.deepEqual(kinds(left.problems), ["image"]);
    assert.equal(left.problems[0]!.Repaired, null);
    const removed = await check(t, "--repair", "--force");
    assert.equal(removed.problems[0]!.Repaired, "removed");
    assert.deepEqual(t.engine.store.names.list(), []);
  });

  test("finds containers that could not be started", async () => {
    const { t, name } = await prepare();
    await using _ = t;
    const one = await t.engine.create({ image: name, command: ["true"], network: "none", name: "one" });
    rmSync(join(t.root, "containers", one.id, "config.json"));
    const { problems } = await check(t);
    assert.deepEqual(
      problems.map((problem) => [problem.Kind, problem.Object]),
      [["container", "one"]],
    );
    assert.equal((await check(t, "--repair", "--force")).exitCode, 0);
    assert.deepEqual(await t.engine.list({ all: true }), []);
  });
});
