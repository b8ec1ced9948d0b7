import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  command,
  commandOutput,
  corten,
  makeBusyboxImage,
  type Registry,
  startRegistry,
  temporaryDirectory,
} from "../support/index.ts";

const directory = temporaryDirectory("mutate");
const at = (name: string): string => join(directory.path, name);
const env = { TMPDIR: directory.path };
const image = (...args: string[]) => command(corten, ["--root", at("store"), "image", ...args], { env });
const mutate = (...args: string[]) =>
  commandOutput(corten, ["--root", at("store"), "image", "mutate", "-q", ...args], { env });
const skopeo = (...args: string[]) => commandOutput("skopeo", ["--insecure-policy", ...args], { env });
const configOf = async (name: string) =>
  JSON.parse(await skopeo("inspect", "--config", "--raw", `oci:${at(name)}`));
const ours = (name: string) => `oci:${at("ours")}:${name}`;
const base = () => `oci:${at("base")}:v1`;

let registry: Registry;
before(async () => {
  registry = await startRegistry();
  await makeBusyboxImage(at("busybox.tar"), "corten-test/busybox:1");
  await skopeo("copy", `docker-archive:${at("busybox.tar")}`, base());
  mkdirSync(at("files/srv"), { recursive: true });
  writeFileSync(at("files/srv/app"), "app\n");
  await commandOutput("tar", ["--sort=name", "--mtime=@1", "-C", at("files"), "-cf", at("layer.tar"), "srv"]);
});
after(async () => {
  await registry[Symbol.asyncDispose]();
  directory[Symbol.dispose]();
});

test("the configuration is the one that umoci config makes of the same settings", async () => {
  cpSync(at("base"), at("umoci"), { recursive: true });
  const settings = [
    "--config.env",
    "A=1",
    "--config.label",
    "k=v",
    "--config.user",
    "7:8",
    "--config.workingdir",
    "/srv",
    "--config.exposedports",
    "80/tcp",
    "--config.volume",
    "/data",
    "--config.entrypoint",
    "/bin/sh",
    "--config.cmd",
    "-c",
    "--config.cmd",
    "true",
    "--config.stopsignal",
    "SIGINT",
  ];
  await commandOutput("umoci", ["config", "--image", `${at("umoci")}:v1`, ...settings]);
  await mutate(
    "-e",
    "A=1",
    "-l",
    "k=v",
    "-u",
    "7:8",
    "-w",
    "/srv",
    "-p",
    "80",
    "--volume",
    "/data",
    "--entrypoint",
    "/bin/sh",
    "--cmd=-c",
    "--cmd",
    "true",
    "--stop-signal",
    "SIGINT",
    base(),
    ours("config"),
  );
  const [theirs, mine] = [await configOf("umoci:v1"), await configOf("ours:config")];
  assert.deepEqual(mine.config, theirs.config);
  assert.deepEqual(mine.rootfs, theirs.rootfs);
  assert.equal(mine.history.length, theirs.history.length);
  assert.equal(mine.history.at(-1).empty_layer, true);
});

test("a layer on top is the one that umoci raw add-layer puts there", async () => {
  cpSync(at("base"), at("added"), { recursive: true });
  await commandOutput("umoci", ["raw", "add-layer", "--image", `${at("added")}:v1`, at("layer.tar")]);
  await mutate("--append", at("layer.tar"), base(), ours("append"));
  const [theirs, mine] = [await configOf("added:v1"), await configOf("ours:append")];
  assert.deepEqual(mine.rootfs, theirs.rootfs);
  assert.equal((await image("diff", "--type", "files", `oci:${at("added")}:v1`, ours("append"))).exitCode, 0);
});

test("what was flattened unpacks with GNU tar to what umoci unpacks of all layers", async () => {
  cpSync(at("base"), at("stack"), { recursive: true });
  const unpack = (layout: string, tag: string, bundle: string) =>
    commandOutput("umoci", ["unpack", "--rootless", "--image", `${at(layout)}:${tag}`, at(bundle)]);
  await unpack("stack", "v1", "bundle");
  const root = join(at("bundle"), "rootfs");
  rmSync(join(root, "bin/echo"));
  rmSync(join(root, "usr/bin"));
  mkdirSync(join(root, "usr/bin"));
  writeFileSync(join(root, "usr/bin/new"), "new\n");
  execFileSync("ln", [join(root, "bin/cat"), join(root, "usr/bin/cat")]);
  await commandOutput("umoci", ["repack", "--image", `${at("stack")}:v2`, at("bundle")]);
  await mutate("--flatten", `oci:${at("stack")}:v2`, ours("flat"));
  assert.equal((await configOf("ours:flat")).rootfs.diff_ids.length, 1);
  await unpack("stack", "v2", "whole");
  mkdirSync(at("flat"));
  const index = JSON.parse(readFileSync(at("ours/index.json"), "utf8"));
  const entry = index.manifests.find(
    ({ annotations }: { annotations: Record<string, string> }) =>
      annotations["org.opencontainers.image.ref.name"] === "flat",
  );
  const manifest = JSON.parse(readFileSync(at(`ours/blobs/sha256/${entry.digest.slice(7)}`), "utf8"));
  await commandOutput("tar", [
    "-C",
    at("flat"),
    "--no-same-owner",
    "-xpzf",
    at(`ours/blobs/sha256/${manifest.layers[0].digest.slice(7)}`),
  ]);
  const listing = (path: string) =>
    commandOutput("sh", [
      "-c",
      `cd ${path} && find . -printf '%P %y %m %s %n %l\\n' | grep -v ' d ' | sort && find . -type d -printf '%P %m\\n' | sort`,
    ]);
  assert.equal(await listing(at("flat")), await listing(join(at("whole"), "rootfs")));
});

test("an image goes from place to place changed: registry, archive, store, further names", async () => {
  const repository = `docker://${registry.address}/changed`;
  const digest = await mutate("-l", "a=b", "--dest-tls-verify=false", "-t", "2", base(), `${repository}:1`);
  assert.equal(await mutate("-l", "a=b", base(), ours("again")), digest);
  for (const tag of ["1", "2"]) {
    const seen = JSON.parse(await skopeo("inspect", "--tls-verify=false", `${repository}:${tag}`));
    assert.deepEqual([seen.Digest, seen.Labels], [digest, { a: "b" }]);
  }
  await mutate("--src-tls-verify=false", "-e", "B=1", `${repository}:1`, "corten:localhost/changed:1");
  await mutate(
    "--set-platform",
    "linux/arm64",
    "localhost/changed:1",
    `docker-archive:${at("arm.tar")}:changed:arm`,
  );
  const seen = JSON.parse(await skopeo("inspect", `docker-archive:${at("arm.tar")}:changed:arm`));
  assert.deepEqual([seen.Architecture, seen.Labels, seen.Env.at(-1)], ["arm64", { a: "b" }, "B=1"]);
  assert.equal((await image("validate", `docker-archive:${at("arm.tar")}`)).exitCode, 0);
});

test("an image is put on a fixed base; one that stands on another is refused", async () => {
  await mutate("--append", at("layer.tar"), base(), ours("app"));
  await mutate("-e", "FIXED=1", "--append", at("layer.tar"), base(), "corten:localhost/base:2");
  await mutate("--rebase", base(), "--rebase", "localhost/base:2", ours("app"), ours("rebased"));
  const { rootfs, history } = await configOf("ours:rebased");
  assert.deepEqual([rootfs.diff_ids.length, history.length], [3, 4]);
  const raw = JSON.parse(await skopeo("inspect", "--raw", ours("rebased")));
  assert.equal(raw.annotations["org.opencontainers.image.base.name"], "localhost/base:2");
  assert.equal((await image("validate", ours("rebased"))).exitCode, 0);
  const { exitCode, stderr } = await image(
    "mutate",
    "--rebase",
    "localhost/base:2",
    "--rebase",
    base(),
    ours("flat"),
    ours("none"),
  );
  assert.equal(exitCode, 1);
  assert.match(stderr, /does not stand on corten:localhost\/base:2/);
});
