import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, test } from "node:test";
import { type Engine, summariseUsage } from "../../src/engine/index.ts";
import { importRootfs, listImages, tagImage } from "../../src/image/index.ts";
import { commandOutput, corten, isRoot } from "../support/index.ts";
import { IMAGE, makeTestEngine } from "./harness.ts";

const command = ["true"] as const;

async function ended(engine: Engine, options: Partial<Parameters<Engine["run"]>[0]> = {}): Promise<string> {
  const container = await engine.run({ image: IMAGE, command, network: "none", ...options });
  await engine.wait(container.id);
  return container.id;
}

/** Makes a small image of its own. */
async function makeImage(engine: Engine, name: string, { label }: { readonly label?: string } = {}) {
  const archive = execFileSync("tar", ["-C", "/etc", "--mtime=@0", "-c", "hostname"]);
  return importRootfs(engine.store, Readable.from([archive]), {
    name,
    ...(label === undefined ? {} : { changes: [`LABEL ${label}`] }),
  });
}

const names = (engine: Engine) => listImages(engine.store).flatMap((image) => image.names);

describe("prune", { skip: !isRoot }, () => {
  test("removes containers that do not run, as the filter says, and says so beforehand", async () => {
    await using t = await makeTestEngine();
    const { engine } = t;
    const running = await engine.run({ image: IMAGE, command: ["sleep", "1000"], network: "none" });
    const plain = await ended(engine);
    const labelled = await ended(engine, { labels: { keep: "yes" } });
    const created = await engine.create({ image: IMAGE, command, network: "none" });
    const labels = [{ name: "keep", value: "yes", not: true }];

    assert.deepEqual(
      (await engine.prune({ containers: true, filter: { until: new Date(0) } })).containers,
      [],
    );
    const rehearsal = await engine.prune({ containers: true, filter: { labels }, rehearse: true });
    assert.equal((await engine.list({ all: true })).length, 4);
    const pruned = await engine.prune({ containers: true, filter: { labels } });
    assert.deepEqual(pruned, rehearsal);
    assert.deepEqual(new Set(pruned.containers.map(({ id }) => id)), new Set([plain, created.id]));
    assert.ok(pruned.bytes > 0);
    const left = (await engine.list({ all: true })).map(({ id }) => id);
    assert.deepEqual(new Set(left), new Set([running.id, labelled]));
  });

  test("removes volumes that no container uses: anonymous ones, or all", async () => {
    await using t = await makeTestEngine();
    const { engine, root } = t;
    const volumes = [{ destination: "/a", readOnly: false }];
    const used = await ended(engine, {
      volumes: [...volumes, { source: "named", destination: "/n", readOnly: false }],
    });
    const other = await ended(engine, { volumes });
    await engine.remove(other);
    mkdirSync(join(root, "volumes/free/_data"), { recursive: true });
    const there = () => readdirSync(join(root, "volumes")).length;
    assert.equal(there(), 4);
    assert.equal(
      (await engine.prune({ volumes: "anonymous", filter: { until: new Date(0) } })).volumes.length,
      0,
    );
    assert.equal((await engine.prune({ volumes: "anonymous" })).volumes.length, 1);
    assert.deepEqual((await engine.prune({ volumes: "unused" })).volumes, ["free"]);
    assert.equal(there(), 2);
    // A rehearsal takes containers that would go for gone.
    const all = { containers: true, volumes: "unused" } as const;
    assert.equal((await engine.prune({ ...all, rehearse: true })).volumes.length, 2);
    assert.equal(there(), 2);
    await engine.remove(used);
    assert.equal((await engine.prune(all)).volumes.length, 2);
    assert.equal(there(), 0);
    await assert.rejects(
      engine.prune({ volumes: "unused", filter: { labels: [{ name: "a", not: false }] } }),
      /volumes have no labels/,
    );
  });

  test("finishes a volume's removal that a killed process began", async () => {
    await using t = await makeTestEngine();
    mkdirSync(join(t.root, "volumes/.removed-1-x/_data"), { recursive: true });
    await t.engine.prune({ volumes: "anonymous" });
    assert.deepEqual(readdirSync(join(t.root, "volumes")), []);
  });

  test("removes images without a tag, and with all of them those without a container", async () => {
    await using t = await makeTestEngine();
    const { engine } = t;
    const { store } = engine;
    await ended(engine);
    await makeImage(engine, "local/moved:1");
    const labelled = await makeImage(engine, "local/labelled:1", { label: "stage=test" });
    const labelledID = await labelled.id();
    await makeImage(engine, "local/moved:1", { label: "second=1" });
    assert.equal(names(engine).length, 4);

    const rehearsal = await engine.prune({ images: "untagged", rehearse: true });
    const pruned = await engine.prune({ images: "untagged" });
    assert.deepEqual(pruned, rehearsal);
    assert.equal(pruned.images.length, 1);
    assert.match(pruned.untagged.join(), /^docker\.io\/local\/moved@sha256:[0-9a-f]{64}$/);

    const labels = [{ name: "stage", value: "test", not: true }];
    const some = await engine.prune({ images: "unused", filter: { labels } });
    assert.deepEqual(some.untagged, ["docker.io/local/moved:1"]);
    tagImage(store, "local/labelled:1", "local/again:1");
    const rest = await engine.prune({ images: "unused" });
    assert.deepEqual(rest.images, [labelledID]);
    assert.equal(rest.untagged.length, 2);
    // The image of a container stays, and can be run.
    assert.deepEqual(names(engine), [`docker.io/${IMAGE}`]);
    await ended(engine);
  });

  test("by content without a name spares what the filter does not let go", async () => {
    await using t = await makeTestEngine();
    const { engine } = t;
    const image = await makeImage(engine, "local/nameless:1", { label: "stage=test" });
    const root = image.root;
    engine.store.names.remove("docker.io/local/nameless:1");
    await engine.prune({ images: "untagged", filter: { labels: [{ name: "other", not: false }] } });
    assert.equal(engine.store.has(root), true);
    const labels = [{ name: "stage", not: false }];
    assert.equal((await engine.prune({ images: "untagged", filter: { labels } })).images.length, 1);
    assert.equal(engine.store.has(root), false);
  });

  test("frees what the sums of disk usage say", async () => {
    await using t = await makeTestEngine();
    const { engine, root } = t;
    await ended(engine, { command: ["sh", "-c", "head -c 300000 /dev/zero > /file"] });
    await makeImage(engine, "local/small:1");
    writeFileSync(join(root, "content/ingest/sha256-cut"), Buffer.alloc(100_000));
    const usage = await engine.usage();
    const summary = new Map(summariseUsage(usage).map((line) => [line.type, line]));
    const [container] = usage.containers;
    assert.ok(container!.bytes > 300_000 && container!.bytes < 500_000);
    assert.equal(summary.get("Images")?.total, 2);
    assert.equal(summary.get("Images")?.active, 1);
    assert.ok(summary.get("Leftovers")!.bytes >= 100_000);
    const all = { containers: true, images: "unused", volumes: "unused", interrupted: true } as const;
    const pruned = await engine.prune(all);
    const before = [...summary.values()].reduce((sum, { bytes }) => sum + bytes, 0);
    const tolerance = 128 * 1024; // blobs are freed by their lengths, the disk counts blocks
    assert.ok(Math.abs(pruned.bytes - before) < tolerance, `${pruned.bytes} of ${before}`);
    const after = summariseUsage(await engine.usage()).reduce((sum, { bytes }) => sum + bytes, 0);
    assert.equal(after, 0);
    assert.deepEqual(readdirSync(join(root, "content/blobs/sha256")), []);
  });

  test("counts what images share once, and as neither's own", async () => {
    await using t = await makeTestEngine();
    const { engine } = t;
    await makeImage(engine, "local/one:1", { label: "a=1" });
    await makeImage(engine, "local/two:1", { label: "a=2" });
    const { images, imageBytes } = await engine.usage();
    const [one, two] = images.filter(({ names: own }) => own[0]!.includes("local/"));
    assert.ok(one!.sharedBytes > 0 && one!.sharedBytes < one!.bytes);
    assert.equal(one!.sharedBytes, two!.sharedBytes);
    const sum = images.reduce((total, { bytes }) => total + bytes, 0);
    assert.equal(imageBytes, sum - one!.sharedBytes);
  });

  test("of volumes takes none from containers that start at the same time", async () => {
    await using t = await makeTestEngine();
    const { engine, root, runRoot } = t;
    const words = ["--root", root, "--run-root", runRoot];
    const run = ["run", "--rm", "--network", "none", "-v", "shared:/data", "-v", "/own", IMAGE];
    // Appended, for another container's ">" would empty the file under a reader.
    const script = "echo x >> /data/file && echo y > /own/file && head -n 1 /data/file && cat /own/file";
    let over = false;
    const pruning = (async () => {
      while (!over) await commandOutput(corten, [...words, "volume", "prune", "--all", "--force"]);
    })();
    for (let round = 0; round < 5; round++) {
      const runs = [1, 2, 3].map(() => commandOutput(corten, [...words, ...run, "sh", "-c", script]));
      assert.deepEqual(await Promise.all(runs), ["x\ny", "x\ny", "x\ny"]);
    }
    over = true;
    await pruning;
    await engine.prune({ volumes: "unused" });
    assert.equal(existsSync(join(root, "volumes/shared")), false);
  });
});
