import assert from "node:assert/strict";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
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

const NAME = "corten-test/busybox:1";
const directory = temporaryDirectory("validate");
const at = (name: string): string => join(directory.path, name);
const env = { TMPDIR: directory.path };
const skopeo = (...args: string[]) => commandOutput("skopeo", ["--insecure-policy", ...args], { env });
const umoci = (...args: string[]) => commandOutput("umoci", args);

let registry: Registry;
before(async () => {
  registry = await startRegistry();
  await makeBusyboxImage(at("busybox.tar"), NAME);
  await skopeo("copy", `docker-archive:${at("busybox.tar")}`, `oci:${at("skopeo")}:v1`);
});
after(async () => {
  await registry[Symbol.asyncDispose]();
  directory[Symbol.dispose]();
});

interface Report {
  readonly valid: boolean;
  readonly layers: number;
  readonly findings: readonly {
    readonly rule: string;
    readonly severity: string;
    readonly document: string;
    readonly pointer?: string;
  }[];
}

async function validate(
  place: string,
  ...options: string[]
): Promise<Report & { readonly exitCode: number }> {
  const line = [
    "--root",
    at("store"),
    "image",
    "validate",
    "--format",
    "json",
    "--tls-verify=false",
    ...options,
    place,
  ];
  const { exitCode, stdout, stderr } = await command(corten, line);
  assert.equal(stderr, "");
  return { exitCode, ...(JSON.parse(stdout) as Report) };
}

/** No error in what a peer made, and content that was looked at. */
async function isValid(place: string): Promise<void> {
  const { exitCode, valid, layers, findings } = await validate(place);
  assert.deepEqual(
    findings.filter(({ severity }) => severity === "error"),
    [],
    place,
  );
  assert.equal(valid, true, place);
  assert.equal(exitCode, 0, place);
  assert.ok(layers > 0, place);
}

test("images of skopeo are valid in every place that it writes to", async () => {
  await isValid(`oci:${at("skopeo")}`);
  await isValid(`docker-archive:${at("busybox.tar")}`);
  const from = `oci:${at("skopeo")}:v1`;
  const repository = `docker://${registry.address}/busybox:1`;
  await skopeo("copy", from, `dir:${at("s-dir")}`);
  await skopeo("copy", from, `oci-archive:${at("s-oci.tar")}:v1`);
  await skopeo("copy", from, `docker-archive:${at("s-docker.tar")}:${NAME}`);
  await skopeo("copy", "--format", "v2s2", from, `dir:${at("s-v2s2")}`);
  await skopeo("copy", "--dest-compress-format", "zstd", from, `oci:${at("s-zstd")}:v1`);
  await skopeo("copy", "--dest-tls-verify=false", from, repository);
  for (const place of [
    "dir:s-dir",
    "oci-archive:s-oci.tar",
    "docker-archive:s-docker.tar",
    "dir:s-v2s2",
    "oci:s-zstd",
  ]) {
    const [transport, name] = place.split(":") as [string, string];
    await isValid(`${transport}:${at(name)}`);
  }
  await isValid(repository);
});

test("images of umoci are valid, layers with whiteouts among them", async () => {
  cpSync(at("skopeo"), at("umoci"), { recursive: true });
  await umoci("unpack", "--rootless", "--image", `${at("umoci")}:v1`, at("bundle"));
  rmSync(join(at("bundle"), "rootfs/bin/echo"));
  mkdirSync(join(at("bundle"), "rootfs/etc/d"));
  writeFileSync(join(at("bundle"), "rootfs/etc/motd"), "hello\n");
  await umoci("repack", "--image", `${at("umoci")}:v2`, at("bundle"));
  await umoci("config", "--image", `${at("umoci")}:v2`, "--config.env", "A=1", "--tag", "v3");
  await isValid(`oci:${at("umoci")}`);
  assert.equal((await validate(`oci:${at("umoci")}:v3`)).layers, 2);
});

test("images of podman and buildah are valid", { skip: !isRoot }, async () => {
  const storage = ["--root", at("storage"), "--runroot", at("run"), "--storage-driver", "vfs"];
  const podman = (...args: string[]) => commandOutput("podman", [...storage, ...args], { env });
  await podman("load", "-q", "-i", at("busybox.tar"));
  for (const [format, transport] of [
    ["oci-archive", "oci-archive"],
    ["oci-dir", "oci"],
    ["docker-archive", "docker-archive"],
    ["docker-dir", "dir"],
  ] as const) {
    await podman("save", "-q", "--format", format, "-o", at(`p-${format}`), NAME);
    await isValid(`${transport}:${at(`p-${format}`)}`);
  }
  mkdirSync(at("context"));
  writeFileSync(
    join(at("context"), "Containerfile"),
    `FROM ${NAME}\nCOPY f /f\nENV X=y\nEXPOSE 80\nCMD ["sh"]\n`,
  );
  writeFileSync(join(at("context"), "f"), "f\n");
  await commandOutput("buildah", [...storage, "bud", "-q", "--pull-never", "-t", "built", at("context")], {
    env,
  });
  await commandOutput("buildah", [...storage, "push", "-q", "built", `oci:${at("buildah")}:v1`], { env });
  await isValid(`oci:${at("buildah")}`);
});

test("an image of the store is judged by its name", async () => {
  await commandOutput(corten, ["--root", at("store"), "pull", "-q", `oci:${at("skopeo")}:v1`]);
  const [{ RepoTags }] = JSON.parse(
    await commandOutput(corten, ["--root", at("store"), "inspect", "v1"]),
  ) as [{ RepoTags: string[] }];
  await isValid(RepoTags[0]!);
});

test("what is broken on disk is told with exit code 1, as text as well", async () => {
  cpSync(at("skopeo"), at("broken"), { recursive: true });
  const blobs = readdirSync(at("broken/blobs/sha256")).map((name) => at(`broken/blobs/sha256/${name}`));
  const layer = blobs.find((path) => readFileSync(path)[0] === 0x1f)!;
  truncateSync(layer, 1000);
  const digest = `sha256:${layer.split("/").at(-1)}`;
  const { exitCode, findings } = await validate(`oci:${at("broken")}:v1`);
  assert.equal(exitCode, 1);
  const errors = findings.filter(({ severity }) => severity === "error");
  assert.deepEqual(
    errors.map(({ rule, document }) => [rule, document]),
    [
      ["size-mismatch", digest],
      ["digest-mismatch", digest],
      ["packing", digest],
    ],
  );
  const text = await command(corten, ["image", "validate", `oci:${at("broken")}:v1`]);
  assert.equal(text.exitCode, 1);
  assert.ok(text.stdout.includes(`error   ${digest}: has 1000 bytes, but its descriptor says`), text.stdout);
  assert.match(text.stdout, /: 3 errors and \d warnings? in 4 documents and 1 layer\n$/);
  assert.equal((await validate(`oci:${at("broken")}:v1`, "--layers=false")).exitCode, 0);
});

test("A9: a layout with a link out of it is told of, and what is behind the link is not read", async () => {
  cpSync(at("skopeo"), at("linked"), { recursive: true });
  rmSync(at("linked/oci-layout"));
  await commandOutput("ln", ["-s", "/etc/passwd", at("linked/oci-layout")]);
  const { findings } = await validate(`oci:${at("linked")}`);
  assert.deepEqual(
    findings.filter(({ severity }) => severity === "error").map(({ rule, document }) => [rule, document]),
    [["unreadable", "oci-layout"]],
  );
});

test("exit code 2 when there is nothing to judge", async () => {
  const { exitCode, stderr } = await command(corten, ["image", "validate", `oci:${at("nowhere")}`]);
  assert.equal(exitCode, 2);
  assert.match(stderr, /there is no directory/);
});
