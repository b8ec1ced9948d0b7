import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { openStore } from "../../src/content/index.ts";
import {
  installLayout,
  loadImages,
  pull,
  removeImage,
  repoTags,
  resolveImage,
  save,
} from "../../src/image/index.ts";
import { openSink, openSource } from "../../src/transport/index.ts";
import {
  command,
  commandOutput,
  isInstalled,
  makeBusyboxRootfs,
  startRegistry,
  temporaryDirectory,
} from "../support/index.ts";

const sha256 = (bytes: Uint8Array) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

/** What skopeo prints, to the last byte. */
async function skopeo(...args: string[]): Promise<Buffer> {
  const { exitCode, stdout, stderr } = await command("skopeo", args);
  assert.equal(exitCode, 0, stderr);
  return Buffer.from(stdout);
}

/** An image of two layers that umoci packed: busybox, and a change on top. */
async function makeUmociLayout(directory: string): Promise<string> {
  const layout = join(directory, "layout");
  const bundle = join(directory, "bundle");
  const rootless = process.getuid!() === 0 ? [] : ["--rootless"];
  await commandOutput("umoci", ["init", "--layout", layout]);
  await commandOutput("umoci", ["new", "--image", `${layout}:base`]);
  await commandOutput("umoci", ["unpack", ...rootless, "--image", `${layout}:base`, bundle]);
  makeBusyboxRootfs(join(bundle, "rootfs"));
  await commandOutput("umoci", ["repack", "--refresh-bundle", "--image", `${layout}:base`, bundle]);
  writeFileSync(join(bundle, "rootfs/second"), randomBytes(100_000));
  await commandOutput("umoci", ["repack", "--image", `${layout}:base`, bundle]);
  await commandOutput("umoci", ["config", "--image", `${layout}:base`, "--config.cmd", "/bin/sh"]);
  return layout;
}

describe("with umoci and skopeo", { skip: !isInstalled("umoci") || !isInstalled("skopeo") }, () => {
  test("a layout of umoci's comes in, skopeo reads it from the store", { timeout: 60_000 }, async () => {
    using directory = temporaryDirectory("image");
    const layout = await makeUmociLayout(directory.path);
    using store = openStore(join(directory.path, "root"));
    await using source = await openSource({ kind: "layout", path: layout, ref: "base" });
    const seen = new Map<string, string>();
    const image = await pull(store, source, {
      name: "test/umoci:1",
      consumer: async ({ diffID, descriptor }, content) => {
        const packed = Buffer.concat(await Array.fromAsync(content));
        assert.equal(sha256(packed), descriptor.digest);
        seen.set(diffID, descriptor.digest);
      },
    });
    const layers = await image.layers();
    assert.equal(layers.length, 2);
    assert.deepEqual(new Map(layers.map(({ diffID, descriptor }) => [diffID, descriptor.digest])), seen);
    assert.deepEqual((await image.config()).config?.Cmd, ["/bin/sh"]);

    const place = `oci:${store.directory}:docker.io/test/umoci:1`;
    const raw = await skopeo("inspect", "--raw", place);
    assert.equal(sha256(raw), image.root.digest);
    const copied = join(directory.path, "copied.tar");
    await skopeo("copy", "--insecure-policy", place, `oci-archive:${copied}:x`);
    await using archive = await openSource({ kind: "oci-archive", path: copied, ref: "x" });
    assert.equal((await archive.root()).descriptor.digest, image.root.digest);
    await commandOutput("umoci", ["stat", "--image", `${layout}:base`]);
  });

  test("saved archives and layouts are read by skopeo", { timeout: 60_000 }, async () => {
    using directory = temporaryDirectory("image");
    const layout = await makeUmociLayout(directory.path);
    using store = openStore(join(directory.path, "root"));
    const image = await installLayout(store, layout, { name: "test/installed" });
    assert.equal(
      (await installLayout(store, "/nonexistent", { name: "test/installed" })).root.digest,
      image.root.digest,
    );
    const id = await image.id();
    for (const kind of ["oci-archive", "docker-archive", "layout"] as const) {
      const path = join(directory.path, `saved-${kind}`);
      {
        await using sink = await openSink({ kind, path, ref: "test/saved:1" });
        await save(store, image, sink);
      }
      const place = kind === "layout" ? `oci:${path}:test/saved:1` : `${kind}:${path}:test/saved:1`;
      const config = await skopeo("inspect", "--config", "--raw", place);
      assert.equal(sha256(config), id, kind);
      await using back = await openSource({ kind, path, ref: "test/saved:1" });
      using other = openStore(join(directory.path, `root-${kind}`));
      assert.equal(await (await pull(other, back, { name: "back" })).id(), id, kind);
    }
  });
});

describe("loading what others saved", { skip: !isInstalled("umoci") || !isInstalled("skopeo") }, () => {
  test("every image, under all its names", { timeout: 60_000 }, async () => {
    using directory = temporaryDirectory("image");
    const layout = await makeUmociLayout(directory.path);
    await commandOutput("umoci", ["tag", "--image", `${layout}:base`, "quay.io/team/app:2"]);
    using store = openStore(join(directory.path, "root"));
    const names = async (path: string, repository?: string) => {
      const images = await loadImages(store, path, repository === undefined ? {} : { repository });
      return images.flatMap(({ image }) => repoTags(image));
    };
    await names(layout, "localhost/made-here");
    assert.deepEqual(
      store.names.list().map(({ name }) => name),
      ["localhost/made-here:base", "quay.io/team/app:2"],
    );
    const [first] = store.names.list();
    const docker = join(directory.path, "docker.tar");
    const additional = ["--additional-tag", "docker.io/library/saved:2"];
    await skopeo(
      "copy",
      "--insecure-policy",
      ...additional,
      `oci:${layout}:base`,
      `docker-archive:${docker}:saved:1`,
    );
    assert.deepEqual(await names(docker), ["saved:1", "saved:2"]);
    const oci = join(directory.path, "My Image.oci.tar");
    await skopeo("copy", "--insecure-policy", `oci:${layout}:base`, `oci-archive:${oci}`);
    await commandOutput("gzip", [oci]);
    await loadImages(store, `${oci}.gz`);
    assert.equal(store.names.get("localhost/my-image:latest")?.descriptor.digest, first!.descriptor.digest);
    await assert.rejects(loadImages(store, join(directory.path, "absent")));
  });
});

describe("with Debian's docker-registry", {
  skip: !isInstalled("docker-registry") || !isInstalled("skopeo"),
}, () => {
  test("push, pull, and a second process at the same time", { timeout: 120_000 }, async () => {
    using directory = temporaryDirectory("image");
    const layout = await makeUmociLayout(directory.path);
    await using registry = await startRegistry();
    const name = `${registry.address}/team/app:1`;
    const tls = ["--insecure-policy", "--dest-tls-verify=false"];
    await skopeo("copy", ...tls, `oci:${layout}:base`, `docker://${name}`);
    const digest = sha256(await skopeo("inspect", "--raw", "--tls-verify=false", `docker://${name}`));
    const root = join(directory.path, "root");
    const program = join(directory.path, "pull.ts");
    const rooms = join(import.meta.dirname, "../../src");
    writeFileSync(
      program,
      `import { openStore } from ${JSON.stringify(join(rooms, "content/index.ts"))};
       import { pull } from ${JSON.stringify(join(rooms, "image/index.ts"))};
       import { openSource } from ${JSON.stringify(join(rooms, "transport/index.ts"))};
       const [root, name, as] = process.argv.slice(2);
       using store = openStore(root);
       await using source = await openSource("docker://" + name);
       let size = 0;
       const image = await pull(store, source, {
         name: as,
         consumer: async (layer, content) => { for await (const chunk of content) size += chunk.length; },
       });
       process.stdout.write(image.root.digest + " " + size);`,
    );
    const runs = ["a:1", "b:1", "c:1"].map((as) => command(process.execPath, [program, root, name, as]));
    for (const { exitCode, stdout, stderr } of await Promise.all(runs)) {
      assert.equal(exitCode, 0, stderr);
      const manifest = JSON.parse(readFileSync(join(root, "content/blobs/sha256", digest.slice(7)), "utf8"));
      const sizes: number[] = manifest.layers.map(({ size }: { size: number }) => size);
      assert.equal(stdout, `${digest} ${sizes.reduce((sum, size) => sum + size)}`);
    }
    // Each layer was asked for once: the others waited for it.
    const layers = [...registry.log().matchAll(/"?GET [^ ]*\/blobs\/(sha256:[0-9a-f]+)/g)].map(
      (found) => found[1],
    );
    assert.equal(new Set(layers).size, layers.length, registry.log());

    using store = openStore(root);
    const image = await resolveImage(store, "a:1");
    await using sink = await openSink(`docker://${registry.address}/other/app:2`);
    await save(store, image, sink);
    const pushed = await skopeo(
      "inspect",
      "--raw",
      "--tls-verify=false",
      `docker://${registry.address}/other/app:2`,
    );
    assert.equal(sha256(pushed), digest);
    for (const text of ["a:1", "b:1", "c:1"]) await removeImage(store, text);
    assert.deepEqual(store.names.list(), []);
  });
});
