import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { removeImage } from "../../src/image/index.ts";
import { makeLayeredImage } from "../snapshot/layered-image.ts";
import { commandOutput, isInstalled, isRoot, makeBusyboxRootfs } from "../support/index.ts";
import { addImage, makeTestEngine, output, runForeground, type TestEngine } from "./harness.ts";

describe("containers and their images", { skip: !isRoot || !isInstalled("umoci") }, () => {
  let it: TestEngine;
  let layers: { readonly busybox: string; readonly empty: string; readonly nothing: string };
  before(async () => {
    it = await makeTestEngine();
    layers = await makeLayers(join(it.scratch, "layers"));
  });
  after(() => it[Symbol.asyncDispose]());

  /** Makes an image of these layers and brings it in. */
  async function image(name: string, ...archives: string[]): Promise<string> {
    const directory = join(it.scratch, name);
    mkdirSync(directory);
    const layout = await makeLayeredImage(directory, archives);
    const place = `${layout}:test`;
    await commandOutput("umoci", ["config", "--image", place, "--config.env", "PATH=/bin"]);
    await addImage(it.engine, `oci:${place}`, `corten-test/${name}:1`);
    return `corten-test/${name}:1`;
  }

  test("the same layer several times, and layers with nothing in them", async () => {
    const { busybox, empty, nothing } = layers;
    const name = await image("repeated", busybox, empty, nothing, empty, nothing, busybox);
    const result = await runForeground(it, { image: name, autoRemove: true, command: ["echo", "works"] });
    assert.deepEqual(result, { exitCode: 0, stdout: "works\n", stderr: "" });
  });

  test("no layer at all", async () => {
    const name = await image("scratch");
    const volumes = [{ source: "/bin/busybox", destination: "/bin/busybox", readOnly: true }];
    const command = ["/bin/busybox", "ls", "/"];
    const result = await runForeground(it, { image: name, autoRemove: true, volumes, command });
    assert.equal(result.stdout, "bin\ndev\netc\nproc\nsys\n");
  });

  test("a container outlives its image: snapshots that it uses are kept", async () => {
    const { engine } = it;
    const name = await image("outlived", layers.busybox);
    await using container = await engine.create({ image: name, command: ["cat", "/etc/hostname"] });
    const { Image } = await engine.inspect(container.id);
    assert.deepEqual(await engine.containersOf(Image as `sha256:${string}`), [
      { container: container.name, running: false },
    ]);
    const usedBy = async () => engine.containersOf(Image as `sha256:${string}`);
    await assert.rejects(removeImage(engine.store, name, { usedBy }), { code: "failed-precondition" });
    await removeImage(engine.store, name, { usedBy, force: true });
    await engine.collectSnapshots();
    await (await container.start()).wait();
    assert.equal((await output(engine, container.id)).stdout, `${container.id.slice(0, 12)}\n`);
    await assert.rejects(engine.create({ image: name }), { code: "not-found" });
  });

  test("an image for another system is refused", async () => {
    const directory = join(it.scratch, "windows");
    mkdirSync(directory);
    const layout = await makeLayeredImage(directory, [layers.busybox]);
    await commandOutput("umoci", ["config", "--image", `${layout}:test`, "--os", "windows"]);
    await addImage(it.engine, `oci:${layout}:test`, "corten-test/windows:1");
    await assert.rejects(it.engine.create({ image: "corten-test/windows:1", command: ["x"] }), {
      code: "failed-precondition",
      message: /is for windows/,
    });
  });
});

async function makeLayers(directory: string) {
  const [root, nothing] = [join(directory, "root"), join(directory, "nothing")];
  makeBusyboxRootfs(root);
  mkdirSync(nothing);
  const archive = (name: string) => join(directory, `${name}.tar`);
  await commandOutput("tar", ["--numeric-owner", "-C", root, "-cf", archive("busybox"), "."]);
  await commandOutput("tar", ["--numeric-owner", "-C", nothing, "-cf", archive("empty"), "."]);
  await commandOutput("tar", ["-cf", archive("nothing"), "-T", "/dev/null"]);
  return { busybox: archive("busybox"), empty: archive("empty"), nothing: archive("nothing") };
}
