import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Metadata, RegistryStorage } from "../../../src/registry/index.ts";
import { memoryStorage, openFilesystemStorage, openPostgresqlMetadata } from "../../../src/registry/index.ts";
import { type PostgresqlServer, startPostgresql } from "../../support/postgresql.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";
import { describeEventQueue } from "./event-queue-contract.ts";
import { describeHousekeeping } from "./housekeeping-contract.ts";
import { describeMetadata } from "./metadata-contract.ts";

describe("memory", () => {
  const storage = memoryStorage();
  after(() => storage[Symbol.asyncDispose]());
  describeMetadata("SQLite in memory", () => storage.metadata);
  describeHousekeeping("SQLite in memory", () => storage.metadata);
  describeEventQueue("SQLite in memory", () => storage.metadata);
});

describe("a directory", () => {
  const directory = temporaryDirectory("metadata");
  const storage: RegistryStorage = openFilesystemStorage(directory.path);
  after(async () => {
    await storage[Symbol.asyncDispose]();
    directory[Symbol.dispose]();
  });
  describeMetadata("a SQLite file", () => storage.metadata);
  describeHousekeeping("a SQLite file", () => storage.metadata);
  describeEventQueue("a SQLite file", () => storage.metadata);
});

describe("PostgreSQL", () => {
  let server: PostgresqlServer;
  let metadata: Metadata;

  before(async () => {
    server = startPostgresql();
    metadata = await openPostgresqlMetadata({ url: server.url });
  });
  after(async () => {
    await metadata?.[Symbol.asyncDispose]();
    server?.[Symbol.dispose]();
  });

  describeMetadata("PostgreSQL", () => metadata);
  describeHousekeeping("PostgreSQL", () => metadata);
  describeEventQueue("PostgreSQL", () => metadata);

  test("servers that start at the same moment make the tables once, and see what the others do", async () => {
    const options = { url: server.url, schema: "another" };
    const opened = await Promise.all([1, 2, 3, 4].map(() => openPostgresqlMetadata(options)));
    const [first, second] = opened as [Metadata, Metadata];
    const digest = `sha256:${"ab".repeat(32)}` as const;
    await first.addBlob("seen", digest, { key: "key", size: 1 });
    assert.equal((await second.blob("seen", digest))?.key, "key");
    assert.equal(await metadata.blob("seen", digest), undefined);
    for (const each of opened) await each[Symbol.asyncDispose]();
  });

  test("a wrong address, a wrong name and a database that is not there are told apart", async () => {
    await assert.rejects(openPostgresqlMetadata({ url: "mysql://here" }), { code: "invalid-argument" });
    await assert.rejects(openPostgresqlMetadata({ url: server.url, schema: "A b" }), {
      code: "invalid-argument",
    });
    await assert.rejects(openPostgresqlMetadata({ url: "postgres://corten@127.0.0.1:1/none" }), {
      code: "unavailable",
    });
  });
});
