import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  commandOutput,
  corten,
  isInstalled,
  makeBusyboxImage,
  type Registry,
  startRegistry,
} from "../support/index.ts";
import { cortenIn } from "./corten-in.ts";

const { scratch, at, run, must: sync } = cortenIn("cli-sync", "sync");

describe("corten sync", {
  skip: !isInstalled("skopeo") || !isInstalled("docker-registry"),
  timeout: 300_000,
}, () => {
  let source: Registry;
  let target: Registry;
  const tags = ["1.9.0", "1.10.0", "2.0.0", "edge"];
  before(async () => {
    [source, target] = await Promise.all([startRegistry(), startRegistry()]);
    await makeBusyboxImage(at("busybox.tar"), "corten-test/busybox:1");
    const more = tags.slice(1).flatMap((tag) => ["--additional-tag", tag]);
    for (const repository of ["team/app", "other/app"]) {
      const to = `docker://${source.address}/${repository}:${tags[0]}`;
      await commandOutput(corten, ["copy", "-q", ...more, `docker-archive:${at("busybox.tar")}`, to]);
    }
  });
  after(async () => {
    await Promise.all([source[Symbol.asyncDispose](), target[Symbol.asyncDispose]()]);
    scratch[Symbol.dispose]();
  });

  const tagsOf = async (repository: string): Promise<string[]> => {
    const place = `docker://${target.address}/${repository}`;
    return JSON.parse(await commandOutput("skopeo", ["list-tags", "--tls-verify=false", place])).Tags.sort();
  };
  const report = () => JSON.parse(readFileSync(at("report.json"), "utf8"));

  test("a repository into directories where skopeo puts it, and from there into a registry", async () => {
    await sync("-q", "--src", "docker", "--dest", "dir", `${source.address}/team/app`, at("ours"));
    await commandOutput("skopeo", [
      ...["sync", "--src", "docker", "--dest", "dir", "--src-tls-verify=false"],
      ...[`${source.address}/team/app`, at("theirs")],
    ]);
    assert.deepEqual(readdirSync(at("ours")), readdirSync(at("theirs")));
    assert.deepEqual(readdirSync(at("ours/app:2.0.0")).sort(), readdirSync(at("theirs/app:2.0.0")).sort());
    for (const tree of ["ours", "theirs"]) {
      await sync("-q", "--src", "dir", "--dest", "docker", at(tree), `${target.address}/${tree}`);
      assert.deepEqual(await tagsOf(`${tree}/app`), [...tags].sort());
    }
    await sync(
      "-q",
      "-s",
      "docker",
      "-d",
      "dir",
      "--scoped",
      `${source.address}/team/app:edge`,
      at("scoped"),
    );
    assert.ok(existsSync(join(at("scoped"), source.address, "team/app:edge/manifest.json")));
    await sync("-q", "-s", "docker", "-d", "oci", `${source.address}/team/app`, at("layout"));
    const listed = JSON.parse(await commandOutput(corten, ["list-tags", `oci:${at("layout")}`])).Tags;
    assert.deepEqual(listed.sort(), tags.map((tag) => `app:${tag}`).sort());
  });

  test("a list of skopeo's: tags, regular expressions and versions; what is there is left alone", async () => {
    const { digest } = JSON.parse(
      await commandOutput(corten, ["artifact", "inspect", `${source.address}/team/app:edge`]),
    );
    writeFileSync(
      at("sync.yaml"),
      `${source.address}:
  tls-verify: false
  images:
    team/app: [edge, "${digest}"]
  images-by-tag-regex:
    other/app: ^1\\.
  images-by-semver:
    team/app: ">=1.10, <2"
`,
    );
    const args = ["-s", "yaml", "-d", "docker", "--scoped", "--report", at("report.json"), at("sync.yaml")];
    const mirror = `${target.address}/mirror`;
    // A port in the name of the source cannot be part of a path in a registry.
    assert.equal((await run(...args, mirror)).exitCode, 1);
    const plain = args.filter((arg) => arg !== "--scoped");
    const dry = await sync(...plain, "--dry-run", mirror);
    assert.match(dry, /^planned docker:\/\/.*\/team\/app:edge -> docker:\/\/.*\/mirror\/app:edge$/m);
    await assert.rejects(tagsOf("mirror/app"));
    // The same image under its digest, and one tag that two repositories have, are there by then.
    assert.match(await sync(...plain, mirror), /3 copied, 2 unchanged, 0 failed$/);
    assert.deepEqual(await tagsOf("mirror/app"), ["1.10.0", "1.9.0", "edge"]);
    assert.match(await sync(...plain, mirror), /0 copied, 5 unchanged, 0 failed$/);
    assert.deepEqual(
      report().images.map(({ status }: { status: string }) => status),
      Array(5).fill("unchanged"),
    );
  });

  test("it goes on after errors when it is to, and reports each", async () => {
    const { digest } = JSON.parse(
      await commandOutput(corten, ["artifact", "inspect", `${source.address}/other/app:edge`]),
    );
    writeFileSync(
      at("failing.yaml"),
      JSON.stringify({
        [source.address]: {
          images: { "none/app": [], "team/app": ["missing", "edge"], "other/app": ["2.0.0"] },
        },
      }),
    );
    const args = [
      "-q",
      "-s",
      "yaml",
      "-d",
      "dir",
      "--report",
      at("report.json"),
      at("failing.yaml"),
      at("partly"),
    ];
    const stopped = await run(...args);
    assert.equal(stopped.exitCode, 1);
    assert.deepEqual([report().failed, report().copied, report().complete], [1, 0, false]);
    const gone = await run("--keep-going", ...args);
    assert.equal(gone.exitCode, 1);
    assert.match(gone.stderr, /none\/app: .*NAME_UNKNOWN[\s\S]*team\/app:missing: .*MANIFEST_UNKNOWN/);
    const { failed, copied, complete, images } = report();
    assert.deepEqual([failed, copied, complete], [2, 2, true]);
    assert.deepEqual(
      images.map(({ status, error }: { status: string; error?: { code: string } }) => error?.code ?? status),
      ["not-found", "not-found", "copied", "copied"],
    );
    assert.equal(images[3].digest, digest);
    rmSync(at("partly"), { recursive: true });
    const printed = await run(
      "-s",
      "yaml",
      "-d",
      "dir",
      "--keep-going",
      "--report",
      "-",
      at("failing.yaml"),
      at("partly"),
    );
    assert.equal(JSON.parse(printed.stdout).copied, 2);
  });

  test("wrong command lines say what is missing", async () => {
    assert.match((await run(at("x"), at("y"))).stderr, /--src and --dest say what/);
    assert.match(
      (await run("-s", "dir", "-d", "dir", at("x"), at("y"))).stderr,
      /from directory to directory/,
    );
    assert.match(
      (await run("-s", "dir", "-d", "docker", at("none"), "x.io/y")).stderr,
      /cannot read the directory/,
    );
    assert.match(
      (await run("-s", "yaml", "-d", "docker", at("none.yml"), "x.io/y")).stderr,
      /cannot read .*none\.yml/,
    );
  });
});
