import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { openStore, type Store } from "../../src/content/index.ts";
import { type Descriptor, isCortenError, parseManifest } from "../../src/spec/index.ts";
import { temporaryDirectory } from "../support/index.ts";
import { bringIn, bringInImage, makeImage } from "./images.ts";

const program = join(import.meta.dirname, "busy-process.ts");

function start(root: string, role: string, milliseconds: number, seed: number): ChildProcess {
  const args = [program, root, role, String(milliseconds), String(seed)];
  return spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
}

async function finish(child: ChildProcess): Promise<{ code: number | null; text: string }> {
  let text = "";
  child.stderr!.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  child.stdout!.resume();
  const [code] = (await once(child, "close")) as [number | null];
  return { code, text };
}

/** Everything that the store promises, whatever happened before. */
async function check(store: Store): Promise<void> {
  const index = JSON.parse(readFileSync(join(store.directory, "index.json"), "utf8")) as {
    manifests: Descriptor[];
  };
  assert.deepEqual(
    index.manifests.map(({ digest, annotations }) => [
      annotations?.["org.opencontainers.image.ref.name"],
      digest,
    ]),
    store.names.list().map(({ name, descriptor }) => [name, descriptor.digest]),
    "index.json shows the names",
  );
  for (const { descriptor } of store.names.list()) {
    const { config, layers } = parseManifest(await store.read(descriptor));
    for (const part of [config, ...layers]) await store.read(part);
  }
  for (const name of readdirSync(join(store.directory, "blobs/sha256"))) {
    const bytes = readFileSync(join(store.directory, "blobs/sha256", name));
    assert.equal(createHash("sha256").update(bytes).digest("hex"), name, "a blob is what its name says");
  }
}

describe("a process that is killed", () => {
  test("leaves a store that the next one repairs and goes on with", { timeout: 120_000 }, async (t) => {
    using directory = temporaryDirectory("survival");
    const root = join(directory.path, "root");
    let resumed = 0;
    for (let round = 0; round < 20; round++) {
      const child = start(root, round % 2 === 0 ? "pull" : "both", 60_000, round);
      const done = finish(child);
      await once(child.stdout!, "data");
      await sleep(Math.random() * 120);
      child.kill("SIGKILL");
      const { text } = await done;
      assert.equal(text, "", "it had not failed before");
      using store = openStore(root);
      await check(store);
      // What is half here can be gone on with.
      using lease = store.lease();
      for (const piece of [0, 1, 2, 3, 4].flatMap(makeImage)) {
        const partial = join(store.directory, "ingest", piece.descriptor.digest.replace(":", "-"));
        if (readdirSync(join(store.directory, "ingest")).some((name) => partial.endsWith(name))) {
          resumed++;
          await bringIn(store, lease, piece);
          assert.ok(store.has(piece.descriptor));
        }
      }
      await check(store);
      if (round % 5 === 4) {
        lease.release();
        await store.collect({ interrupted: true });
        assert.deepEqual(readdirSync(join(store.directory, "ingest")), []);
        const kept = new Set<string>();
        for (const { descriptor } of store.names.list()) {
          const { config, layers } = parseManifest(await store.read(descriptor));
          for (const { digest } of [descriptor, config, ...layers]) kept.add(digest.slice("sha256:".length));
        }
        assert.deepEqual(new Set(readdirSync(join(store.directory, "blobs/sha256"))), kept);
        assert.deepEqual(
          store.database.all("SELECT 1 FROM leases UNION ALL SELECT 1 FROM lease_content"),
          [],
        );
      }
    }
    t.diagnostic(`${resumed} partial blobs were gone on with`);
  });

  test("does not keep others from the blob that it was writing", { timeout: 30_000 }, async () => {
    using directory = temporaryDirectory("survival");
    const root = join(directory.path, "root");
    const child = start(root, "pull", 60_000, 0);
    const done = finish(child);
    using store = openStore(root);
    while (store.database.get("SELECT 1 FROM claims") === undefined) await sleep(1);
    // Not in the middle of a transaction: nobody can write then, which is another matter (see below).
    for (child.kill("SIGSTOP"); isLocked(root); child.kill("SIGSTOP")) {
      child.kill("SIGCONT");
      await sleep(1);
    }
    using lease = store.lease();
    const pieces = makeImage(0);
    const waiting = Promise.all(pieces.map((piece) => bringIn(store, lease, piece)));
    await sleep(100);
    child.kill("SIGKILL");
    await done;
    await waiting;
    for (const { descriptor } of pieces) await store.read(descriptor);
  });
});

/** Whether some process is in the middle of a write transaction right now. */
function isLocked(root: string): boolean {
  const probe = new DatabaseSync(join(root, "corten.db"), { timeout: 0 });
  try {
    probe.exec("BEGIN IMMEDIATE");
    probe.exec("ROLLBACK");
    return false;
  } catch (error) {
    assert.match(String(error), /locked/);
    return true;
  } finally {
    probe.close();
  }
}

test("a process that stands still in a transaction is waited for, then named as the reason", {
  timeout: 60_000,
}, () => {
  using directory = temporaryDirectory("survival");
  const root = join(directory.path, "root");
  using store = openStore(root);
  const other = new DatabaseSync(join(root, "corten.db"));
  other.exec("BEGIN IMMEDIATE");
  const start = Date.now();
  assert.throws(
    () => store.lease(),
    (error) =>
      isCortenError(error, "unavailable") &&
      error.retryable &&
      /in use by another process/.test(error.message),
  );
  assert.ok(Date.now() - start >= 9_000, "it waited");
  other.exec("ROLLBACK");
  other.close();
  store.lease().release();
});

describe("several processes", () => {
  test("start on one empty directory at once", { timeout: 60_000 }, async () => {
    using directory = temporaryDirectory("survival");
    const root = join(directory.path, "root");
    const children = [0, 1, 2, 3, 4, 5].map((seed) => start(root, "pull", 1, seed));
    for (const { code, text } of await Promise.all(children.map(finish))) assert.equal(code, 0, text);
    using store = openStore(root);
    await check(store);
  });

  test("pull and collect without taking anything from each other", { timeout: 60_000 }, async () => {
    using directory = temporaryDirectory("survival");
    const root = join(directory.path, "root");
    const children = [
      start(root, "pull", 4000, 0),
      start(root, "pull", 4000, 2),
      start(root, "both", 4000, 1),
      start(root, "collect", 4000, 0),
    ];
    for (const { code, text } of await Promise.all(children.map(finish))) assert.equal(code, 0, text);
    using store = openStore(root);
    await check(store);
    await bringInImage(store, 1, "test/last:1");
    await store.collect({ interrupted: true });
    await check(store);
  });
});
