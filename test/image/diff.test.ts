import assert from "node:assert/strict";
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { command, commandOutput, corten, makeBusyboxImage, temporaryDirectory } from "../support/index.ts";

const directory = temporaryDirectory("diff");
const at = (name: string): string => join(directory.path, name);
const diff = (...args: string[]) => command(corten, ["--root", at("store"), "image", "diff", ...args]);
const one = `oci:${at("layout")}:v1`;
const two = `oci:${at("layout")}:v2`;

before(async () => {
  await makeBusyboxImage(at("busybox.tar"), "corten-test/busybox:1");
  const env = { TMPDIR: directory.path };
  await commandOutput("skopeo", ["--insecure-policy", "copy", `docker-archive:${at("busybox.tar")}`, one], {
    env,
  });
  await commandOutput("umoci", ["unpack", "--rootless", "--image", `${at("layout")}:v1`, at("bundle")]);
  const root = join(at("bundle"), "rootfs");
  rmSync(join(root, "bin/echo"));
  mkdirSync(join(root, "etc/d"));
  writeFileSync(join(root, "etc/d/new"), "hello\n");
  chmodSync(join(root, "etc/group"), 0o600);
  await commandOutput("umoci", ["repack", "--image", `${at("layout")}:v2`, at("bundle")]);
  await commandOutput("umoci", ["config", "--image", `${at("layout")}:v2`, "--config.env", "A=1"]);
});
after(() => directory[Symbol.dispose]());

test("what was changed in a bundle of umoci is what differs, and nothing else", async () => {
  const { exitCode, stdout } = await diff("--type", "files", one, two);
  assert.equal(exitCode, 1);
  assert.deepEqual(stdout.trimEnd().split("\n"), [
    `- /bin/echo (file, ${await commandOutput("stat", ["-c%s", "/bin/busybox"])} bytes)`,
    "+ /etc/d (directory)",
    "+ /etc/d/new (file, 6 bytes)",
    "~ /etc/group mode 0644 -> 0600",
  ]);
});

test("configuration and layers are compared, as text and as JSON", async () => {
  const text = await diff("--type", "config", one, two);
  assert.ok(text.stdout.includes('+ config /config/Env/1: "A=1"\n'), text.stdout);
  const { exitCode, stdout } = await diff("--format", "json", one, two);
  assert.equal(exitCode, 1);
  const { equal, identical, layers, files } = JSON.parse(stdout);
  assert.deepEqual(
    [equal, identical, layers.common, layers.removed.length, layers.added.length],
    [false, false, 1, 0, 1],
  );
  assert.equal(files.length, 4);
});

test("exit code 0 for one image in two places and packings, 2 for trouble", async () => {
  const env = { TMPDIR: directory.path };
  await commandOutput(
    "skopeo",
    ["--insecure-policy", "copy", "--dest-compress-format", "zstd", two, `oci:${at("zstd")}:v2`],
    { env },
  );
  await commandOutput(corten, ["--root", at("store"), "pull", "-q", one]);
  const same = await diff(one, "v1");
  assert.deepEqual([same.exitCode, same.stdout], [0, ""]);
  await commandOutput(corten, ["--root", at("store"), "pull", "-q", two]);
  assert.equal((await diff("--type", "files", "v1", "v2")).exitCode, 1);
  assert.equal((await diff("--type", "files", two, `oci:${at("zstd")}:v2`)).exitCode, 0);
  const repacked = await diff("--type", "layers", two, `oci:${at("zstd")}:v2`);
  assert.equal(repacked.exitCode, 1);
  assert.match(repacked.stdout, /^(?:~ layer sha256:.* -> sha256:.*\n){2}$/);
  assert.equal((await diff(one, `oci:${at("layout")}:none`)).exitCode, 2);
});
