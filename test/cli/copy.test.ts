import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  command,
  commandOutput,
  isInstalled,
  isRoot,
  makeBusyboxImage,
  type Registry,
  startRegistry,
} from "../support/index.ts";
import { cortenIn } from "./corten-in.ts";

const { scratch, at, run, must: copy } = cortenIn("cli-copy", "copy", "-q");
const skopeo = (...args: string[]) => commandOutput("skopeo", args);
const sha256 = (bytes: Uint8Array | string) => createHash("sha256").update(bytes).digest("hex");

describe("corten copy", { skip: !isInstalled("skopeo") || !isInstalled("docker-registry") }, () => {
  let registry: Registry;
  let index: string;
  const image = `docker-archive:${at("busybox.tar")}`;

  before(async () => {
    registry = await startRegistry();
    await makeBusyboxImage(at("busybox.tar"), "corten-test/busybox:1");
    index = await makeIndex();
  });
  after(async () => {
    await registry[Symbol.asyncDispose]();
    scratch[Symbol.dispose]();
  });

  /** A layout with an index of two platforms, made by umoci; returns the index's digest. */
  async function makeIndex(): Promise<string> {
    const layout = at("two");
    await skopeo("copy", "-q", image, `oci:${layout}:amd64`);
    await commandOutput("umoci", ["tag", "--image", `${layout}:amd64`, "arm64"]);
    await commandOutput("umoci", ["config", "--image", `${layout}:arm64`, "--architecture", "arm64"]);
    const { manifests } = JSON.parse(readFileSync(join(layout, "index.json"), "utf8"));
    const entries = manifests.map(({ annotations, ...entry }: { annotations: Record<string, string> }) => ({
      ...entry,
      platform: { os: "linux", architecture: annotations["org.opencontainers.image.ref.name"] },
    }));
    const mediaType = "application/vnd.oci.image.index.v1+json";
    const bytes = JSON.stringify({ schemaVersion: 2, mediaType, manifests: entries });
    const digest = sha256(bytes);
    writeFileSync(join(layout, "blobs/sha256", digest), bytes);
    const root = { mediaType, digest: `sha256:${digest}`, size: bytes.length };
    const annotations = { "org.opencontainers.image.ref.name": "all" };
    writeFileSync(
      join(layout, "index.json"),
      JSON.stringify({ schemaVersion: 2, manifests: [{ ...root, annotations }] }),
    );
    return root.digest;
  }

  test("every place that skopeo reads and writes, and what it then reads there", async () => {
    const digest = await copy(image, `oci:${at("start")}:v1`);
    const places = [
      `docker://${registry.address}/places/app:1`,
      `oci:${at("layout")}:v1`,
      `oci-archive:${at("layout.tar")}:v1`,
      `docker-archive:${at("docker.tar")}:places/app:1`,
      `dir:${at("dir")}`,
      "corten:places/app:1",
    ];
    let from = `oci:${at("start")}:v1`;
    for (const to of places) {
      assert.equal(await copy(from, to), digest, `${from} to ${to}`);
      from = to;
      if (to.startsWith("corten:") || to.startsWith("docker-archive:")) continue;
      const raw = await command("skopeo", ["inspect", "--raw", "--tls-verify=false", to]);
      assert.equal(`sha256:${sha256(raw.stdout)}`, digest, to);
    }
    assert.equal(await copy(from, `oci:${at("end")}:v1`), digest);
    // What skopeo makes of the docker-archive is the image: its configuration and unpacked layers.
    const config = await skopeo("inspect", "--config", "--raw", `oci:${at("end")}:v1`);
    assert.equal(await skopeo("inspect", "--config", "--raw", `docker-archive:${at("docker.tar")}`), config);
  });

  test("one platform, all, and the index alone, as skopeo chooses them", async () => {
    const target = (name: string) => `docker://${registry.address}/multi/${name}:1`;
    const inspect = async (name: string) =>
      JSON.parse(await skopeo("inspect", "--raw", "--tls-verify=false", target(name)));
    const from = `oci:${at("two")}:all`;
    assert.equal(await copy("--all", from, target("all")), index);
    const { manifests } = await inspect("all");
    for (const [option, value] of [
      ["--platform", "linux/arm64"],
      ["--override-arch", "arm64"],
    ]) {
      assert.equal(await copy(option!, value!, from, target("one")), manifests[1].digest);
    }
    await skopeo("--override-arch", "arm64", "copy", "-q", from, `oci:${at("skopeo-one")}:1`);
    const theirs = JSON.parse(readFileSync(at("skopeo-one/index.json"), "utf8")).manifests[0].digest;
    assert.equal(theirs, manifests[1].digest);
    // The images are there already: of the repository that has them the index is enough.
    assert.equal(
      await copy("--multi-arch", "index-only", from, `docker://${registry.address}/multi/all:2`),
      index,
    );
    const contradiction = await run("--all", "--platform", "linux/arm64", from, target("x"));
    assert.match(contradiction.stderr, /all platforms and for one/);
  });

  test("between repositories blobs are mounted, and what is there is not sent", async () => {
    const [from, to] = ["mount/from", "mount/to"].map((name) => `docker://${registry.address}/${name}:1`);
    await copy("--all", `oci:${at("two")}:all`, from!);
    const start = registry.log().length;
    await copy("--all", from!, to!);
    const mounted = registry.log().slice(start);
    assert.match(mounted, /POST \/v2\/mount\/to\/blobs\/uploads\/\?(?:from=[^ ]*&)?mount=/);
    assert.doesNotMatch(mounted, /PUT \/v2\/mount\/to\/blobs\/uploads|GET \/v2\/mount\/from\/blobs/);
    const before = registry.log().length;
    await copy("--all", `oci:${at("two")}:all`, to!);
    assert.doesNotMatch(registry.log().slice(before), /\/blobs\/uploads/);
  });

  test("layers packed anew are the same files, and Docker's manifests what docker expects", async () => {
    const umoci = async (layout: string): Promise<string> => {
      const rootless = isRoot ? [] : ["--rootless"];
      await commandOutput("umoci", ["unpack", ...rootless, "--image", `${layout}:1`, `${layout}-bundle`]);
      return execFileSync("sh", ["-c", "find . -type f | sort | xargs sha256sum"], {
        cwd: `${layout}-bundle/rootfs`,
      }).toString();
    };
    await skopeo("copy", "-q", image, `oci:${at("reference")}:1`);
    await copy("--dest-compress", "--dest-compress-level", "9", image, `oci:${at("gzip")}:1`);
    await copy("--dest-compress-format", "zstd", image, `oci:${at("zstd")}:1`);
    assert.equal(
      await copy("--dest-decompress", `oci:${at("zstd")}:1`, `oci:${at("plain")}:1`),
      await copy(image, `dir:${at("d")}`),
    );
    assert.equal(await umoci(at("gzip")), await umoci(at("reference")));
    const types = (await skopeo("inspect", "--raw", `oci:${at("zstd")}:1`)).match(/tar\+zstd/g);
    assert.equal(types?.length, 1);

    const docker = `docker://${registry.address}/docker/app:1`;
    await copy("-f", "v2s2", "--all", `oci:${at("two")}:all`, docker);
    const list = JSON.parse(await skopeo("inspect", "--raw", "--tls-verify=false", docker));
    assert.equal(list.mediaType, "application/vnd.docker.distribution.manifest.list.v2+json");
    await skopeo(
      "copy",
      "-q",
      "--all",
      "--preserve-digests",
      "--src-tls-verify=false",
      docker,
      `dir:${at("docker-dir")}`,
    );
    const refused = await run("-f", "v2s2", "--preserve-digests", `oci:${at("two")}:all`, `dir:${at("no")}`);
    assert.match(refused.stderr, /changes the digest sha256:[0-9a-f]+, which is to be preserved/);
    assert.equal(refused.exitCode, 1);
  });

  test("more names, the digest in a file, and an archive of several images", async () => {
    const repository = `${registry.address}/tags/app`;
    const digest = await copy(
      ...["--additional-tag", "2", "--additional-tag", `${repository}:3`, "--digestfile", at("digest")],
      ...[image, `docker://${repository}:1`],
    );
    assert.equal(readFileSync(at("digest"), "utf8"), digest);
    const tags = await skopeo("list-tags", "--tls-verify=false", `docker://${repository}`);
    assert.deepEqual(JSON.parse(tags).Tags.sort(), ["1", "2", "3"]);
    await copy("--additional-tag", "more:2", image, `docker-archive:${at("named.tar")}:more:1`);
    assert.deepEqual(JSON.parse(await skopeo("list-tags", `docker-archive:${at("named.tar")}`)).Tags, [
      "more:1",
      "more:2",
    ]);
    await copy("--additional-tag", "b", image, `oci:${at("names")}:a`);
    await skopeo("inspect", `oci:${at("names")}:b`);
    const elsewhere = await run("--additional-tag", "other/app:1", image, `docker://${repository}:1`);
    assert.match(elsewhere.stderr, /additional tag "other\/app:1" is not of/);
    assert.match(
      (await run("--additional-tag", "x", image, `dir:${at("no")}`)).stderr,
      /takes no additional names/,
    );

    // Podman writes several images into one archive.
    const archive = at("several.tar");
    const saved = ["one", "two"].map(
      (name) =>
        [
          { Config: `${name}.json`, RepoTags: [`several/${name}:1`], Layers: [] },
          JSON.stringify({
            architecture: "amd64",
            os: "linux",
            author: name,
            rootfs: { type: "layers", diff_ids: [] },
          }),
        ] as const,
    );
    mkdirSync(at("several"));
    for (const [{ Config }, config] of saved) writeFileSync(join(at("several"), Config), config);
    writeFileSync(at("several/manifest.json"), JSON.stringify(saved.map(([entry]) => entry)));
    execFileSync("tar", ["-C", at("several"), "-cf", archive, "manifest.json", "one.json", "two.json"]);
    for (const which of ["several/two:1", "@1"]) {
      await copy(`docker-archive:${archive}:${which}`, `oci:${at("chosen")}:${which.replace("@", "n")}`);
      const config = await skopeo("inspect", "--config", `oci:${at("chosen")}:${which.replace("@", "n")}`);
      assert.equal(JSON.parse(config).author, "two");
    }
    assert.match((await run(`docker-archive:${archive}:@2`, `dir:${at("no")}`)).stderr, /holds 2 images/);
  });

  test("credentials for each end", async () => {
    const htpasswd = "tester:$2b$05$QKQBLaR7qNFPgiFYTTqlkurdmNZGTq5zCcrU/H99.ek36vHRL.VTu\n";
    await using locked = await startRegistry({ htpasswd });
    const place = `docker://${locked.address}/private/app:1`;
    const auth = Buffer.from("tester:secret-word").toString("base64");
    writeFileSync(at("auth.json"), JSON.stringify({ auths: { [locked.address]: { auth } } }));
    await copy("--dest-creds", "tester:secret-word", image, place);
    await copy("--src-username", "tester", "--src-password", "secret-word", place, `dir:${at("c1")}`);
    await copy("--authfile", at("auth.json"), place, `dir:${at("c2")}`);
    const anonymous = await run("--authfile", at("auth.json"), "--src-no-creds", place, `dir:${at("c3")}`);
    assert.match(anonymous.stderr, /asks for credentials/);
    const both = await run("--src-creds", "a:b", "--src-no-creds", place, `dir:${at("c3")}`);
    assert.match(both.stderr, /exclude each other/);
    assert.doesNotMatch(anonymous.stderr + both.stderr, /secret-word/);
  });

  test("archives are the same bytes each time", async () => {
    for (const format of ["oci-archive", "docker-archive"]) {
      const files = ["a", "b"].map((name) => at(`${format}-${name}.tar`));
      for (const file of files) await copy(image, `${format}:${file}:same/bytes:1`);
      assert.equal(sha256(readFileSync(files[0]!)), sha256(readFileSync(files[1]!)), format);
    }
  });

  test("a copy that fails leaves nothing under the name", async () => {
    writeFileSync(at("cut.tar"), readFileSync(at("busybox.tar")).subarray(0, 600_000));
    for (const to of [`oci-archive:${at("none.tar")}:x`, `docker-archive:${at("none.tar")}:x:1`]) {
      assert.equal((await run(`docker-archive:${at("cut.tar")}`, to)).exitCode, 1);
      assert.ok(!existsSync(at("none.tar")));
    }
  });

  test("through podman's store", { skip: !isRoot || !isInstalled("podman") }, async () => {
    const storage = `[vfs@${at("storage")}+${at("storage-run")}]`;
    const place = `containers-storage:${storage}localhost/corten-copy:1`;
    const config = await skopeo("inspect", "--config", "--raw", image);
    await copy(image, place);
    assert.equal(await skopeo("inspect", "--config", "--raw", place), config);
    await copy(place, `oci:${at("from-storage")}:1`);
    assert.equal(await skopeo("inspect", "--config", "--raw", `oci:${at("from-storage")}:1`), config);
    const missing = await run(`containers-storage:${storage}localhost/none:1`, `dir:${at("no")}`);
    assert.match(missing.stderr, /read containers-storage:.*none:1: skopeo failed: /);
  });
});
