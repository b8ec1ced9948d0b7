import assert from "node:assert/strict";
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  command,
  commandOutput,
  cortenOci,
  isRoot,
  makeBundle,
  temporaryDirectory,
} from "../support/index.ts";

describe("corten-oci checkpoint and restore", { skip: !isRoot, timeout: 60_000 }, () => {
  const scratch = temporaryDirectory("cli-checkpoint");
  const state = join(scratch.path, "state");
  const bin = join(scratch.path, "bin");
  const criu = join(bin, "criu");
  const log = `${criu}.log`;
  const images = join(scratch.path, "images");
  const bundle = join(scratch.path, "bundle");
  const id = "cli-checkpoint-box";
  const env = { PATH: `${bin}:${process.env["PATH"]}` };
  const oci = (...args: string[]) => command(cortenOci, ["--root", state, ...args], { env });
  const status = async (name: string) =>
    JSON.parse(await commandOutput(cortenOci, ["--root", state, "state", name])) as {
      status: string;
      pid: number;
    };
  const start = () =>
    command("sh", [
      "-c",
      '"$@" </dev/null >/dev/null 2>&1',
      "sh",
      cortenOci,
      "--root",
      state,
      "run",
      "-d",
      "-b",
      bundle,
      id,
    ]);

  before(async () => {
    mkdirSync(bin);
    copyFileSync(join(import.meta.dirname, "criu-servant.py"), criu);
    chmodSync(criu, 0o755);
    writeFileSync(`${criu}.script`, "exec sleep 100 </dev/null >/dev/null 2>&1");
    makeBundle(
      bundle,
      ["sh", "-c", "i=0; while :; do echo $((i=i+1)) > /tmp/n; sleep .1; done"],
      (config) => {
        config.mounts.push({ destination: "/tmp", type: "bind", source: scratch.path, options: ["bind"] });
        config.linux["maskedPaths"] = ["/proc/version", "/proc/irq"];
      },
    );
    assert.equal((await start()).exitCode, 0);
  });
  after(async () => {
    for (const name of [id, `${id}-2`]) await oci("delete", "-f", name);
    scratch[Symbol.dispose]();
  });

  test("criu's command line has all that runc's options say, and no annotation's file", async () => {
    const { pid } = await status(id);
    mkdirSync(join(scratch.path, "parent"));
    const { exitCode, stderr } = await oci(
      ...["checkpoint", "--image-path", images, "--leave-running", "--tcp-established", "--ext-unix-sk"],
      ...[
        "--shell-job",
        "--file-locks",
        "--link-remap",
        "--lazy-pages",
        "--auto-dedup",
        "--tcp-skip-in-flight",
      ],
      ...["--manage-cgroups-mode", "strict", "--empty-ns", "network", "--parent-path", "../parent"],
      ...["--page-server", "10.0.0.1:27", id],
    );
    assert.deepEqual([exitCode, stderr], [0, ""]);
    const words = readFileSync(log, "utf8").trimEnd().split("\n");
    assert.deepEqual(words.slice(0, 5), ["dump", "--tree", `${pid}`, "--root", join(bundle, "rootfs")]);
    for (const flag of [
      ...["--no-default-config", "--leave-running", "--tcp-established", "--ext-unix-sk", "--shell-job"],
      ...["--file-locks", "--link-remap", "--lazy-pages", "--auto-dedup", "--skip-in-flight"],
      "--manage-cgroups=strict",
    ]) {
      assert.ok(words.includes(flag), flag);
    }
    const valueBehind = (name: string) => words[words.indexOf(name) + 1];
    assert.equal(valueBehind("--images-dir"), images);
    assert.equal(valueBehind("--empty-ns"), "net");
    assert.equal(valueBehind("--prev-images-dir"), "../parent");
    assert.equal(valueBehind("--port"), "27");
    assert.ok(words.includes("mnt[/tmp]:/tmp"));
    // The host's null device covers a file; a directory has a file system of its own.
    assert.ok(words.includes("mnt[/proc/version]:/dev/null"));
    assert.ok(!words.some((word) => word.startsWith("mnt[/proc/irq]")));
    assert.deepEqual(JSON.parse(readFileSync(join(images, "descriptors.json"), "utf8")).length, 3);
    assert.equal((await status(id)).status, "running");
    assert.match((await oci("checkpoint", "--parent-path", "/abs", id)).stderr, /must be relative/);
    const missing = await oci("checkpoint", "--image-path", images, "--parent-path", "none", id);
    assert.match(missing.stderr, /--parent-path does not exist/);
    assert.match((await oci("checkpoint", "--page-server", "x", id)).stderr, /not ADDRESS:PORT/);
  });

  test("a pre-dump leaves the container alone; a dump ends and deletes it", async () => {
    await oci("checkpoint", "--image-path", images, "--pre-dump", id);
    assert.deepEqual(readFileSync(log, "utf8").split("\n")[0], "pre-dump");
    assert.equal((await status(id)).status, "running");
    assert.equal((await oci("checkpoint", "--image-path", images, id)).exitCode, 0);
    assert.match((await oci("state", id)).stderr, /container does not exist/);
  });

  test("restore runs criu with the root as a mount that the host does not see, and knows the container", async () => {
    const pidFile = join(scratch.path, "pid");
    const name = `${id}-2`;
    const line = ["restore", "-d", "-b", bundle, "--image-path", images, "--pid-file", pidFile, name];
    const { exitCode, stderr } = await oci(...line);
    assert.deepEqual([exitCode, stderr], [0, ""]);
    const told = readFileSync(log, "utf8");
    assert.ok(told.includes(`external "mnt[/tmp]:${scratch.path}"\n`));
    assert.ok(told.includes('external "mnt[/dev/null]:/dev/null"\n'));
    const found = await status(name);
    assert.deepEqual([found.status, `${found.pid}`], ["running", readFileSync(pidFile, "utf8")]);
    assert.ok(!readFileSync("/proc/self/mountinfo", "utf8").includes(scratch.path));
    assert.match((await oci(...line)).stderr, /container with given ID already exists/);
    assert.equal((await oci("delete", "-f", name)).exitCode, 0);
    assert.match((await oci("restore", "--no-pivot", "-b", bundle, name)).stderr, /--no-pivot: criu enters/);
  });

  test("criu's own words, and what to do, when it fails or is not there", async () => {
    await start();
    writeFileSync(join(bin, "criu"), '#!/bin/sh\necho "Error (criu/x.c:1): no luck" >&2\nexit 1\n');
    const failed = await oci("checkpoint", "--image-path", images, id);
    assert.equal(failed.exitCode, 1);
    assert.match(failed.stderr, /criu failed: dump: Error \(criu\/x\.c:1\): no luck\nhint: /);
    const again = await oci("restore", "-d", "-b", bundle, "--image-path", images, `${id}-4`);
    assert.equal(again.exitCode, 1);
    assert.match(again.stderr, /criu failed: restore/);
    assert.equal(existsSync(join(state, `${id}-4`)), false);
    rmSync(join(bin, "criu"));
    assert.match((await oci("checkpoint", "nobody")).stderr, /container does not exist/);
  });

  test("the real criu: the container goes on where it was, or criu says why this machine cannot", async () => {
    const check = await command("criu", ["check"]);
    const { exitCode, stderr } = await oci("checkpoint", "--image-path", images, "--leave-running", id);
    if (check.exitCode === 0) assert.deepEqual([exitCode, stderr], [0, ""]);
    else {
      const reason = /^Error.*$/m.exec(check.stderr + check.stdout)![0];
      assert.equal(exitCode, 1);
      assert.ok(stderr.includes(reason), `${stderr} has ${reason}`);
    }
  });
});
