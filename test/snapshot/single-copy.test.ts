/** `--layer-copies single`: of packed layers only what they unpack to is kept. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
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

const CLEAN = "everything is as it has to be";

interface Layer {
  readonly digest: string;
  readonly size: number;
}

describe("layers that are kept unpacked only", { skip: !isRoot }, () => {
  const scratch = temporaryDirectory("single");
  const at = (...names: string[]) => join(scratch.path, ...names);
  const words = ["--root", at("root"), "--run-root", at("run")];
  const run = (...args: readonly string[]) => command(corten, [...words, ...args]);
  const output = (...args: readonly string[]) => commandOutput(corten, [...words, ...args]);
  const pull = (copies: string, name: string) =>
    output("--layer-copies", copies, "pull", "-q", "--tls-verify=false", name);
  const inside = (name: string) =>
    output("run", "--rm", "--network", "none", name, "head", "-n", "1", "/etc/motd");
  const blob = (digest: string) => at("root/content/blobs/sha256", digest.slice(7));
  const raw = (place: string) => commandOutput("skopeo", ["inspect", "--raw", "--tls-verify=false", place]);
  const layersOf = async (place: string) => JSON.parse(await raw(place)).layers as readonly Layer[];
  const usage = async () => {
    const rows = (await output("system", "df", "--format", "{{.Type}} {{.Size}}")).split("\n");
    return Number(rows.find((row) => row.startsWith("Images"))!.slice(7));
  };
  /** Requests of the registry's log, from `from` on. */
  const requests = (from: number, pattern: RegExp) =>
    registry
      .log()
      .slice(from)
      .split("\n")
      .filter((line) => pattern.test(line)).length;
  const FETCHED = /"GET \/v2\/\S+\/blobs\//;
  let registry: Registry;
  let name: string;
  let layers: readonly Layer[];
  let diffIDs: readonly string[];

  before(async () => {
    registry = await startRegistry();
    name = `${registry.address}/app:1`;
    await makeBusyboxImage(at("busybox.tar"), "corten-test/busybox:1");
    await commandOutput("skopeo", [
      "copy",
      "-q",
      `docker-archive:${at("busybox.tar")}`,
      `oci:${at("layout")}:1`,
    ]);
    // Whole blocks: umoci's insert does not fill the last one, and an archive without it stays packed.
    writeFileSync(at("motd"), "hello\n".repeat(20_480));
    await commandOutput("umoci", ["insert", "--image", `${at("layout")}:1`, at("motd"), "/etc/motd"]);
    await commandOutput("skopeo", [
      ...["copy", "-q", "--dest-tls-verify=false"],
      ...[`oci:${at("layout")}:1`, `docker://${name}`],
    ]);
    layers = await layersOf(`docker://${name}`);
    const { rootfs } = JSON.parse(
      await commandOutput("skopeo", [
        "inspect",
        "--config",
        "--raw",
        "--tls-verify=false",
        `docker://${name}`,
      ]),
    );
    diffIDs = rootfs.diff_ids;
  });
  after(async () => {
    await registry[Symbol.asyncDispose]();
    scratch[Symbol.dispose]();
  });

  test("take less room, run, and are not fetched again", async () => {
    await pull("auto", name);
    const both = await usage();
    for (const { digest } of layers) assert.ok(existsSync(blob(digest)));
    const before = registry.log().length;
    await pull("single", name);
    assert.equal(requests(before, FETCHED), 0);
    for (const { digest } of layers) assert.ok(!existsSync(blob(digest)));
    for (const diffID of diffIDs) {
      const archive = at("root/snapshots/layers/sha256", `${diffID.slice(7)}.tar`);
      assert.equal(statSync(blob(diffID)).ino, statSync(archive).ino);
    }
    assert.ok((await usage()) < both - layers.reduce((sum, { size }) => sum + size, 0) / 2);
    assert.match(await inside(name), /^hello$/);
    for (const copies of ["single", "auto"]) await pull(copies, name);
    assert.equal(requests(before, FETCHED), 0);
    assert.equal(await output("system", "check"), CLEAN);
    await output("system", "prune", "-f");
    assert.match(await inside(name), /^hello$/);
  });

  test("are pushed as they were: mounted, or fetched from where they came from", async () => {
    const original = await raw(`docker://${name}`);
    const before = registry.log().length;
    const other = `${registry.address}/other:1`;
    await output("push", "-q", "--tls-verify=false", name, other);
    assert.equal(await raw(`docker://${other}`), original);
    assert.equal(requests(before, FETCHED), 0);
    await output("push", "-q", "--tls-verify=false", name, `oci:${at("pushed")}:1`);
    assert.equal(await commandOutput("skopeo", ["inspect", "--raw", `oci:${at("pushed")}:1`]), original);
    assert.equal((await run("image", "validate", `oci:${at("pushed")}:1`)).exitCode, 0);
    for (const { digest } of layers) assert.ok(!existsSync(blob(digest)));
  });

  test("are archives in everything else that is made of the image", async () => {
    await output("save", "-o", at("saved.tar"), name);
    await output("copy", "-q", `corten:${name}`, `oci:${at("copied")}:1`);
    for (const place of [`docker-archive:${at("saved.tar")}`, `oci:${at("copied")}:1`]) {
      const judged = await run("image", "validate", place);
      assert.equal(judged.exitCode, 0, judged.stdout);
    }
    assert.deepEqual(
      (await layersOf(`oci:${at("copied")}:1`)).map(({ digest }) => digest),
      diffIDs,
    );
    // Docker's tools take the archive, and it is the same image: its ID is the configuration's digest.
    const loaded = JSON.parse(
      await commandOutput("skopeo", ["inspect", "--raw", `docker-archive:${at("saved.tar")}`]),
    );
    assert.equal(loaded.config.digest, JSON.parse(await raw(`docker://${name}`)).config.digest);
    await output(
      "image",
      "convert",
      "-q",
      "--compression",
      "zstd",
      `corten:${name}`,
      `oci:${at("copied")}:zstd`,
    );
    assert.equal((await run("image", "validate", `oci:${at("copied")}:zstd`)).exitCode, 0);
    assert.equal(await output("image", "diff", "--type", "files", name, `oci:${at("copied")}:zstd`), "");
    const preserved = await run("copy", "--preserve-digests", `corten:${name}`, `oci:${at("copied")}:2`);
    assert.equal(preserved.exitCode, 1);
    assert.match(preserved.stderr, /here unpacked only/);
    const judged = await run("image", "validate", name);
    assert.equal(judged.exitCode, 2);
    assert.match(judged.stderr, /here unpacked only/);
  });

  test("are packed anew where nobody has them any more", async () => {
    await output("save", "--format", "oci-archive", "-o", at("loaded.tar"), name);
    await commandOutput("skopeo", [
      "copy",
      "-q",
      `oci:${at("layout")}:1`,
      `oci-archive:${at("packed.tar")}:here.test/local:1`,
    ]);
    const own = ["--root", at("own"), "--run-root", at("own-run")];
    const call = (...args: readonly string[]) => command(corten, [...own, ...args]);
    await commandOutput(corten, [...own, "--layer-copies", "single", "load", "-q", "-i", at("packed.tar")]);
    const refused = await call("push", "-q", "here.test/local:1", `oci:${at("never")}:1`);
    assert.equal(refused.exitCode, 1);
    assert.match(refused.stderr, /is here unpacked only, and not known to be anywhere else/);
    assert.match(refused.stderr, /--compression-format gzip/);
    const target = `${registry.address}/local:1`;
    const push = [
      "push",
      "-q",
      "--tls-verify=false",
      "--compression-format",
      "gzip",
      "here.test/local:1",
      target,
    ];
    const { stdout, exitCode, stderr } = await call(...push);
    assert.equal(exitCode, 0, stderr);
    assert.match(stdout, /^sha256:/);
    assert.match(
      (await layersOf(`docker://${target}`)).map((layer) => JSON.stringify(layer)).join(),
      /tar\+gzip/,
    );
    await pull("auto", target);
    assert.match(await inside(target), /^hello$/);
    await output("rmi", target);
  });

  test("say where they are not to be had", async () => {
    const gone = await startRegistry();
    const there = `${gone.address}/app:1`;
    await output("push", "-q", "--tls-verify=false", name, there);
    await output("rmi", name);
    await output("system", "prune", "-a", "-f");
    await pull("single", there);
    await gone[Symbol.asyncDispose]();
    const refused = await run("push", "-q", "--tls-verify=false", there, `oci:${at("nowhere")}:1`);
    assert.equal(refused.exitCode, 1);
    assert.match(refused.stderr, new RegExp(`not to be had from docker://${gone.address}/app`));
    // One more place is learnt when the image comes from there as well, without fetching a layer.
    const before = registry.log().length;
    await pull("single", name);
    assert.equal(requests(before, FETCHED), 0);
    await output("push", "-q", "--tls-verify=false", there, `oci:${at("somewhere")}:1`);
    await output("rmi", there, name);
    assert.equal(await usage(), 0);
  });

  test("come back with --layer-copies both", async () => {
    await pull("single", name);
    await pull("both", name);
    for (const { digest } of layers) assert.ok(existsSync(blob(digest)));
    await output("copy", "-q", "--preserve-digests", `corten:${name}`, `oci:${at("copied")}:3`);
    assert.equal(await output("system", "check"), CLEAN);
    await output("system", "prune", "-f");
    assert.match(await inside(name), /^hello$/);
    await output("rmi", name);
    assert.equal(await usage(), 0);
  });

  test("are made of layers that running containers use", async () => {
    await pull("auto", name);
    const id = await output("run", "-d", "--network", "none", name, "sleep", "1000");
    await pull("single", name);
    assert.match(await output("exec", id, "head", "-n", "1", "/etc/motd"), /^hello$/);
    assert.match(await inside(name), /^hello$/);
    await output("rm", "-f", id);
    await output("rmi", name);
  });

  test("stay packed where an index cannot be made of them, and leave nothing behind", async () => {
    writeFileSync(at("odd"), Buffer.alloc(70_001, "odd"));
    await commandOutput("umoci", [
      "insert",
      "--image",
      `${at("layout")}:1`,
      "--tag",
      "odd",
      at("odd"),
      "/odd",
    ]);
    const odd = `oci:${at("layout")}:odd`;
    await output("--layer-copies", "single", "pull", "-q", odd);
    const listed = JSON.parse(await commandOutput("skopeo", ["inspect", "--raw", odd]))
      .layers as readonly Layer[];
    const kept = listed.filter(({ digest }) => existsSync(blob(digest)));
    assert.ok(kept.length >= 1 && kept.length < listed.length, JSON.stringify(kept));
    const leftovers = await output("system", "df", "--format", "{{.Type}} {{.Size}}");
    assert.match(leftovers, /^Leftovers 0$/m);
    const id = await output("images", "-q");
    assert.equal(
      await output("run", "--rm", "--network", "none", id, "sh", "-c", "cat /odd | wc -c"),
      "70001",
    );
    await output("rmi", "-f", id);
    assert.equal(await usage(), 0);
  });

  test("are fetched once by several pulls at once", async () => {
    const before = registry.log().length;
    await Promise.all(["single", "auto", "single", "single"].map((copies) => pull(copies, name)));
    assert.equal(requests(before, FETCHED), layers.length + 1);
    await pull("single", name);
    for (const { digest } of layers) assert.ok(!existsSync(blob(digest)));
    assert.equal(await output("system", "check"), CLEAN);
    await output("rmi", name);
  });

  test("are found damaged by a check, and mended", async () => {
    await pull("single", name);
    const [diffID] = diffIDs;
    const bytes = readFileSync(blob(diffID!));
    bytes[3000] = bytes[3000]! ^ 1;
    writeFileSync(blob(diffID!), bytes);
    assert.equal((await run("system", "check")).exitCode, 1);
    const repaired = await run("system", "check", "--repair", "--tls-verify=false");
    assert.equal(repaired.exitCode, 0, repaired.stdout + repaired.stderr);
    assert.equal(await output("system", "check"), CLEAN);
    assert.match(await inside(name), /^hello$/);
    await output("rmi", name);
  });

  test("are whole after every kill", async () => {
    let killed = 0;
    for (let attempt = 0; attempt < 25; attempt++) {
      const copies = attempt % 3 === 2 ? "both" : "single";
      const args = [...words, "--layer-copies", copies, "pull", "-q", "--tls-verify=false", name];
      const child = spawn(corten, args, { stdio: "ignore" });
      const timer = setTimeout(() => child.kill("SIGKILL"), 30 + 15 * attempt);
      const [code] = (await once(child, "exit")) as [number | null];
      clearTimeout(timer);
      if (code === null) killed++;
      const { exitCode, stdout } = await run("system", "check");
      assert.equal(exitCode, 0, stdout);
      if (attempt % 5 === 4) await output("system", "prune", "-f");
      if (attempt % 7 === 6) await run("rmi", "-f", name);
    }
    assert.ok(killed > 3, `${killed}`);
    await pull("single", name);
    assert.match(await inside(name), /^hello$/);
    await output("rmi", name);
    await output("system", "prune", "-a", "-f");
    assert.equal(await usage(), 0);
  });
});
