import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  command,
  commandOutput,
  corten,
  isRoot,
  makeBusyboxImage,
  temporaryDirectory,
} from "../support/index.ts";

const directory = temporaryDirectory("convert");
const at = (name: string): string => join(directory.path, name);
const env = { TMPDIR: directory.path };
const run = (...args: string[]) => command(corten, ["--root", at("store"), ...args], { env });
const convert = (...args: string[]) =>
  commandOutput(corten, ["--root", at("store"), "image", "convert", "-q", ...args], { env });
const skopeo = (...args: string[]) => commandOutput("skopeo", ["--insecure-policy", ...args], { env });
const source = () => `oci:${at("stack")}:v2`;
const place = (name: string) => `oci:${at("out")}:${name}`;
const rawOf = async (name: string) => JSON.parse(await skopeo("inspect", "--raw", place(name)));

before(async () => {
  await makeBusyboxImage(at("busybox.tar"), "corten-test/busybox:1");
  await skopeo("copy", `docker-archive:${at("busybox.tar")}`, `oci:${at("stack")}:v1`);
  await commandOutput("umoci", ["unpack", "--rootless", "--image", `${at("stack")}:v1`, at("bundle")]);
  rmSync(join(at("bundle"), "rootfs/bin/echo"));
  writeFileSync(join(at("bundle"), "rootfs/etc/motd"), "hello\n");
  await commandOutput("umoci", ["repack", "--image", `${at("stack")}:v2`, at("bundle")]);
});
after(() => directory[Symbol.dispose]());

for (const compression of ["estargz", "zstd:chunked"]) {
  test(`layers of ${compression} are valid, and read by our pull as before`, async () => {
    const name = compression.replace(":", "-");
    const digest = await convert("--compression", compression, source(), place(name));
    assert.equal(await convert("--compression", compression, source(), place(`${name}-again`)), digest);
    assert.equal((await run("image", "validate", place(name))).exitCode, 0);
    await skopeo("copy", place(name), `oci:${at(`skopeo-${name}`)}:v1`);
    // The pull unpacks every layer, over all members and frames, and verifies its DiffID.
    await commandOutput(corten, ["--root", at("store"), "pull", "-q", place(name)]);
    const { stdout } = await run("image", "diff", "--type", "files", source(), name);
    const added =
      compression === "estargz"
        ? [
            /^\+ \/\.no\.prefetch\.landmark \(file, 1 bytes\)$/,
            /^\+ \/stargz\.index\.json \(file, \d+ bytes\)$/,
          ]
        : [];
    const lines = stdout.split("\n").slice(0, -1);
    assert.equal(lines.length, added.length, stdout);
    for (const [index, line] of lines.entries()) assert.match(line, added[index]!);
  });
}

test("umoci unpacks eStargz layers; GNU gzip and zstd read every layer in chunks to its end", async () => {
  await commandOutput("umoci", ["unpack", "--rootless", "--image", `${at("out")}:estargz`, at("unpacked")]);
  assert.equal(readFileSync(join(at("unpacked"), "rootfs/etc/motd"), "utf8"), "hello\n");
  assert.ok(!existsSync(join(at("unpacked"), "rootfs/bin/echo")));
  for (const [name, program] of [
    ["estargz", "gzip"],
    ["zstd-chunked", "zstd"],
  ] as const) {
    const { config, layers } = await rawOf(name);
    const { rootfs } = JSON.parse(readFileSync(at(`out/blobs/sha256/${config.digest.slice(7)}`), "utf8"));
    for (const [index, layer] of layers.entries()) {
      const blob = at(`out/blobs/sha256/${layer.digest.slice(7)}`);
      const sum = await commandOutput("sh", ["-c", `${program} -dc < ${blob} | sha256sum`]);
      assert.equal(`sha256:${sum.split(" ")[0]}`, rootfs.diff_ids[index]);
    }
  }
});

test("zstd:chunked layers have the annotations that podman's have", { skip: !isRoot }, async () => {
  const storage = ["--root", at("storage"), "--runroot", at("run"), "--storage-driver", "vfs"];
  await commandOutput("podman", [...storage, "load", "-q", "-i", at("busybox.tar")], { env });
  await commandOutput(
    "podman",
    [
      ...storage,
      "push",
      "-q",
      "--compression-format",
      "zstd:chunked",
      "corten-test/busybox:1",
      `oci:${at("podman")}:v1`,
    ],
    { env },
  );
  const theirs = JSON.parse(await skopeo("inspect", "--raw", `oci:${at("podman")}:v1`)).layers[0]
    .annotations as Record<string, string>;
  const mine = (await rawOf("zstd-chunked")).layers[0].annotations as Record<string, string>;
  // Podman 4.3 still wrote the names without "github", which later releases do not read.
  for (const [key, value] of Object.entries(theirs)) {
    const own = mine[key.replace("io.containers.", "io.github.containers.")];
    assert.ok(own !== undefined, key);
    assert.equal(own.split(":").length, value.split(":").length, key);
  }
});

test("EROFS layers are sound file systems", async () => {
  await convert("--compression", "erofs", source(), place("erofs"));
  const { layers } = await rawOf("erofs");
  assert.equal(layers.length, 2);
  for (const { digest, mediaType } of layers) {
    assert.equal(mediaType, "application/vnd.erofs.layer.v1");
    await commandOutput("fsck.erofs", [at(`out/blobs/sha256/${digest.slice(7)}`)]);
  }
});

test("packing and generation change without the configuration", async () => {
  const before = (await skopeo("inspect", "--raw", "--config", source())).trim();
  for (const compression of ["zstd", "none"]) {
    await convert("--compression", compression, source(), place(compression));
    assert.equal((await skopeo("inspect", "--raw", "--config", place(compression))).trim(), before);
  }
  await convert("--format", "docker", "--compression", "gzip", place("zstd"), `dir:${at("docker")}`);
  const { mediaType, layers } = JSON.parse(readFileSync(at("docker/manifest.json"), "utf8"));
  assert.equal(mediaType, "application/vnd.docker.distribution.manifest.v2+json");
  assert.deepEqual(
    new Set(layers.map((layer: { mediaType: string }) => layer.mediaType)),
    new Set(["application/vnd.docker.image.rootfs.diff.tar.gzip"]),
  );
  assert.equal((await run("image", "validate", `dir:${at("docker")}`)).exitCode, 0);
});

test("options that do not go together are refused", async () => {
  for (const [args, message] of [
    [[], /nothing to convert to/],
    [["--level", "3", "--format", "oci"], /--level needs/],
    [["--compression", "gzip", "--level", "12"], /levels 1 to 9/],
    [["--compression", "zstd", "--prefetch", "/bin/sh"], /--prefetch needs/],
  ] as const) {
    const { exitCode, stderr } = await run("image", "convert", ...args, source(), place("none"));
    assert.equal(exitCode, 1);
    assert.match(stderr, message);
  }
});
