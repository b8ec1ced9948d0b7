import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import {
  commandOutput,
  isInstalled,
  isRoot,
  makeBusyboxImage,
  type Registry,
  startRegistry,
} from "../support/index.ts";
import { cortenIn } from "./corten-in.ts";

const { scratch, at, run, must } = cortenIn("cli-manifest");
const manifest = (...args: string[]) => must("manifest", ...args);

describe("corten manifest", { skip: !isInstalled("skopeo") || !isInstalled("docker-registry") }, () => {
  let registry: Registry;
  before(async () => {
    registry = await startRegistry();
    await makeBusyboxImage(at("busybox.tar"), "corten-test/busybox:1");
    await commandOutput("skopeo", [
      "copy",
      "-q",
      `docker-archive:${at("busybox.tar")}`,
      `oci:${at("two")}:amd64`,
    ]);
    await commandOutput("umoci", ["tag", "--image", `${at("two")}:amd64`, "arm64"]);
    await commandOutput("umoci", ["config", "--image", `${at("two")}:arm64`, "--architecture", "arm64"]);
    await must("copy", "-q", `oci:${at("two")}:amd64`, "corten:app:amd64");
    await must("copy", "-q", `oci:${at("two")}:arm64`, `docker://${registry.address}/app:arm64`);
  });
  after(async () => {
    await registry[Symbol.asyncDispose]();
    scratch[Symbol.dispose]();
  });

  test("an index of an image that is here and one in a registry, pushed and read by skopeo and podman", async () => {
    await manifest("create", "-q", "--annotation", "made=here", "app:1", "app:amd64");
    await manifest("add", "-q", "app:1", `${registry.address}/app:arm64`);
    const inspected = JSON.parse(await manifest("inspect", "app:1"));
    assert.deepEqual(
      inspected.manifests.map(({ platform }: { platform: object }) => platform),
      [
        { architecture: "amd64", os: "linux" },
        { architecture: "arm64", os: "linux" },
      ],
    );
    assert.deepEqual(inspected.annotations, { made: "here" });
    const target = `docker://${registry.address}/pushed/app:1`;
    const digest = await manifest("push", "-q", "--digestfile", at("digest"), "app:1", target);
    assert.equal(readFileSync(at("digest"), "utf8"), digest);
    for (const [at_, architecture] of inspected.manifests.entries()) {
      const arch = architecture.platform.architecture as string;
      const theirs = await commandOutput("skopeo", [
        ...[
          "--override-arch",
          arch,
          "inspect",
          "--tls-verify=false",
          "--format",
          "{{.Architecture}}",
          target,
        ],
      ]);
      assert.equal(theirs, ["amd64", "arm64"][at_]);
    }
    if (isRoot && isInstalled("podman")) {
      const storage = ["--root", at("storage"), "--runroot", at("storage-run"), "--storage-driver", "vfs"];
      const podman = (...args: string[]) => commandOutput("podman", [...storage, ...args]);
      const id = await podman("pull", "-q", "--tls-verify=false", "--arch", "arm64", target);
      assert.equal(await podman("image", "inspect", "--format", "{{.Architecture}}", id), "arm64");
    }
    // Run from the index: the image for this machine.
    assert.equal(
      JSON.parse(await must("inspect", "-n", target)).Architecture,
      process.arch === "x64" ? "amd64" : "arm64",
    );
  });

  test("annotate, remove, exists, rm", async () => {
    await manifest("create", "-q", "edit:1", "app:amd64");
    const [entry] = JSON.parse(await manifest("inspect", "edit:1")).manifests;
    await manifest("annotate", "--variant", "v3", "--annotation", "a=b", "edit:1", "app:amd64");
    await manifest("annotate", "--index", "--annotation", "c=d", "edit:1");
    const edited = JSON.parse(await manifest("inspect", "edit:1"));
    assert.deepEqual(
      [edited.manifests[0].platform.variant, edited.manifests[0].annotations, edited.annotations],
      ["v3", { a: "b" }, { c: "d" }],
    );
    assert.match(
      (await run("manifest", "annotate", "--annotation", "c=d", "edit:1")).stderr,
      /--index the index itself/,
    );
    await manifest("remove", "edit:1", entry.digest);
    assert.match(
      (await run("manifest", "remove", "edit:1", entry.digest)).stderr,
      /the index lists no sha256:/,
    );
    assert.equal((await run("manifest", "exists", "edit:1")).exitCode, 0);
    assert.match(await manifest("rm", "edit:1"), /^sha256:/);
    assert.equal((await run("manifest", "exists", "edit:1")).exitCode, 1);
    assert.equal((await run("manifest", "exists", "app:amd64")).exitCode, 1);
    assert.match((await run("manifest", "create", "app:amd64")).stderr, /the name "app:amd64" is in use/);
    assert.equal(JSON.parse(await manifest("inspect", "app:amd64")).layers.length, 1);
  });

  test("push as Docker's list, the index alone, and to a layout; --rm removes it here", async () => {
    await manifest("create", "-q", "push:1", "app:amd64", `docker://${registry.address}/app:arm64`);
    const target = `${registry.address}/formats/app`;
    await manifest("push", "-q", "-f", "v2s2", "push:1", `${target}:docker`);
    const raw = await commandOutput("skopeo", [
      "inspect",
      "--raw",
      "--tls-verify=false",
      `docker://${target}:docker`,
    ]);
    assert.equal(JSON.parse(raw).mediaType, "application/vnd.docker.distribution.manifest.list.v2+json");
    await manifest("push", "-q", "push:1", `${target}:1`);
    const before = registry.log().length;
    await manifest("push", "-q", "--all=false", "push:1", `${target}:2`);
    assert.doesNotMatch(registry.log().slice(before), /\/blobs\//);
    await manifest("push", "-q", "--rm", "push:1", `oci:${at("pushed")}:1`);
    assert.equal((await run("manifest", "exists", "push:1")).exitCode, 1);
    await commandOutput("skopeo", [
      "copy",
      "-q",
      "--all",
      `oci:${at("pushed")}:1`,
      `dir:${at("pushed-dir")}`,
    ]);
  });
});
