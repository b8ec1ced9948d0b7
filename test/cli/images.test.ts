import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  command,
  commandOutput,
  corten,
  isInstalled,
  makeBusyboxImage,
  makeBusyboxRootfs,
  openTerminal,
  type Registry,
  startRegistry,
  temporaryDirectory,
} from "../support/index.ts";

describe("images", {
  skip: !isInstalled("docker-registry") || !isInstalled("skopeo"),
  timeout: 120_000,
}, () => {
  const scratch = temporaryDirectory("cli-images");
  const archive = join(scratch.path, "busybox.tar");
  const run = (...args: string[]) => command(corten, ["--root", join(scratch.path, "data"), ...args]);
  const must = (...args: string[]) => commandOutput(corten, ["--root", join(scratch.path, "data"), ...args]);
  let registry: Registry;
  let reference: string;

  before(async () => {
    await makeBusyboxImage(archive, "corten-test/busybox:1");
    registry = await startRegistry();
    reference = `${registry.address}/corten-test/busybox:1`;
    const copy = [
      "copy",
      "--quiet",
      "--dest-tls-verify=false",
      `docker-archive:${archive}`,
      `docker://${reference}`,
    ];
    await commandOutput("skopeo", copy);
  });

  after(async () => {
    await registry[Symbol.asyncDispose]();
    scratch[Symbol.dispose]();
  });

  test("pull prints a line for each change of a layer, the digest, and the ID on stdout", async () => {
    const { stdout, stderr, exitCode } = await run("pull", reference);
    assert.equal(exitCode, 0, stderr);
    assert.match(stdout, /^sha256:[0-9a-f]{64}\n$/);
    assert.match(stderr, /^[0-9a-f]{12}: Waiting\n(?:.*\n)*[0-9a-f]{12}: Pull complete\nDigest: sha256:/);
    const again = await run("pull", "-q", reference);
    assert.deepEqual([again.stdout, again.stderr], [stdout, ""]);
  });

  test("pull on a terminal redraws one line a layer", async () => {
    const args = ["--root", join(scratch.path, "terminal"), "pull", reference];
    await using terminal = await openTerminal(corten, args);
    assert.equal(await terminal.exit, 0);
    assert.match(terminal.output(), /\x1b\[1A\x1b\[2K\x1b\[1m[0-9a-f]{12}\x1b\[22m: Pull complete/);
  });

  test("images: the table, JSON, templates, IDs and a repository's", async () => {
    const id = await must("pull", "-q", reference);
    const short = id.slice(7, 19);
    const table = (await must("images")).split("\n");
    assert.equal(table[0]?.replace(/ +/g, " "), "REPOSITORY TAG IMAGE ID CREATED SIZE");
    assert.match(
      table[1]!,
      new RegExp(`^${registry.address}/corten-test/busybox +1 +${short} +\\d+ years ago +[\\d.]+MB$`),
    );
    const [image] = JSON.parse(await must("images", "--format", "json"));
    assert.deepEqual([image.ID, image.Tag, typeof image.Size], [id, "1", "number"]);
    assert.equal(await must("images", "--format", "{{.Repository}}:{{.Tag}}"), reference);
    assert.equal(await must("images", "-q"), short);
    assert.equal(await must("images", "-q", "--no-trunc", "corten-test/nothing"), "");
  });

  test("tag, inspect, rmi", async () => {
    const id = await must("pull", "-q", reference);
    await must("tag", id.slice(7, 15), "mine:2");
    const [inspected] = JSON.parse(await must("inspect", "--type", "image", "mine:2"));
    assert.deepEqual([inspected.Id, inspected.RepoTags], [id, [reference, "mine:2"]]);
    assert.equal(await must("rmi", "mine:2"), "Untagged: mine:2");
    assert.equal(await must("rmi", reference), `Untagged: ${reference}\nDeleted: ${id}`);
    const missing = await run("rmi", reference);
    assert.equal(missing.exitCode, 1);
    assert.match(missing.stderr, /^corten: there is no image /);
    assert.equal((await run("rmi", "-f", reference)).exitCode, 0);
  });

  test("push, under the image's name and to another place", async () => {
    await must("load", "-q", "-i", archive);
    const target = `${registry.address}/corten-test/pushed:2`;
    const digest = await must("push", "-q", "corten-test/busybox:1", target);
    const inspected = await commandOutput("skopeo", ["inspect", "--tls-verify=false", `docker://${target}`]);
    assert.equal(JSON.parse(inspected).Digest, digest);
    await must("tag", "corten-test/busybox:1", target);
    const again = await run("push", target);
    assert.deepEqual([again.stdout, again.exitCode], [`${digest}\n`, 0]);
    assert.match(again.stderr, /: Already exists\n/);
    await must("push", "-q", target, `oci:${scratch.path}/layout:x`);
    assert.ok(await commandOutput("skopeo", ["inspect", `oci:${scratch.path}/layout:x`]));
  });

  test("load, save in both formats, and load again what was saved", async () => {
    assert.match(await must("load", "-q", "-i", archive), /^Loaded image: corten-test\/busybox:1$/m);
    const saved = join(scratch.path, "saved.tar");
    for (const format of ["docker-archive", "oci-archive"]) {
      await must("save", "--format", format, "-o", saved, "corten-test/busybox:1");
      const inspected = JSON.parse(
        await commandOutput("skopeo", ["inspect", "--config", `${format}:${saved}`]),
      );
      assert.deepEqual(inspected.config.Cmd, ["/bin/sh"]);
      await must("rmi", "corten-test/busybox:1");
      const { stdout } = await command(corten, ["--root", join(scratch.path, "data"), "load", "-q"], {
        input: readFileSync(saved),
      });
      assert.match(stdout, /^Loaded image: corten-test\/busybox:1$/m);
    }
    const piped = await command("sh", [
      "-c",
      `${corten} --root ${scratch.path}/data save corten-test/busybox:1 | tar -t`,
    ]);
    assert.match(piped.stdout, /^manifest\.json$/m);
  });

  test("several images in one archive, and whole layouts with every platform", async () => {
    await must("load", "-q", "-i", archive);
    await must("pull", "-q", "corten/hello");
    await must("tag", "corten-test/busybox:1", "again:2");
    const saved = join(scratch.path, "several.tar");
    const wanted = ["corten-test/busybox:1", "corten/hello:latest", "again:2"];
    for (const format of ["docker-archive", "oci-archive"]) {
      await must("save", "--format", format, "-o", saved, ...wanted);
      const first = readFileSync(saved);
      await must("save", "--format", format, "-o", saved, ...wanted);
      assert.ok(readFileSync(saved).equals(first), `${format} is the same each time`);
      const other = ["--root", join(scratch.path, `loaded-${format}`)];
      const loaded = await commandOutput(corten, [...other, "load", "-q", "-i", saved]);
      assert.deepEqual(loaded.split("\n").sort(), wanted.map((name) => `Loaded image: ${name}`).sort());
    }
    await must("save", "-o", saved, ...wanted);
    const theirs = await commandOutput("skopeo", ["list-tags", `docker-archive:${saved}`]);
    assert.deepEqual(JSON.parse(theirs).Tags.sort(), [...wanted].sort());
    const missing = await run("save", "-o", join(scratch.path, "none.tar"), "corten/hello", "none");
    assert.match(missing.stderr, /there is no image "none"/);
    assert.ok(!existsSync(join(scratch.path, "none.tar")));

    const layout = join(scratch.path, "whole");
    await must("manifest", "create", "-q", "both:1", "corten-test/busybox:1");
    await must("manifest", "add", "-q", "--arch", "riscv64", "both:1", "corten/hello");
    await must("manifest", "push", "-q", "both:1", `oci:${layout}:both:1`);
    await must("push", "-q", "corten/hello", `oci:${layout}:hello:1`);
    const whole = ["--root", join(scratch.path, "whole-data")];
    const names = await commandOutput(corten, [...whole, "load", "-q", "--all-platforms", "-i", layout]);
    assert.deepEqual(names.split("\n").sort(), ["Loaded image: both:1", "Loaded image: hello:1"]);
    // Everything came along: the index can be written again.
    await commandOutput(corten, [...whole, "manifest", "push", "-q", "both:1", `oci:${layout}-again:1`]);
  });

  test("import makes an image of a root file system", async () => {
    const rootfs = join(scratch.path, "rootfs");
    const tar = join(scratch.path, "rootfs.tar");
    makeBusyboxRootfs(rootfs);
    await commandOutput("tar", ["-C", rootfs, "-czf", tar, "."]);
    const id = await must("import", "-c", 'CMD ["/bin/sh"]', "-c", "ENV A=1", tar, "my/root:1");
    const [inspected] = JSON.parse(await must("inspect", "my/root:1"));
    assert.deepEqual([inspected.Id, inspected.Config.Cmd, inspected.Config.Env], [id, ["/bin/sh"], ["A=1"]]);
  });

  test("history tells how an image was made, exists whether it is here", async () => {
    await must("load", "-q", "-i", archive);
    const rootfs = join(scratch.path, "with-history");
    await must("push", "-q", "corten-test/busybox:1", `oci:${rootfs}:1`);
    for (const words of [
      ["config", "--config.label", "a=b", "--history.created_by", "LABEL a=b"],
      ["insert", "--history.created_by", "COPY hostname /h", "/etc/hostname", "/h"],
    ]) {
      await commandOutput("umoci", [words[0]!, "--image", `${rootfs}:1`, ...words.slice(1)]);
    }
    const ID = await must("pull", "-q", `oci:${rootfs}:1`);
    const steps = JSON.parse(await must("history", "--format", "json", ID));
    assert.deepEqual(
      steps.map(({ CreatedBy, Layer, Size }: { CreatedBy: string; Layer: string | null; Size: number }) => [
        CreatedBy,
        Layer !== null,
        Size > 0,
      ]),
      [
        ["COPY hostname /h", true, true],
        ["LABEL a=b", false, false],
        ["busybox-static", true, true],
      ],
    );
    const table = await must("history", ID);
    assert.match(table, /^LAYER +CREATED +CREATED BY +SIZE +COMMENT\n[0-9a-f]{12} .*COPY hostname/);
    assert.match(await must("history", "-q", ID), /^sha256:[0-9a-f]{64}\n<none>\nsha256:[0-9a-f]{64}$/);
    assert.equal((await run("image", "exists", ID)).exitCode, 0);
    assert.equal((await run("image", "exists", "none/such")).exitCode, 1);
  });

  test("what cannot be fetched is one line that names it", async () => {
    const { stderr, exitCode } = await run("pull", `${registry.address}/corten-test/nothing:1`);
    assert.equal(exitCode, 1);
    assert.match(stderr, /^corten: .*corten-test\/nothing/);
    assert.doesNotMatch(stderr, /\n {4}at /);
    const broken = join(scratch.path, "broken.tar");
    writeFileSync(broken, "no archive");
    assert.equal((await run("load", "-i", broken)).exitCode, 1);
  });

  test("Ctrl-C ends a pull with 130 and says that it can go on", async () => {
    // A registry that answers nothing.
    const server = createServer(() => {}).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    const child = spawn(corten, ["--root", join(scratch.path, "data"), "pull", `127.0.0.1:${port}/slow`]);
    let stderr = "";
    child.stderr.on("data", (chunk) => (stderr += chunk));
    await once(server, "request");
    child.kill("SIGINT");
    const [code] = await once(child, "close");
    server.closeAllConnections();
    server.close();
    assert.equal(code, 130, stderr);
    assert.match(stderr, /^corten: interrupted\nhint: .*goes on from there\n$/m);
  });
});
