import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import type { Descriptor, Digest } from "../spec/index.ts";
import { isCortenError, MediaType } from "../spec/index.ts";
import type { Store } from "./index.ts";
import { defineSchema, openDatabase, openStore } from "./index.ts";

const directory = mkdtempSync(join(tmpdir(), "corten-content-"));
after(() => rmSync(directory, { recursive: true, force: true }));

let roots = 0;
const freshRoot = () => join(directory, `root-${roots++}`);

function describeBytes(bytes: Uint8Array, mediaType: string = MediaType.layer): Descriptor {
  const digest: Digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  return { mediaType, digest, size: bytes.length };
}

/** A manifest with one configuration and one layer, all in the store under `lease`. */
async function storeImage(store: Store, lease: ReturnType<Store["lease"]>, seed: string) {
  const layer = Buffer.from(`layer ${seed}`);
  const config = Buffer.from(JSON.stringify({ seed }));
  const parts = {
    config: describeBytes(config, MediaType.imageConfig),
    layer: describeBytes(layer),
  };
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MediaType.imageManifest,
      config: parts.config,
      layers: [parts.layer],
    }),
  );
  const root = describeBytes(manifest, MediaType.imageManifest);
  await store.put(parts.layer, layer, { lease });
  await store.put(parts.config, config, { lease });
  await store.put(root, manifest, { lease });
  return { ...parts, root };
}

const failsWith = (code: string, text: RegExp) => (error: unknown) => {
  assert.ok(isCortenError(error), String(error));
  assert.equal(error.code, code);
  assert.match(error.message, text);
  return true;
};

describe("database", () => {
  test("A13 CVE-2021-41091: directories are 0700, files 0600", () => {
    const root = freshRoot();
    using store = openStore(root);
    for (const path of [
      root,
      store.directory,
      join(store.directory, "blobs"),
      join(store.directory, "ingest"),
    ]) {
      assert.equal(statSync(path).mode & 0o777, 0o700, path);
    }
    assert.equal(statSync(join(root, "corten.db")).mode & 0o777, 0o600);
  });

  test("a schema grows step by step and refuses to go back", () => {
    const root = freshRoot();
    const first = defineSchema("room", ["CREATE TABLE a (x INTEGER) STRICT"]);
    const second = defineSchema("room", [
      ...first.steps,
      (database) => database.run("INSERT INTO a VALUES (7)"),
    ]);
    openDatabase(root, [first]).close();
    {
      using database = openDatabase(root, [second]);
      assert.deepEqual({ ...database.get<object>("SELECT x FROM a") }, { x: 7 });
    }
    openDatabase(root, [second]).close();
    assert.throws(
      () => openDatabase(root, [first]),
      failsWith("failed-precondition", /newer than version 1/),
    );
  });

  test("a failed step leaves nothing behind", () => {
    const root = freshRoot();
    const broken = defineSchema("room", ["CREATE TABLE a (x INTEGER) STRICT", "CREATE NONSENSE"]);
    assert.throws(() => openDatabase(root, [broken]), failsWith("internal", /NONSENSE/));
    using database = openDatabase(root);
    assert.equal(database.get("SELECT 1 FROM sqlite_master WHERE name = 'a'"), undefined);
  });

  test("a transaction that throws changes nothing and calls no callback", () => {
    using database = openDatabase(freshRoot(), [defineSchema("room", ["CREATE TABLE a (x INTEGER) STRICT"])]);
    let called = 0;
    assert.throws(() =>
      database.transaction(() => {
        database.run("INSERT INTO a VALUES (1)");
        database.afterCommit(() => called++);
        throw new Error("no");
      }),
    );
    database.transaction(() => database.afterCommit(() => called++));
    assert.equal(called, 1);
    assert.deepEqual(database.all("SELECT x FROM a"), []);
  });

  test("a damaged file is data loss, and names come back from index.json", async () => {
    const root = freshRoot();
    {
      using store = openStore(root);
      using lease = store.lease();
      const { root: image } = await storeImage(store, lease, "kept");
      store.names.set("docker.io/library/kept:latest", image);
    }
    writeFileSync(join(root, "corten.db"), "this is no database, whatever it was before".repeat(200));
    assert.throws(() => openStore(root), failsWith("data-loss", /corten\.db is damaged/));
    for (const name of readdirSync(root)) if (name.startsWith("corten.db")) rmSync(join(root, name));
    using store = openStore(root);
    assert.equal(store.names.list()[0]?.name, "docker.io/library/kept:latest");
  });
});

describe("ingest", () => {
  test("stores, verifies and reads back", async () => {
    using store = openStore(freshRoot());
    using lease = store.lease();
    const bytes = randomBytes(3 * 1024 * 1024 + 5);
    const descriptor = describeBytes(bytes);
    assert.equal(store.has(descriptor), false);
    await using ingest = await store.ingest(descriptor, { lease });
    assert.ok(ingest);
    for (let at = 0; at < bytes.length; at += 40_000) await ingest.write(bytes.subarray(at, at + 40_000));
    await ingest.commit();
    assert.equal(store.has(descriptor), true);
    assert.equal(await store.ingest(descriptor, { lease }), undefined);
    assert.ok(bytes.equals(await store.read(descriptor)));
    const rest: Uint8Array[] = [];
    for await (const chunk of store.open(descriptor, { offset: 1_500_000 })) rest.push(chunk);
    assert.ok(bytes.subarray(1_500_000).equals(Buffer.concat(rest)));
    assert.deepEqual(readdirSync(join(store.directory, "ingest")), []);
  });

  test("goes on where an earlier one stopped, in another store object too", async () => {
    const root = freshRoot();
    const bytes = randomBytes(100_000);
    const descriptor = describeBytes(bytes);
    {
      using store = openStore(root);
      using lease = store.lease();
      await using ingest = await store.ingest(descriptor, { lease });
      await ingest?.write(bytes.subarray(0, 60_000));
    }
    using store = openStore(root);
    using lease = store.lease();
    await using ingest = await store.ingest(descriptor, { lease });
    assert.equal(ingest?.offset, 60_000);
    const seen: Uint8Array[] = [];
    for await (const chunk of ingest.prefix()) seen.push(chunk);
    assert.ok(bytes.subarray(0, 60_000).equals(Buffer.concat(seen)));
    await ingest.write(bytes.subarray(60_000));
    await ingest.commit();
    assert.ok(bytes.equals(await store.read(descriptor)));
  });

  test("wrong, long and short content", async () => {
    using store = openStore(freshRoot());
    using lease = store.lease();
    const descriptor = describeBytes(Buffer.from("expected"));
    const begin = async () => {
      const ingest = await store.ingest(descriptor, { lease });
      assert.ok(ingest);
      return ingest;
    };
    {
      await using ingest = await begin();
      await ingest.write(Buffer.from("received"));
      await assert.rejects(ingest.commit(), failsWith("data-loss", /does not have that digest/));
    }
    {
      await using ingest = await begin();
      assert.equal(ingest.offset, 0, "the wrong content is gone");
      await assert.rejects(
        ingest.write(Buffer.from("expected and more")),
        failsWith("data-loss", /longer than the 8 bytes/),
      );
    }
    {
      await using ingest = await begin();
      await ingest.write(Buffer.from("expec"));
      await assert.rejects(ingest.commit(), failsWith("unavailable", /ended after 5 of 8 bytes/));
    }
    await using ingest = await begin();
    assert.equal(ingest.offset, 5, "what was received of a cut transfer stays");
  });

  test("one writer at a time; the second finds the blob or goes on", async () => {
    using store = openStore(freshRoot());
    using lease = store.lease();
    const descriptor = describeBytes(Buffer.from("shared"));
    const first = await store.ingest(descriptor, { lease });
    assert.ok(first);
    const second = store.ingest(descriptor, { lease });
    const third = store.ingest(descriptor, { lease });
    await first.write(Buffer.from("sha"));
    await first[Symbol.asyncDispose]();
    const next = await second;
    assert.equal(next?.offset, 3);
    await next.write(Buffer.from("red"));
    await next.commit();
    assert.equal(await third, undefined);
  });

  test("waiting ends with the signal", async () => {
    using store = openStore(freshRoot());
    using lease = store.lease();
    const descriptor = describeBytes(Buffer.from("shared"));
    await using first = await store.ingest(descriptor, { lease });
    assert.ok(first);
    // Not AbortSignal.timeout, which does not keep Node running.
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 30);
    await assert.rejects(store.ingest(descriptor, { lease, signal: stop.signal }));
  });

  test("a stream of unknown digest", async () => {
    using store = openStore(freshRoot());
    using lease = store.lease();
    const parts = [randomBytes(10), randomBytes(2_000_000), randomBytes(1)];
    const descriptor = await store.putStream(
      MediaType.layer,
      (async function* () {
        yield* parts;
      })(),
      { lease },
    );
    assert.deepEqual(descriptor, describeBytes(Buffer.concat(parts)));
    assert.ok(store.has(descriptor));
    const cut = (async function* () {
      yield Buffer.from("x");
      throw new Error("cut");
    })();
    await assert.rejects(store.putStream(MediaType.layer, cut, { lease }), /cut/);
    assert.deepEqual(readdirSync(join(store.directory, "ingest")), []);
  });

  test("a digest cannot lead out of the store", async () => {
    using store = openStore(freshRoot());
    using lease = store.lease();
    const digest = "sha256:../../../../etc/passwd" as Digest;
    await assert.rejects(
      store.ingest({ mediaType: MediaType.layer, digest, size: 1 }, { lease }),
      failsWith("invalid-argument", /invalid digest/),
    );
    await assert.rejects(
      store.ingest({ mediaType: MediaType.layer, digest: "blake2b:abc", size: 1 }, { lease }),
      failsWith("unimplemented", /blake2b/),
    );
  });
});

describe("damage", () => {
  test("a truncated blob counts as absent, and reading it says what to do", async () => {
    using store = openStore(freshRoot());
    using lease = store.lease();
    const descriptor = describeBytes(Buffer.from("whole"));
    await store.put(descriptor, Buffer.from("whole"), { lease });
    truncateSync(store.path(descriptor.digest), 2);
    assert.equal(store.has(descriptor), false);
    await assert.rejects(store.read(descriptor), failsWith("data-loss", /is 2 bytes long, not 5/));
    await store.put(descriptor, Buffer.from("whole"), { lease });
    writeFileSync(store.path(descriptor.digest), "other");
    await assert.rejects(store.read(descriptor), failsWith("data-loss", /has other content/));
    await assert.rejects(
      async () => {
        for await (const _ of store.open(descriptor, { verify: true }));
      },
      failsWith("data-loss", /has other content/),
    );
    store.discard(descriptor.digest);
    await assert.rejects(store.read(descriptor), failsWith("data-loss", /is missing/));
  });
});

test("a blob that is removed while it is read is data loss, too", async () => {
  using store = openStore(freshRoot());
  using lease = store.lease();
  const bytes = Buffer.alloc(3_000_000, 1);
  const descriptor = describeBytes(bytes);
  await store.put(descriptor, bytes, { lease });
  const opened = store.open(descriptor);
  const first = await opened.next();
  store.discard(descriptor.digest);
  // Who has it open reads on; who comes later is told.
  let size = first.value!.length;
  for await (const chunk of opened) size += chunk.length;
  assert.equal(size, bytes.length);
  const late = store.open(descriptor).next();
  await assert.rejects(late, failsWith("data-loss", /is missing/));
});

describe("names and index.json", () => {
  test("the index follows the names and is repaired on open", async () => {
    const root = freshRoot();
    const index = () => JSON.parse(readFileSync(join(root, "content/index.json"), "utf8"));
    const names = () =>
      index().manifests.map((entry: Descriptor) => entry.annotations?.["org.opencontainers.image.ref.name"]);
    {
      using store = openStore(root);
      using lease = store.lease();
      const { root: image } = await storeImage(store, lease, "a");
      store.names.set("b:1", image);
      store.names.set("a:1", image);
      assert.deepEqual(names(), ["a:1", "b:1"]);
      assert.deepEqual(
        store.names.of(image.digest).map(({ name }) => name),
        ["a:1", "b:1"],
      );
      assert.equal(store.names.remove("b:1"), true);
      assert.equal(store.names.remove("b:1"), false);
      assert.deepEqual(names(), ["a:1"]);
      // A process that was killed between the change and the index:
      store.database.transaction(() => store.database.run("UPDATE names SET name = 'c:1'"), {
        durable: true,
      });
    }
    assert.deepEqual(names(), ["a:1"]);
    openStore(root).close();
    assert.deepEqual(names(), ["c:1"]);
    rmSync(join(root, "content/index.json"));
    openStore(root).close();
    assert.deepEqual(names(), ["c:1"]);
    // What a power cut leaves of a file that was not synced, seen after the next boot:
    writeFileSync(join(root, "content/index.json"), "");
    {
      using database = openDatabase(root);
      database.transaction(() => database.run("UPDATE layout SET boot = 'another'"));
    }
    openStore(root).close();
    assert.deepEqual(names(), ["c:1"]);
  });

  test("a name needs content, and a name that can be shown", async () => {
    using store = openStore(freshRoot());
    const descriptor = describeBytes(Buffer.from("absent"), MediaType.imageManifest);
    assert.throws(() => store.names.set("a", descriptor), failsWith("not-found", /not in the store/));
    assert.throws(
      () => store.names.set("a\nb", descriptor),
      failsWith("invalid-argument", /cannot be the name/),
    );
  });
});

describe("collection", () => {
  test("keeps what names and leases lead to, removes the rest", async () => {
    using store = openStore(freshRoot());
    const lease = store.lease();
    const named = await storeImage(store, lease, "named");
    const leased = await storeImage(store, lease, "leased");
    const loose = await storeImage(store, lease, "loose");
    store.names.set("named:1", named.root);
    lease.release();
    using other = store.lease({ id: "container/1", lasting: true });
    other.add(leased.root);
    const { blobs, bytes } = await store.collect();
    const expected = [loose.root, loose.config, loose.layer];
    assert.deepEqual(blobs.map(({ digest }) => digest).sort(), expected.map(({ digest }) => digest).sort());
    assert.equal(
      bytes,
      expected.reduce((sum, { size }) => sum + size, 0),
    );
    for (const { root, config, layer } of [named, leased]) {
      assert.ok(store.has(root) && store.has(config) && store.has(layer));
    }
    store.names.remove("named:1");
    store.releaseLease("container/1");
    assert.equal((await store.collect()).blobs.length, 6);
  });

  test("an ended lease holds nothing and takes nothing", async () => {
    using store = openStore(freshRoot());
    const lease = store.lease();
    lease.release();
    await assert.rejects(
      store.put(describeBytes(Buffer.from("x")), Buffer.from("x"), { lease }),
      failsWith("failed-precondition", /has ended/),
    );
  });

  test("partial blobs go by age, never while written", async () => {
    using store = openStore(freshRoot());
    using lease = store.lease();
    const descriptor = describeBytes(Buffer.from("partial"));
    const ingest = await store.ingest(descriptor, { lease });
    await ingest?.write(Buffer.from("part"));
    assert.equal((await store.collect({ interrupted: true })).partials, 0);
    await ingest?.[Symbol.asyncDispose]();
    assert.equal((await store.collect()).partials, 0);
    const { partials, bytes } = await store.collect({ interrupted: true });
    assert.deepEqual({ partials, bytes }, { partials: 1, bytes: 4 });
  });

  test("an index may name anything: loops, layers called manifests, absent content", async () => {
    using store = openStore(freshRoot());
    const lease = store.lease();
    const { root, layer } = await storeImage(store, lease, "strange");
    const entry = { ...layer, mediaType: MediaType.imageManifest };
    const nested = Buffer.from(
      JSON.stringify({ schemaVersion: 2, manifests: [entry, root, ...Array<Descriptor>(1000).fill(root)] }),
    );
    const index = describeBytes(nested, MediaType.imageIndex);
    await store.put(index, nested, { lease });
    const absent = describeBytes(Buffer.from("other platform"), MediaType.imageManifest);
    const top = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [index, absent, index] }));
    const topIndex = describeBytes(top, MediaType.imageIndex);
    await store.put(topIndex, top, { lease });
    store.names.set("strange:1", topIndex);
    lease.release();
    assert.deepEqual((await store.collect()).blobs, []);
  });

  test("nothing is collected while a document that leads on is damaged", async () => {
    using store = openStore(freshRoot());
    const lease = store.lease();
    const { root } = await storeImage(store, lease, "damaged");
    store.names.set("damaged:1", root);
    lease.release();
    writeFileSync(store.path(root.digest), "{".repeat(root.size));
    await assert.rejects(store.collect(), failsWith("data-loss", /nothing is collected/));
  });
});
