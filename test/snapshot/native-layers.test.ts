/** Images whose layers are EROFS file systems: they are mounted as they are stored, and nothing of them is stored twice. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
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

const EROFS = "application/vnd.erofs.layer.v1";

interface Manifest {
  readonly config: { readonly digest: string };
  readonly layers: readonly { readonly mediaType: string; readonly digest: string; readonly size: number }[];
}

describe("images of EROFS layers", { skip: !isRoot }, () => {
  const scratch = temporaryDirectory("native");
  const at = (...names: string[]) => join(scratch.path, ...names);
  const layout = at("layout");
  const words = ["--root", at("root"), "--run-root", at("run")];
  const run = (...args: readonly string[]) => command(corten, [...words, ...args]);
  const output = (...args: readonly string[]) => commandOutput(corten, [...words, ...args]);
  const inside = (image: string, script: string) =>
    output("run", "--rm", "--network", "none", image, "sh", "-c", script);
  const blobOf = (digest: string) => readFileSync(join(layout, "blobs/sha256", digest.slice(7)));
  const stored = (digest: string) => at("root/content/blobs/sha256", digest.slice(7));
  const unpacked = (digest: string) => at("root/snapshots/layers/sha256", `${digest.slice(7)}.erofs`);
  let registry: Registry;

  /** Bytes that images take on disk. */
  const usage = async () => {
    const rows = (await output("system", "df", "--format", "{{.Type}} {{.Size}}")).split("\n");
    return rows.find((row) => row.startsWith("Images"))!.slice(7);
  };
  const raw = async (tag: string): Promise<Manifest> =>
    JSON.parse(await commandOutput("skopeo", ["inspect", "--raw", `oci:${layout}:${tag}`]));

  /** Puts a blob into the layout. */
  function put(bytes: Buffer): { digest: string; size: number } {
    const hex = createHash("sha256").update(bytes).digest("hex");
    writeFileSync(join(layout, "blobs/sha256", hex), bytes);
    return { digest: `sha256:${hex}`, size: bytes.length };
  }

  /** An image of these layers, each with its DiffID, under a tag of the layout. */
  function make(
    tag: string,
    layers: readonly { mediaType: string; digest: string; size: number; diffID: string }[],
  ): void {
    const architecture = { x64: "amd64", arm64: "arm64" }[process.arch as string] ?? process.arch;
    const config = put(
      Buffer.from(
        JSON.stringify({
          architecture,
          os: "linux",
          config: { Env: ["PATH=/bin"], Cmd: ["sh"] },
          rootfs: { type: "layers", diff_ids: layers.map(({ diffID }) => diffID) },
        }),
      ),
    );
    const mediaType = "application/vnd.oci.image.manifest.v1+json";
    const manifest = put(
      Buffer.from(
        JSON.stringify({
          schemaVersion: 2,
          mediaType,
          config: { mediaType: "application/vnd.oci.image.config.v1+json", ...config },
          layers: layers.map(({ diffID: _, ...descriptor }) => descriptor),
        }),
      ),
    );
    const index = JSON.parse(readFileSync(join(layout, "index.json"), "utf8"));
    const annotations = { "org.opencontainers.image.ref.name": tag };
    index.manifests.push({ mediaType, ...manifest, annotations });
    writeFileSync(join(layout, "index.json"), JSON.stringify(index));
  }

  const native = (bytes: Buffer) => {
    const descriptor = put(bytes);
    return { mediaType: EROFS, ...descriptor, diffID: descriptor.digest };
  };

  /** What mkfs.erofs makes of a tree that `script` makes. */
  async function mkfs(script: string, ...options: readonly string[]): Promise<Buffer> {
    const tree = at("tree");
    rmSync(tree, { recursive: true, force: true });
    mkdirSync(tree);
    await commandOutput("sh", ["-euc", `cd "$0"; ${script}`, tree]);
    rmSync(at("made.erofs"), { force: true });
    await commandOutput("mkfs.erofs", ["--quiet", ...options, at("made.erofs"), tree]);
    return readFileSync(at("made.erofs"));
  }

  before(async () => {
    registry = await startRegistry();
    await makeBusyboxImage(at("busybox.tar"), "corten-test/busybox:1");
    await commandOutput("skopeo", ["copy", "-q", `docker-archive:${at("busybox.tar")}`, `oci:${layout}:v1`]);
    await commandOutput("umoci", ["unpack", "--image", `${layout}:v1`, at("bundle")]);
    await commandOutput("sh", [
      "-euc",
      'cd "$0"; rm bin/echo; echo hello > etc/motd; ln etc/motd etc/again; mkdir -p var/lib; chown 7:8 var/lib; rm -r usr; mkdir usr; echo new > usr/file',
      at("bundle/rootfs"),
    ]);
    await commandOutput("umoci", ["repack", "--image", `${layout}:v2`, at("bundle")]);
    await output(
      "image",
      "convert",
      "-q",
      "--compression",
      "erofs",
      `oci:${layout}:v2`,
      `oci:${layout}:native`,
    );
  });
  after(async () => {
    await registry[Symbol.asyncDispose]();
    scratch[Symbol.dispose]();
  });

  const look =
    "cat /etc/motd /usr/file; ls -l /bin/echo 2>&1 | tail -n 1; stat -c '%u:%g %n' /var/lib; stat -c %h /etc/again; ls /usr; id -un";

  test("are mounted from the store's own blobs, and show what the archives show", async () => {
    await output("copy", "-q", `oci:${layout}:v2`, "corten:corten-test/archives:1");
    await output("copy", "-q", `oci:${layout}:native`, "corten:corten-test/native:1");
    await inside("corten-test/native:1", "true");
    const { layers } = await raw("native");
    for (const { digest, mediaType } of layers) {
      assert.equal(mediaType, EROFS);
      assert.equal(statSync(unpacked(digest)).ino, statSync(stored(digest)).ino);
    }
    const expected = await inside("corten-test/archives:1", look);
    assert.equal(await inside("corten-test/native:1", look), expected);
    assert.match(expected, /^hello\nnew\n.*No such file/);
    assert.equal(
      await output("image", "diff", "--type", "files", "corten-test/archives:1", "corten-test/native:1"),
      "",
    );
    const inspected = JSON.parse(await output("inspect", "corten-test/native:1"));
    assert.deepEqual(
      inspected[0].RootFS.Layers,
      layers.map(({ digest }) => digest),
    );
    assert.equal(await output("system", "check"), "everything is as it has to be");
  });

  test("are pulled, pushed, saved and loaded as they are", async () => {
    const name = `${registry.address}/native:1`;
    const plain = "--tls-verify=false";
    await output("push", "-q", plain, "corten-test/native:1", name);
    const pushed = await commandOutput("skopeo", ["inspect", "--raw", plain, `docker://${name}`]);
    assert.equal(pushed, await commandOutput("skopeo", ["inspect", "--raw", `oci:${layout}:native`]));
    await output("rmi", "-f", "corten-test/native:1", "corten-test/archives:1");
    await output("system", "prune", "-a", "-f");
    for (const { digest } of (await raw("native")).layers) assert.ok(!existsSync(unpacked(digest)));

    await output("pull", "-q", plain, name);
    const sizes = [JSON.parse(pushed).layers[0].size, JSON.parse(pushed).layers[1].size];
    assert.ok(sizes[0] > 1_000_000);
    for (const { digest } of JSON.parse(pushed).layers) assert.equal(statSync(stored(digest)).nlink, 2);
    assert.match(await inside(name, look), /^hello\nnew\n/);
    // Once, although it is there under two names: with the documents, a little more than the layers.
    const bytes = sizes[0] + sizes[1];
    const told = Number(await usage());
    assert.ok(told >= bytes && told < 1.2 * bytes, `${told} bytes for ${bytes}`);

    await output("save", "--format", "oci-archive", "-o", at("native.tar"), name);
    const refused = await run("save", "-o", at("docker.tar"), name);
    assert.equal(refused.exitCode, 1);
    assert.match(refused.stderr, /docker-archive holds no layers that are EROFS images/);
    await output("rmi", name);
    await output("load", "-i", at("native.tar"));
    assert.match(await inside(name, look), /^hello\nnew\n/);
    assert.match(await output("history", name), /umoci repack/);
    await output("rmi", name);
    assert.equal(await usage(), "0");
  });

  test("stand on archives, and archives on them", async () => {
    const [tars, images] = [await raw("v2"), await raw("native")];
    const diffIDs = JSON.parse(blobOf(tars.config.digest).toString()).rootfs.diff_ids as string[];
    const tar = (index: number) => ({ ...tars.layers[index]!, diffID: diffIDs[index]! });
    const image = (index: number) => ({ ...images.layers[index]!, diffID: images.layers[index]!.digest });
    make("image-on-tar", [tar(0), image(1)]);
    make("tar-on-image", [image(0), tar(1)]);
    for (const tag of ["image-on-tar", "tar-on-image"]) {
      const name = `corten-test/${tag}:1`;
      await output("copy", "-q", `oci:${layout}:${tag}`, `corten:${name}`);
      assert.match(await inside(name, look), /^hello\nnew\n/);
      assert.equal(await output("image", "diff", "--type", "files", `oci:${layout}:v2`, name), "");
    }
    // The lower image is the other's, too: it is there once, and stays as long as one of them is.
    await output("rmi", "corten-test/tar-on-image:1");
    assert.match(await inside("corten-test/image-on-tar:1", look), /^hello\nnew\n/);
    await output("rmi", "corten-test/image-on-tar:1");
  });

  test("of mkfs.erofs, also packed as containerd packs them", async () => {
    const script = "mkdir -p etc; echo other > etc/motd; mknod usr c 0 0";
    const bytes = await mkfs(script, "-Enoinline_data");
    const base = await raw("native");
    const lower = base.layers.map((layer) => ({ ...layer, diffID: layer.digest }));
    writeFileSync(at("made.zst"), "");
    await commandOutput("zstd", ["-q", "-f", at("made.erofs"), "-o", at("made.zst")]);
    const packed = put(readFileSync(at("made.zst")));
    const diffID = native(bytes).diffID;
    make("mkfs", [...lower, native(bytes)]);
    make("packed", [...lower, { mediaType: `${EROFS}+zstd`, ...packed, diffID }]);
    for (const tag of ["mkfs", "packed"]) {
      const validated = await run("image", "validate", `oci:${layout}:${tag}`);
      assert.equal(validated.exitCode, 0, validated.stdout);
      const name = `${registry.address}/${tag}:1`;
      await output("copy", "-q", "--dest-tls-verify=false", `oci:${layout}:${tag}`, `docker://${name}`);
      await output("pull", "-q", "--tls-verify=false", name);
      assert.equal(await inside(name, "cat /etc/motd; ls /usr 2>&1 | wc -l; id -un"), "other\n1\nroot");
      await output("rmi", name);
    }
  });

  test("become archives again, which unpack to the same files", async () => {
    for (const compression of ["gzip", "zstd", "none", "estargz", "zstd:chunked"]) {
      const tag = compression.replace(":", "-");
      const words = ["image", "convert", "-q", "--compression", compression];
      const digest = await output(...words, `oci:${layout}:native`, `oci:${layout}:${tag}`);
      assert.equal(
        await output(...words, `oci:${layout}:native`, `oci:${layout}:again`),
        digest,
        compression,
      );
      for (const { mediaType } of (await raw(tag)).layers) assert.match(mediaType, /image\.layer\.v1\.tar/);
      assert.equal((await run("image", "validate", `oci:${layout}:${tag}`)).exitCode, 0);
      // Debian's umoci does not know zstd.
      if (!compression.startsWith("zstd")) {
        await commandOutput("umoci", ["unpack", "--image", `${layout}:${tag}`, at(`from-${tag}`)]);
        assert.equal(readFileSync(at(`from-${tag}`, "rootfs/usr/file"), "utf8"), "new\n");
        assert.ok(!existsSync(at(`from-${tag}`, "rootfs/bin/echo")));
      }
      if (compression === "estargz") continue;
      assert.equal(
        await output("image", "diff", "--type", "files", `oci:${layout}:v2`, `oci:${layout}:${tag}`),
        "",
      );
    }
    await output("image", "mutate", "-q", "--flatten", `oci:${layout}:native`, `oci:${layout}:flat`);
    assert.equal(
      await output("image", "diff", "--type", "files", `oci:${layout}:v2`, `oci:${layout}:flat`),
      "",
    );
    const refused = await run("copy", "--dest-compress", `oci:${layout}:native`, `oci:${layout}:never`);
    assert.match(refused.stderr, /is an EROFS image, which is not packed/);
  });

  test("that are not sound are refused before anything is mounted", async () => {
    const [lower] = (await raw("native")).layers.map((layer) => ({ ...layer, diffID: layer.digest }));
    const redirect = await mkfs("mkdir a; setfattr -n trusted.overlay.redirect -v /etc a");
    const cut = Buffer.from((await mkfs("head -c 100000 /dev/zero > large")).subarray(0, 8192));
    for (const [tag, bytes, message] of [
      ["redirect", redirect, /trusted\.overlay\.redirect.*must not have/],
      ["cut", cut, /is shorter than its superblock says/],
      ["archive", Buffer.alloc(10_240), /no superblock of EROFS/],
    ] as const) {
      make(tag, [lower!, native(bytes)]);
      const name = `${registry.address}/${tag}:1`;
      await output("copy", "-q", "--dest-tls-verify=false", `oci:${layout}:${tag}`, `docker://${name}`);
      const pulled = await run("pull", "-q", "--tls-verify=false", name);
      assert.notEqual(pulled.exitCode, 0);
      assert.match(pulled.stderr, message);
      await output("copy", "-q", `oci:${layout}:${tag}`, `corten:corten-test/${tag}:1`);
      const started = await run("run", "--rm", `corten-test/${tag}:1`, "true");
      assert.equal(started.exitCode, 125);
      assert.match(started.stderr, message);
      const validated = await run("image", "validate", `oci:${layout}:${tag}`);
      assert.equal(validated.exitCode, 1);
      assert.match(validated.stdout, message);
      await output("rmi", `corten-test/${tag}:1`);
    }
  });

  test("that are compressed can be passed on, and say so when they are to run", async () => {
    const lower = (await raw("native")).layers.map((layer) => ({ ...layer, diffID: layer.digest }));
    const bytes = await mkfs("head -c 300000 /dev/zero > large", "-zlz4");
    make("lz4", [...lower, native(bytes)]);
    const name = `${registry.address}/lz4:1`;
    await output("copy", "-q", "--dest-tls-verify=false", `oci:${layout}:lz4`, `docker://${name}`);
    await output("pull", "-q", "--tls-verify=false", name);
    const started = await run("run", "--rm", name, "true");
    assert.equal(started.exitCode, 125);
    assert.match(started.stderr, /compressed|features that are not known/);
    await output("push", "-q", "--tls-verify=false", name, `${registry.address}/lz4:2`);
    await output("rmi", name);
  });

  test("are found damaged by a check, and fetched again", async () => {
    const name = `${registry.address}/native:1`;
    await output("pull", "-q", "--tls-verify=false", name);
    const { digest } = (await raw("native")).layers[0]!;
    const bytes = readFileSync(stored(digest));
    bytes[5000] = bytes[5000]! ^ 1;
    writeFileSync(stored(digest), bytes);
    const found = await run("system", "check");
    assert.notEqual(found.exitCode, 0);
    assert.match(found.stdout, new RegExp(`${digest}|${digest.slice(7)}`));
    await run("system", "check", "--repair");
    await output("pull", "-q", "--tls-verify=false", name);
    assert.match(await inside(name, look), /^hello\nnew\n/);
    assert.equal(await output("system", "check"), "everything is as it has to be");
  });
});
