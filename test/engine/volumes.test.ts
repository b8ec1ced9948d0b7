import assert from "node:assert/strict";
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { makeLayeredImage } from "../snapshot/layered-image.ts";
import { commandOutput, isInstalled, isRoot, makeBusyboxRootfs } from "../support/index.ts";
import { addImage, IMAGE, makeTestEngine, output, type TestEngine } from "./harness.ts";

const VOLUMES = "corten-test/volumes:1";

describe("volumes", { skip: !isRoot || !isInstalled("umoci") }, () => {
  let it: TestEngine;
  before(async () => {
    it = await makeTestEngine();
    await addImage(it.engine, `oci:${await imageWithVolumes(it.scratch)}:test`, VOLUMES);
  });
  after(() => it[Symbol.asyncDispose]());
  const volumes = () => (existsSync(join(it.root, "volumes")) ? readdirSync(join(it.root, "volumes")) : []);

  test("an image's VOLUME begins with the image's files and goes with its container", async () => {
    const script =
      "cat /data/sub/file; cat /data/link; stat -c '%a %u:%g' /data /data/sub/file; ls /data; echo >/data/new";
    const container = await it.engine.run({ image: VOLUMES, command: ["sh", "-c", script] });
    const { stdout } = await output(it.engine, container.id);
    assert.equal(stdout, "upper\nupper\n2750 70:71\n4711 72:73\nlink\nsub\n");
    const names = volumes();
    assert.equal(names.length, 2);
    const data = join(
      it.root,
      "volumes",
      names.find((name) => existsSync(join(it.root, "volumes", name, "_data/sub")))!,
    );
    assert.equal(readlinkSync(join(data, "_data/link")), "sub/file");
    assert.equal(statSync(join(data, "_data/sub/file")).mtime.toISOString(), "2001-02-03T04:05:06.000Z");
    assert.equal(lstatSync(join(data, "_data")).mode & 0o7777, 0o2750);
    await container.remove({ force: true, volumes: true });
    assert.deepEqual(volumes(), []);
  });

  test("a VOLUME that points outside stays inside: /../../etc is the container's /etc", async () => {
    await using container = await it.engine.run({
      image: VOLUMES,
      command: ["sh", "-c", "grep ' /etc ' /proc/mounts | wc -l"],
    });
    assert.equal((await output(it.engine, container.id)).stdout, "1\n");
  });

  test("a named volume is filled once and stays", async () => {
    const volume = { source: "named", destination: "/data", readOnly: false };
    for (const expected of ["upper\n", "changed\n"]) {
      const script = "cat /data/sub/file; echo changed > /data/sub/file";
      const container = await it.engine.run({
        image: VOLUMES,
        volumes: [volume],
        command: ["sh", "-c", script],
      });
      assert.equal((await output(it.engine, container.id)).stdout, expected);
      await container.remove({ force: true, volumes: true });
    }
    assert.deepEqual(volumes(), ["named"]);
    assert.equal(readFileSync(join(it.root, "volumes/named/_data/sub/file"), "utf8"), "changed\n");
  });

  test("a source that is not there, and one that is no name", async () => {
    const run = (source: string) =>
      it.engine.create({ image: IMAGE, volumes: [{ source, destination: "/x", readOnly: false }] });
    await assert.rejects(run("/no/such/path"), { code: "not-found" });
    await assert.rejects(run("../up"), { code: "invalid-argument" });
    await assert.rejects(run("a/b"), { code: "invalid-argument" });
  });
});

/** Two layers that both have parts of /data, and two VOLUMEs. */
async function imageWithVolumes(scratch: string): Promise<string> {
  const base = join(scratch, "volume-image");
  const [lower, upper] = [join(base, "lower"), join(base, "upper")];
  mkdirSync(upper, { recursive: true });
  makeBusyboxRootfs(lower);
  await commandOutput("sh", [
    "-ec",
    `cd ${lower}; mkdir -p data/sub; echo lower > data/sub/file; echo gone > data/gone
     cd ${upper}; mkdir -p data/sub; echo upper > data/sub/file; ln -s sub/file data/link; touch data/.wh.gone
     chown 72:73 data/sub/file; chmod 4711 data/sub/file; touch -d 2001-02-03T04:05:06Z data/sub/file
     chown 70:71 data; chmod 2750 data`,
  ]);
  const layers = [lower, upper].map((directory) => `${directory}.tar`);
  for (const [i, directory] of [lower, upper].entries()) {
    await commandOutput("tar", ["--numeric-owner", "-C", directory, "-cf", layers[i]!, "."]);
  }
  const layout = await makeLayeredImage(base, layers);
  const volumes = ["--config.volume", "/data", "--config.volume", "/../../etc"];
  await commandOutput("umoci", [
    "config",
    "--image",
    `${layout}:test`,
    "--config.env",
    "PATH=/bin",
    ...volumes,
  ]);
  return layout;
}
