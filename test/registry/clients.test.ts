/**
 * Other programs push to our registry and pull from it what they and others have pushed: images byte for byte, by tag and
 * by digest, of one platform and of several.
 */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Daemon } from "../conformance/engines/daemon.ts";
import {
  command,
  commandOutput,
  cortenOci,
  isInstalled,
  isRoot,
  makeBusyboxImage,
  temporaryDirectory,
} from "../support/index.ts";
import { type ServedRegistry, serveRegistry } from "./registry-server.ts";

const IMAGE = "corten-test/busybox:1";
const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const ACCEPT = [OCI_MANIFEST, "application/vnd.docker.distribution.manifest.v2+json"].join(",");

describe("clients of the registry", { timeout: 600_000 }, () => {
  const scratch = temporaryDirectory("registry-clients");
  const archive = join(scratch.path, "busybox.tar");
  let registry: ServedRegistry;

  before(async () => {
    await makeBusyboxImage(archive, IMAGE);
    registry = await serveRegistry(scratch.path);
  });

  after(async () => {
    // What the clients made of it must not have broken the registry.
    const output = registry.output();
    const code = await registry.end("SIGTERM");
    scratch[Symbol.dispose]();
    assert.equal(code, 0, output);
    assert.doesNotMatch(output, /error/i);
  });

  const name = (repository: string) => `${registry.address}/${repository}`;
  const manifestOf = async (repository: string, reference: string) => {
    const response = await fetch(`http://${registry.address}/v2/${repository}/manifests/${reference}`, {
      headers: { Accept: ACCEPT },
    });
    assert.equal(response.status, 200);
    return { text: await response.text(), digest: response.headers.get("docker-content-digest")! };
  };

  test("skopeo: copy in both types, mount, pull by digest, list tags, delete", {
    skip: !isInstalled("skopeo"),
  }, async () => {
    const plain = ["--dest-tls-verify=false", "--src-tls-verify=false"];
    const docker = `docker://${name("skopeo/docker")}:1`;
    const oci = `docker://${name("skopeo/oci")}:1`;
    await commandOutput("skopeo", [
      "copy",
      ...plain,
      "--format",
      "v2s2",
      `docker-archive:${archive}`,
      docker,
    ]);
    await commandOutput("skopeo", ["copy", ...plain, "--format", "oci", docker, oci]);
    const { text, digest } = await manifestOf("skopeo/oci", "1");
    assert.equal(JSON.parse(text).mediaType, OCI_MANIFEST);

    // Layers are mounted from the other repository, so nothing is uploaded again.
    await commandOutput("skopeo", ["copy", ...plain, oci, `docker://${name("skopeo/mounted")}:1`]);
    const layout = join(scratch.path, "skopeo-layout");
    const pulled = `docker://${name("skopeo/mounted")}@${digest}`;
    await commandOutput("skopeo", ["copy", ...plain, pulled, `oci:${layout}:1`]);
    const stored = readFileSync(join(layout, "blobs", digest.replace(":", "/")), "utf8");
    assert.equal(stored, text);

    await commandOutput("skopeo", ["copy", ...plain, oci, `docker://${name("skopeo/oci")}:2`]);
    const listed = await commandOutput("skopeo", [
      "list-tags",
      "--tls-verify=false",
      `docker://${name("skopeo/oci")}`,
    ]);
    assert.deepEqual(JSON.parse(listed).Tags, ["1", "2"]);
    await commandOutput("skopeo", ["delete", "--tls-verify=false", `docker://${name("skopeo/oci")}:1`]);
    const gone = await command("skopeo", ["inspect", "--tls-verify=false", oci]);
    assert.notEqual(gone.exitCode, 0);
  });

  test("podman: push, an index of several platforms, pull, run", {
    skip: !isInstalled("podman") || !isRoot,
  }, async () => {
    const store = (part: string) => [
      ...["--root", join(scratch.path, part, "root"), "--runroot", join(scratch.path, part, "run")],
      ...[
        "--storage-driver",
        "vfs",
        "--events-backend",
        "none",
        "--cgroup-manager",
        "cgroupfs",
        "--runtime",
        cortenOci,
      ],
    ];
    const first = (...args: string[]) => commandOutput("podman", [...store("podman-1"), ...args]);
    const second = (...args: string[]) => commandOutput("podman", [...store("podman-2"), ...args]);
    await first("load", "--input", archive);
    const image = `${name("podman/app")}:1`;
    await first("push", "--tls-verify=false", IMAGE, image);
    await first(
      "push",
      "--tls-verify=false",
      "--format",
      "oci",
      "--compression-format",
      "zstd",
      IMAGE,
      `${name("podman/app")}:zstd`,
    );
    await first("manifest", "create", "list", `docker-archive:${archive}`);
    await first(
      "manifest",
      "push",
      "--all",
      "--tls-verify=false",
      "list",
      `docker://${name("podman/app")}:list`,
    );
    const index = JSON.parse((await fetchIndex(`${registry.address}`, "podman/app", "list")).text);
    assert.equal(index.manifests.length, 1);
    for (const tag of ["1", "zstd", "list"]) {
      await second("pull", "--tls-verify=false", `${name("podman/app")}:${tag}`);
      const run = [
        "run",
        "--rm",
        "--network",
        "none",
        "--ulimit",
        "nofile=1000:1000",
        "--ulimit",
        "nproc=1000:1000",
      ];
      assert.equal(await second(...run, `${name("podman/app")}:${tag}`, "echo", tag), tag);
    }
    for (const part of ["podman-1", "podman-2"]) {
      await commandOutput("podman", [...store(part), "system", "reset", "--force"]);
    }
  });

  test("docker: push, pull by tag and by digest", { skip: !isInstalled("dockerd") || !isRoot }, async () => {
    const directory = join(scratch.path, "docker");
    mkdirSync(directory);
    const host = `unix://${join(directory, "docker.sock")}`;
    const docker = (...args: string[]) => commandOutput("docker", ["--host", host, ...args]);
    const options = [
      ...["--host", host, "--data-root", join(directory, "data"), "--exec-root", join(directory, "x")],
      ...["--pidfile", join(directory, "pid"), "--storage-driver", "vfs"],
      // It must reach the registry at this machine's loopback, and leave the machine's network as it is.
      ...["--bridge", "none", "--iptables=false", "--ip6tables=false", "--ip-forward=false"],
    ];
    await using daemon = new Daemon("unshare", ["--mount", "dockerd", ...options], join(directory, "log"));
    await daemon.ready("docker", ["--host", host, "version"]);
    await docker("load", "--input", archive);
    const image = `${name("docker/app")}:1`;
    await docker("tag", IMAGE, image);
    const pushed = await docker("push", image);
    const { digest } = await manifestOf("docker/app", "1");
    assert.match(pushed, new RegExp(digest));
    const again = `${name("docker/other")}:1`;
    await docker("tag", IMAGE, again);
    assert.match(await docker("push", again), /Mounted from docker\/app/);
    const id = await docker("image", "inspect", "--format", "{{.Id}}", IMAGE);
    await docker("image", "rm", IMAGE, image, again);
    await docker("pull", image);
    assert.equal(await docker("image", "inspect", "--format", "{{.Id}}", image), id);
    await docker("pull", `${name("docker/app")}@${digest}`);
    const found = await docker("search", "--format", "{{.Name}}", name("docker"));
    // Another test of this registry may have a repository whose name has the word in it, too.
    const own = found.split("\n").filter((repository) => repository.startsWith("docker/"));
    assert.deepEqual(own.sort(), ["docker/app", "docker/other"]);
  });

  test("ctr: pull what skopeo pushed, push it elsewhere", {
    skip: !isInstalled("containerd") || !isRoot,
  }, async () => {
    const directory = join(scratch.path, "containerd");
    mkdirSync(join(directory, "root"), { recursive: true });
    const socket = join(directory, "containerd.sock");
    const config = join(directory, "config.toml");
    writeFileSync(
      config,
      `version = 2
root = "${directory}/root"
state = "${directory}/state"
oom_score = 0
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "${socket}"
[ttrpc]
  address = "${socket}.ttrpc"
`,
    );
    await using daemon = new Daemon("containerd", ["--config", config], join(directory, "log"));
    await daemon.ready("ctr", ["--address", socket, "version"]);
    const ctr = (...args: string[]) => commandOutput("ctr", ["--address", socket, ...args]);
    const source = `${name("ctr/source")}:1`;
    await commandOutput("skopeo", [
      "copy",
      "--dest-tls-verify=false",
      "--format",
      "oci",
      `docker-archive:${archive}`,
      `docker://${source}`,
    ]);
    await ctr("content", "fetch", "--plain-http", source);
    await ctr("images", "push", "--plain-http", `${name("ctr/target")}:1`, source);
    assert.deepEqual(await manifestOf("ctr/target", "1"), await manifestOf("ctr/source", "1"));
  });
});

async function fetchIndex(
  address: string,
  repository: string,
  tag: string,
): Promise<{ readonly text: string }> {
  const types = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
  ];
  const response = await fetch(`http://${address}/v2/${repository}/manifests/${tag}`, {
    headers: { Accept: types.join(",") },
  });
  assert.equal(response.status, 200);
  return { text: await response.text() };
}
