import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, describe, test } from "node:test";
import postgres from "postgres";
import { createRegistry } from "../../src/registry/index.ts";
import { parseDigest } from "../../src/spec/index.ts";
import { temporaryDirectory } from "../support/index.ts";
import { type PostgresqlServer, startPostgresql } from "../support/postgresql.ts";
import { BUILD_TIMEOUT_MS, type S3Server, startS3Server } from "../support/s3-server/index.ts";
import { contentOf, digestOf, StormClient } from "./storm/client.ts";
import { KilledServers } from "./storm/servers.ts";
import { openStormStorage, type StormPlace } from "./storm/storage.ts";

/** So long a blob that nothing references stays: short, that collection and pushes meet. */
const GRACE = 1500;
const CLIENTS = 6;
/** `STORM_STEPS=2000 scripts/bun test …` for a longer one. */
const STEPS = Number(process.env["STORM_STEPS"] ?? 60);
const SEED = Number(process.env["STORM_SEED"] ?? Math.floor(Math.random() * 2 ** 31));

/** Numbers that a seed decides (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const scratch = temporaryDirectory("storm");
after(() => scratch[Symbol.dispose]());
const what = "push, pull, mount, delete and collection at once, servers killed: none lost, corrupt or leaked";

test(`${what} (a directory, seed ${SEED})`, async () => {
  const root = join(scratch.path, "root");
  await storm({ root }, async () => {
    using database = new DatabaseSync(join(root, "corten.db"));
    database.exec("UPDATE uploads SET held_until = 0");
  });
});

describe("with a bucket and PostgreSQL", () => {
  let s3: S3Server;
  let postgresql: PostgresqlServer;
  before(
    async () => {
      s3 = await startS3Server();
      postgresql = startPostgresql();
    },
    { timeout: BUILD_TIMEOUT_MS },
  );
  after(async () => {
    await s3?.[Symbol.asyncDispose]();
    postgresql?.[Symbol.dispose]();
  });

  test(`${what} (a bucket, seed ${SEED})`, async () => {
    const { endpoint, bucket, credentials } = s3;
    await storm({ s3: { endpoint, bucket, credentials }, postgresql: postgresql.url }, async () => {
      const url = new URL(postgresql.url);
      const host = url.searchParams.get("host") ?? "";
      url.searchParams.delete("host");
      const sql = postgres(url.href, { host });
      await sql`UPDATE corten_registry.uploads SET held_until = 0`;
      await sql.end();
    });
  });
});

/** @param forgetClaims lets a minute pass: so long the claims of requests hold that died with their server */
async function storm(place: StormPlace, forgetClaims: () => Promise<void>): Promise<void> {
  const names = Array.from({ length: CLIENTS }, (_, index) => `storm/client-${index}`);
  let clients: readonly StormClient[];
  {
    await using servers = new KilledServers(place, {
      count: 2,
      grace: GRACE,
      random: randomFrom(SEED),
      log: join(scratch.path, `servers-${"root" in place}.log`),
    });
    clients = names.map(
      (name, index) =>
        new StormClient(name, { servers, random: randomFrom(SEED + index + 1), others: names }),
    );
    try {
      await Promise.all(
        clients.map(async (client) => {
          for (let step = 0; step < STEPS; step++) await client.step();
        }),
      );
    } catch (error) {
      throw new Error(
        `seed ${SEED}, ${servers.kills} kills; the servers said: ${servers.log().slice(-3000)}`,
        {
          cause: error,
        },
      );
    }
    assert.ok(servers.kills > 2, "the storm was too short for a kill");
  }
  const done = clients.flatMap((client) => Object.keys(client.done));
  for (const what of ["push", "pull", "delete tag", "delete image"])
    assert.ok(done.includes(what), `no ${what}`);

  await forgetClaims();
  // Afterwards everything is old: what nothing needs goes, and what remains is exactly what was acknowledged.
  await using storage = await openStormStorage(place);
  const { metadata, blobs } = storage;
  await using registry = createRegistry({ storage, limits: { grace: -10_000, uploadAge: -10_000 } });
  await new Promise((resolve) => setTimeout(resolve, 10));
  await registry.collect();
  await registry.collect();
  const needed = new Set<string>();
  for (const client of clients) {
    assert.deepEqual(
      await metadata.tags(client.repository, { limit: 1000 }),
      client.images.size === 0 ? undefined : [...client.tags.keys()].toSorted(),
    );
    for (const [tag, digest] of client.tags) {
      assert.equal((await metadata.manifest(client.repository, tag))?.digest, digest);
    }
    for (const [digest, image] of client.images) {
      const stored = await metadata.readManifest(client.repository, parseDigest(digest));
      assert.equal(Buffer.from(stored?.bytes ?? "").toString(), image.text);
      for (const blob of image.blobs) {
        needed.add(blob);
        assert.ok(
          await metadata.blob(client.repository, parseDigest(blob)),
          `${blob} of ${client.repository} is lost`,
        );
      }
    }
  }
  assert.deepEqual((await registry.scrub()).damages, []);
  const kept: number[] = [];
  for await (const { size } of blobs.list()) kept.push(size);
  const sizes = Array.from({ length: 40 }, (_, index) => contentOf(index))
    .filter((content) => needed.has(digestOf(content)))
    .map(({ length }) => length);
  const byNumber = (a: number, b: number): number => a - b;
  assert.equal(await metadata.countUploads(), 0);
  assert.deepEqual(kept.toSorted(byNumber), sizes.toSorted(byNumber), "files that nothing needs are left");
  assert.deepEqual(await metadata.orphans(10), []);
}
