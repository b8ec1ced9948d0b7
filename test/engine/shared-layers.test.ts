import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { type Engine, openEngine } from "../../src/engine/index.ts";
import { importRootfs, removeImage } from "../../src/image/index.ts";
import { commandOutput, corten, isRoot, makeBusyboxRootfs, temporaryDirectory } from "../support/index.ts";

const IMAGE = "corten-test/large:1";
const SIZE = 16 * 2 ** 20;

interface Sharing extends AsyncDisposable {
  readonly engine: Engine;
  readonly root: string;
  readonly runRoot: string;
}

/** An engine with an image of one layer that holds a file of 16 MiB. */
async function makeEngine(shareLayers: boolean): Promise<Sharing> {
  const scratch = temporaryDirectory("shared-layers");
  const [root, runRoot] = [join(scratch.path, "root"), join(scratch.path, "run")];
  const engine = openEngine({ root, runRoot, shareLayers });
  const rootfs = join(scratch.path, "rootfs");
  makeBusyboxRootfs(rootfs);
  writeFileSync(join(rootfs, "large"), Buffer.alloc(SIZE, "corten"));
  const archive = join(scratch.path, "image.tar");
  await commandOutput("tar", ["-C", rootfs, "-cf", archive, "."]);
  const { createReadStream } = await import("node:fs");
  const image = await importRootfs(engine.store, createReadStream(archive), { name: IMAGE });
  await engine.snapshots.prepare(engine.store, image);
  return {
    engine,
    root,
    runRoot,
    async [Symbol.asyncDispose]() {
      for (const { id } of await engine.list({ all: true })) await engine.remove(id, { force: true });
      await engine.releaseLayers();
      await engine[Symbol.asyncDispose]();
      scratch[Symbol.dispose]();
    },
  };
}

function pins(runRoot: string): string[] {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((line) => line.includes(runRoot));
}

/** Page cache that a container's memory group was charged with: whoever reads a page first pays for it. */
function cacheOf(pid: number): number {
  const groups = readFileSync(`/proc/${pid}/cgroup`, "utf8").split("\n");
  const v1 = groups.find((line) => line.split(":")[1]?.split(",").includes("memory"))?.split(":")[2];
  const unified = groups.find((line) => line.startsWith("0::"))?.slice(3);
  const file =
    v1 === undefined ? `/sys/fs/cgroup${unified}/memory.stat` : `/sys/fs/cgroup/memory${v1}/memory.stat`;
  const line = /^(?:cache|file) (\d+)$/m.exec(readFileSync(file, "utf8"));
  return Number(line?.[1]);
}

/** Runs containers that each read the large file, one after the other; returns what each was charged with. */
async function readInEach(engine: Engine, count: number): Promise<number[]> {
  const charged: number[] = [];
  for (let n = 0; n < count; n++) {
    const container = await engine.run({
      image: IMAGE,
      command: ["sh", "-c", "cat /large > /dev/null; echo read; sleep 1000"],
      network: "none",
    });
    for await (const entry of engine.logs(container.id, { follow: true })) {
      if (Buffer.from(entry.content).toString() === "read") break;
    }
    charged.push(cacheOf((await engine.inspect(container.id)).State.Pid));
  }
  return charged;
}

describe("layers that are mounted once for all containers", { skip: !isRoot }, () => {
  test("cost the page cache of one", async () => {
    await using sharing = await makeEngine(true);
    const [first, ...others] = await readInEach(sharing.engine, 6);
    assert.ok(first! >= SIZE, `the first was charged with ${first} bytes`);
    for (const bytes of others) assert.ok(bytes < SIZE / 16, `another was charged with ${bytes} bytes`);
  });

  test("and without that each pays: the measure can fail", async () => {
    await using sharing = await makeEngine(false);
    for (const bytes of await readInEach(sharing.engine, 3)) assert.ok(bytes >= SIZE);
    assert.deepEqual(pins(sharing.runRoot), []);
  });

  test("leave one bind mount, and that until the last container is removed", async () => {
    await using sharing = await makeEngine(true);
    const { engine, runRoot } = sharing;
    const options = { image: IMAGE, command: ["sleep", "1000"], network: "none" } as const;
    const [one, two] = await Promise.all([engine.run(options), engine.run(options)]);
    const [pin, ...more] = pins(runRoot);
    assert.match(pin!, / - nsfs /);
    assert.deepEqual(more, []);
    await engine.remove(one.id, { force: true });
    assert.equal(pins(runRoot).length, 1);
    await engine.remove(two.id, { force: true });
    assert.deepEqual(pins(runRoot), []);
    assert.equal(existsSync(join(runRoot, "layers/namespace")), false);
  });

  test("are not to be seen in a container, whose own may be removed beneath it", async () => {
    await using sharing = await makeEngine(true);
    const { engine, root, runRoot } = sharing;
    const container = await engine.run({ image: IMAGE, command: ["sleep", "1000"], network: "none" });
    const { Pid } = (await engine.inspect(container.id)).State;
    const seen = readFileSync(`/proc/${Pid}/mountinfo`, "utf8");
    assert.doesNotMatch(seen, / - (?:erofs|nsfs) /);
    await removeImage(engine.store, IMAGE, { force: true });
    await engine.remove(container.id, { force: true });
    await engine.collectSnapshots();
    assert.deepEqual(pins(runRoot), []);
    assert.equal(statSync(root).isDirectory(), true);
  });

  test("are let go of by a command while containers run, and mounted anew by the next", async () => {
    await using sharing = await makeEngine(true);
    const { engine, runRoot, root } = sharing;
    const options = { image: IMAGE, command: ["sleep", "1000"], network: "none" } as const;
    const one = await engine.run(options);
    await commandOutput(corten, [
      ...["--root", root, "--run-root", runRoot, "--share-layers", "always"],
      ...["system", "release"],
    ]);
    assert.deepEqual(pins(runRoot), []);
    const two = await engine.run(options);
    assert.equal(pins(runRoot).length, 1);
    for (const { id } of [one, two]) {
      const { Pid } = (await engine.inspect(id)).State;
      assert.equal(statSync(`/proc/${Pid}/root/large`).size, SIZE);
    }
  });

  test("are made by many first starts at once", async () => {
    await using sharing = await makeEngine(true);
    const { runRoot, root } = sharing;
    const words = ["--root", root, "--run-root", runRoot, "--share-layers", "always"];
    const runs = Array.from({ length: 8 }, () =>
      commandOutput(corten, [
        ...words,
        "run",
        "--rm",
        "--network",
        "none",
        IMAGE,
        "stat",
        "-c",
        "%s",
        "/large",
      ]),
    );
    assert.deepEqual(await Promise.all(runs), Array(8).fill(`${SIZE}`));
    assert.equal(pins(runRoot).length, 1);
  });
});
