import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Store } from "../content/index.ts";
import { openStore } from "../content/index.ts";
import type { Digest } from "../spec/index.ts";
import { CortenError, isCortenError, MediaType } from "../spec/index.ts";
import type { LayerConsumer, TransferEvent } from "./index.ts";
import { chainIDs, parsePlatform, pull } from "./index.ts";
import { MemoryPlace, sha256 } from "./testing-image.ts";

const directory = mkdtempSync(join(tmpdir(), "corten-pull-"));
after(() => rmSync(directory, { recursive: true, force: true }));

let roots = 0;
const freshStore = () => openStore(join(directory, `root-${roots++}`));
const platform = parsePlatform("linux/amd64");
const layers = [randomBytes(300_000), randomBytes(5_000_000), randomBytes(10)];

function collector() {
  const seen = new Map<Digest, Uint8Array>();
  const consumer: LayerConsumer = async ({ diffID }, content) => {
    seen.set(diffID, Buffer.concat(await Array.fromAsync(content)));
  };
  return { seen, consumer };
}

const failsWith = (code: string, text: RegExp) => (error: unknown) => {
  assert.ok(isCortenError(error), String(error));
  assert.equal(error.code, code, error.message);
  assert.match(error.message, text);
  return true;
};

const partials = (store: Store) => readdirSync(join(store.directory, "ingest"));

describe("pull", () => {
  test("an image of an index: kept whole, only its own platform fetched", async () => {
    using store = freshStore();
    const source = new MemoryPlace();
    const wanted = source.addImage(
      layers,
      { os: "linux", architecture: "amd64" },
      { created: "2026-01-02T03:04:05Z" },
    );
    const other = source.addImage([randomBytes(10)], { os: "linux", architecture: "arm64" });
    const attestation = source.addImage([randomBytes(10)], { os: "unknown", architecture: "unknown" });
    const index = source.addIndex([attestation, other, wanted]);
    source.setRoot(index);
    const events: TransferEvent[] = [];
    const { seen, consumer } = collector();
    const image = await pull(store, source, {
      name: "alpine",
      platform,
      consumer,
      onProgress: (event) => events.push(event),
    });

    assert.deepEqual(image.names, ["docker.io/library/alpine:latest"]);
    assert.equal(image.root.digest, index.digest);
    assert.equal((await image.descriptor()).digest, wanted.digest);
    assert.equal(store.has(other), false);
    assert.deepEqual(await image.platform(), platform);
    assert.equal((await image.created())?.toISOString(), "2026-01-02T03:04:05.000Z");
    assert.equal(await image.id(), (await image.manifest()).config.digest);
    const diffIDs = layers.map(sha256);
    assert.deepEqual(
      (await image.layers()).map(({ diffID }) => diffID),
      diffIDs,
    );
    assert.deepEqual([...seen.keys()].sort(), [...diffIDs].sort());
    for (const layer of layers) assert.ok(layer.equals(seen.get(sha256(layer))!));
    const below = sha256(`${diffIDs[0]} ${diffIDs[1]}`);
    assert.deepEqual(await image.chainIDs(), [diffIDs[0], below, sha256(`${below} ${diffIDs[2]}`)]);
    assert.deepEqual(await chainIDs([]), []);
    assert.equal(events[0]?.type, "root");
    assert.equal(events.filter((event) => event.type === "layer" && event.state === "done").length, 4);
    assert.deepEqual(partials(store), []);
    assert.deepEqual((await store.collect({ interrupted: true })).blobs, []);
  });

  test("all platforms: every image is here, only this one's layers are unpacked", async () => {
    using store = freshStore();
    const source = new MemoryPlace();
    const shared = randomBytes(10);
    const other = source.addImage([shared, randomBytes(10)], { os: "linux", architecture: "arm64" });
    const attestation = source.addImage([randomBytes(10)], { os: "unknown", architecture: "unknown" });
    const wanted = source.addImage([shared, layers[0]!]);
    source.setRoot(source.addIndex([other, attestation, wanted]));
    const { seen, consumer } = collector();
    await pull(store, source, { name: "a", platform, allPlatforms: true, consumer });
    for (const [digest, bytes] of source.blobs) assert.equal(store.size(digest), bytes.length);
    assert.deepEqual([...seen.keys()].sort(), [shared, layers[0]!].map(sha256).sort());
    const many = Array.from({ length: 1025 }, (_, index) => ({ ...wanted, digest: sha256(String(index)) }));
    await assert.rejects(
      pull(store, source.setRoot(source.addIndex(many)), { platform, allPlatforms: true }),
      failsWith("resource-exhausted", /1025 manifests/),
    );
  });

  test("a second pull fetches nothing; the consumer reads from the store unless it wants not to", async () => {
    using store = freshStore();
    const source = new MemoryPlace();
    source.setRoot(source.addImage(layers));
    await pull(store, source, { name: "a" });
    source.requests.length = 0;
    const { seen, consumer } = collector();
    const wants = (diffID: Digest) => diffID !== sha256(layers[0]!);
    await pull(store, source, { name: "b", consumer: Object.assign(consumer, { wants }) });
    assert.deepEqual(source.requests, []);
    assert.deepEqual([...seen.keys()].sort(), layers.slice(1).map(sha256).sort());
    assert.ok(layers[1]!.equals(seen.get(sha256(layers[1]!))!));
  });

  test("a cut transfer goes on where it was, and the consumer sees every byte once", async () => {
    for (const cutSilently of [false, true]) {
      using store = freshStore();
      const source = new MemoryPlace();
      const big = randomBytes(400_000);
      source.setRoot(source.addImage([big]));
      source.faults.cutAfter = 150_000;
      source.faults.cutSilently = cutSilently;
      const { seen, consumer } = collector();
      const retries: number[] = [];
      await pull(store, source, {
        name: "a",
        consumer,
        onProgress: (event) => event.type === "retry" && retries.push(event.offset),
      });
      assert.deepEqual(retries, [150_000, 300_000]);
      assert.ok(big.equals(seen.get(sha256(big))!));
    }
  });

  test("a later pull goes on with what an earlier one left", async () => {
    using store = freshStore();
    const source = new MemoryPlace();
    const big = randomBytes(400_000);
    source.setRoot(source.addImage([big]));
    source.faults.beforeChunk = (digest, offset) => {
      if (digest === sha256(big) && offset > 200_000) throw new Error("the process is interrupted");
    };
    await assert.rejects(pull(store, source, { name: "a" }), /interrupted/);
    assert.deepEqual(store.names.list(), []);
    delete source.faults.beforeChunk;
    source.requests.length = 0;
    const { seen, consumer } = collector();
    await pull(store, source, { name: "a", consumer });
    assert.equal(source.requests.length, 1);
    assert.ok(source.requests[0]!.offset >= 200_000);
    assert.ok(big.equals(seen.get(sha256(big))!));
  });

  test("a beginning that is wrong is thrown away and fetched anew", async () => {
    using store = freshStore();
    const source = new MemoryPlace();
    const big = randomBytes(400_000);
    source.setRoot(source.addImage([big]));
    writeFileSync(join(store.directory, "ingest", sha256(big).replace(":", "-")), Buffer.alloc(100_000));
    const { seen, consumer } = collector();
    await pull(store, source, { name: "a", consumer });
    assert.deepEqual(
      source.requests.filter(({ digest }) => digest === sha256(big)).map(({ offset }) => offset),
      [100_000, 0],
    );
    assert.ok(big.equals(seen.get(sha256(big))!));
  });

  test("so is one that a consumer stumbles over before its end", async () => {
    using store = freshStore();
    const source = new MemoryPlace();
    const big = Buffer.alloc(400_000, "good");
    source.setRoot(source.addImage([big]));
    const partial = join(store.directory, "ingest", sha256(big).replace(":", "-"));
    let calls = 0;
    const strict =
      (code: "data-loss" | "unavailable"): LayerConsumer =>
      async (_, content) => {
        calls++;
        for await (const chunk of content)
          if (chunk[0] === 0) throw new CortenError(code, "not what an archive begins with");
      };
    writeFileSync(partial, Buffer.alloc(100_000));
    await pull(store, source, { name: "a", consumer: strict("data-loss") });
    assert.equal(calls, 2);
    assert.ok(big.equals(readFileSync(store.path(sha256(big)))));
    store.discard(sha256(big));
    writeFileSync(partial, Buffer.alloc(100_000));
    await assert.rejects(
      pull(store, source, { name: "a", consumer: strict("unavailable") }),
      failsWith("unavailable", /begins/),
    );
    assert.equal(
      readFileSync(partial).length >= 100_000,
      true,
      "an error that says nothing of the content removes nothing",
    );
  });

  test("a consumer's complaint does not remove a sound blob", async () => {
    using store = freshStore();
    const source = new MemoryPlace();
    source.setRoot(source.addImage([layers[0]!]));
    await pull(store, source, { name: "a" });
    const consumer: LayerConsumer = async ({ descriptor }) => {
      throw new CortenError("data-loss", `${descriptor.digest} is no archive`);
    };
    await assert.rejects(pull(store, source, { name: "a", consumer }), failsWith("data-loss", /no archive/));
    assert.ok(store.size(sha256(layers[0]!)));
  });

  test("wrong content: no name, no blob, and the consumer sees the error before the end", async () => {
    using store = freshStore();
    const source = new MemoryPlace();
    const big = randomBytes(400_000);
    source.setRoot(source.addImage([big]));
    source.faults.replaced.set(sha256(big), randomBytes(400_000));
    let seen = 0;
    let failure: unknown;
    let ended = false;
    const consumer: LayerConsumer = async (_, content) => {
      try {
        for await (const chunk of content) seen += chunk.length;
        ended = true;
      } catch (error) {
        failure = error;
        throw error;
      }
    };
    await assert.rejects(
      pull(store, source, { name: "a", consumer }),
      failsWith("data-loss", /does not have that digest/),
    );
    assert.ok(isCortenError(failure, "data-loss"));
    assert.equal(ended, false);
    assert.ok(seen <= 400_000);
    assert.deepEqual(store.names.list(), []);
    assert.deepEqual(partials(store), []);
    source.faults.replaced.set(sha256(big), randomBytes(400_001));
    await assert.rejects(pull(store, source, { name: "a" }), failsWith("data-loss", /longer than/));
  });

  test("a consumer that fails aborts the pull with its error; partial blobs stay", async () => {
    using store = freshStore();
    const source = new MemoryPlace();
    source.setRoot(source.addImage(layers));
    source.faults.beforeChunk = () => sleep(1);
    const consumer: LayerConsumer = async (layer, content) => {
      let size = 0;
      for await (const chunk of content) {
        size += chunk.length;
        if (layer.diffID === sha256(layers[1]!) && size > 1_500_000) throw new Error("disk full");
      }
    };
    await assert.rejects(
      pull(store, source, { name: "a", consumer }),
      failsWith("internal", /cannot unpack layer sha256:.*disk full/),
    );
    assert.deepEqual(partials(store), [sha256(layers[1]!).replace(":", "-")]);
    // A data-loss of the consumer is its own finding, not a reason to fetch again.
    source.requests.length = 0;
    const wrong: LayerConsumer = async () => {
      throw new CortenError("data-loss", "diffID differs");
    };
    await assert.rejects(
      pull(store, source, { name: "a", consumer: wrong }),
      failsWith("data-loss", /diffID differs/),
    );
    assert.ok(source.requests.length <= 1);
  });

  test("a consumer that stops reading does not stop the pull; a slow one holds it back", async () => {
    using store = freshStore();
    const source = new MemoryPlace();
    const big = randomBytes(20_000_000);
    source.setRoot(source.addImage([big]));
    await pull(store, source, { name: "a", consumer: async () => {} });
    assert.ok(store.has(source.add(MediaType.layer, big)));
    using second = freshStore();
    let produced = 0;
    source.faults.beforeChunk = (_, offset) => {
      produced = offset;
    };
    let consumed = 0;
    let ahead = 0;
    await pull(second, source, {
      name: "a",
      consumer: async (_, content) => {
        for await (const chunk of content) {
          consumed += chunk.length;
          if (consumed % (32 * 16 * 1024) === 0) await sleep(1);
          ahead = Math.max(ahead, produced - consumed);
        }
      },
    });
    assert.ok(ahead < 6_000_000, `${ahead} bytes were waiting`);
  });

  test("gives up after some attempts that bring nothing", async () => {
    using store = freshStore();
    const source = new MemoryPlace();
    const big = randomBytes(40_000);
    source.setRoot(source.addImage([big]));
    source.faults.beforeChunk = (digest) => {
      if (digest === sha256(big)) throw new CortenError("unavailable", "connection refused");
    };
    await assert.rejects(pull(store, source, { name: "a" }), failsWith("unavailable", /connection refused/));
    assert.equal(source.requests.filter(({ digest }) => digest === sha256(big)).length, 5);
    const timeout = AbortSignal.timeout(30);
    await assert.rejects(
      pull(store, source, { name: "a", signal: timeout }),
      (error) => error === timeout.reason,
    );
    assert.deepEqual(store.names.list(), []);
  });

  test("documents that do not fit together", async () => {
    using store = freshStore();
    const source = new MemoryPlace();
    const config = source.add(MediaType.imageConfig, {
      ...platform,
      rootfs: { type: "layers", diff_ids: [] },
    });
    const layer = source.add(MediaType.layer, "layer");
    const attempt = (manifest: object, options = {}) =>
      pull(store, source.setRoot(source.add(MediaType.imageManifest, manifest)), { name: "a", ...options });
    const base = { schemaVersion: 2, mediaType: MediaType.imageManifest, config, layers: [layer] };
    await assert.rejects(
      attempt(base),
      failsWith("invalid-argument", /has 1 layers, but its configuration .* lists 0/),
    );
    await assert.rejects(
      attempt({ ...base, manifests: [] }),
      failsWith("invalid-argument", /does not belong/),
    );
    await assert.rejects(
      attempt({ ...base, config: { ...config, size: 1e9 } }),
      failsWith("resource-exhausted", /1000000000, more than/),
    );
    const history = source.add(MediaType.imageConfig, {
      ...platform,
      rootfs: { type: "layers", diff_ids: [sha256("layer")] },
      history: [{}, {}],
    });
    await assert.rejects(
      attempt({ ...base, config: history }),
      failsWith("invalid-argument", /history .* lists 2/),
    );
    await assert.rejects(
      pull(store, source.setRoot(source.addImage([layers[0]!])), { platform: parsePlatform("linux/arm64") }),
      failsWith("not-found", /has no image for linux\/arm64/),
    );
    await assert.rejects(
      pull(store, source.setRoot(source.addIndex([source.addImage([layers[0]!])])), {
        platform: parsePlatform("linux/s390x"),
      }),
      (error) => isCortenError(error, "not-found") && error.hint === "it offers linux/amd64",
    );
    await assert.rejects(
      pull(store, source, { name: `a@${sha256("another")}` }),
      failsWith("data-loss", /was asked for, but the source gave/),
    );
    assert.deepEqual(store.names.list(), []);
    await store.collect({ interrupted: true });
    assert.deepEqual(readdirSync(join(store.directory, "blobs/sha256")), [], "nothing is left");
  });

  test("an image for another machine is kept, and unpacked only when its platform was asked for", async () => {
    using store = freshStore();
    const source = new MemoryPlace();
    source.setRoot(source.addImage([randomBytes(10)], { os: "linux", architecture: "s390x" }));
    const unpacked: string[] = [];
    const consumer: LayerConsumer = async ({ diffID }, content) => {
      for await (const _ of content) unpacked.push(diffID);
    };
    const image = await pull(store, source, { name: "foreign", consumer });
    assert.deepEqual(unpacked, []);
    assert.ok(store.has((await image.layers())[0]!.descriptor));
    await pull(store, source, { consumer, platform: parsePlatform("linux/s390x") });
    assert.equal(unpacked.length, 1);
  });

  test("an artifact is stored, but is no image", async () => {
    using store = freshStore();
    const source = new MemoryPlace();
    const config = source.add(MediaType.empty, "{}");
    const blob = source.add("application/x-model", "weights");
    source.setRoot(
      source.add(MediaType.imageManifest, {
        schemaVersion: 2,
        artifactType: "application/x",
        config,
        layers: [blob],
      }),
    );
    const image = await pull(store, source, {
      name: "model",
      consumer: async () => assert.fail("not a layer"),
    });
    assert.ok(store.has(blob));
    await assert.rejects(
      image.config(),
      failsWith("failed-precondition", /artifact of type "application\/x"/),
    );
  });

  test("damaged content is found and fetched again", async () => {
    using store = freshStore();
    const source = new MemoryPlace();
    const manifest = source.addImage(layers);
    source.setRoot(source.addIndex([manifest]));
    const image = await pull(store, source, { name: "a", platform });
    const { config } = await image.manifest();
    truncateSync(store.path(sha256(layers[0]!)), 5);
    writeFileSync(store.path(config.digest), Buffer.alloc(config.size, " "));
    const again = await pull(store, source, { name: "a", platform });
    assert.ok(layers[0]!.equals(readFileSync(store.path(sha256(layers[0]!)))));
    assert.equal((await again.config()).os, "linux");
    const stored = store.path(sha256(layers[1]!));
    writeFileSync(stored, Buffer.alloc(layers[1]!.length));
    const { consumer } = collector();
    await assert.rejects(
      pull(store, source, { name: "a", platform, consumer }),
      failsWith("data-loss", /has other content/),
    );
    await pull(store, source, { name: "a", platform, consumer });
    assert.ok(layers[1]!.equals(readFileSync(stored)));
  });

  test("a tag that moves leaves the old image without a tag", async () => {
    using store = freshStore();
    const source = new MemoryPlace();
    const first = await pull(store, source.setRoot(source.addImage([randomBytes(5)])), { name: "a:1" });
    await pull(store, source.setRoot(source.addImage([randomBytes(6)])), { name: "a:1" });
    assert.deepEqual(
      store.names.of(first.root.digest).map(({ name }) => name),
      [`docker.io/library/a@${first.root.digest}`],
    );
  });

  test("two pulls of one image at once fetch it once", async () => {
    using store = freshStore();
    const source = new MemoryPlace();
    source.setRoot(source.addImage(layers));
    const one = collector();
    const two = collector();
    await Promise.all([
      pull(store, source, { name: "a", consumer: one.consumer }),
      pull(store, source, { name: "b", consumer: two.consumer }),
    ]);
    assert.equal(source.requests.length, layers.length + 1);
    for (const { seen } of [one, two]) assert.equal(seen.size, layers.length);
  });
});
