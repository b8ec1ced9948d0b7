import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  createRegistry,
  memoryStorage,
  openFilesystemStorage,
  openPostgresqlMetadata,
  type RegistryStorage,
  S3Blobs,
} from "../../../src/registry/index.ts";
import { temporaryDirectory } from "../../support/index.ts";
import { startPostgresql } from "../../support/postgresql.ts";
import { buildS3Server, startS3Server } from "../../support/s3-server/index.ts";
import { buildSuite, currentSuite, ginkgoSuite, runCurrent, runGinkgo, type SuiteResult } from "./suite.ts";

const BUILD_TIMEOUT = 1_700_000;
const RUN_TIMEOUT = 300_000;
const listFile = join(import.meta.dirname, "passing.json");
const update = process.env["UPDATE"] === "1";

/** Cases that pass, by suite: how often a name occurs. */
const passing = JSON.parse(readFileSync(listFile, "utf8")) as Record<string, Record<string, number>>;

const stores: Readonly<Record<string, (directory: string) => RegistryStorage | Promise<RegistryStorage>>> = {
  memory: () => memoryStorage(),
  "file system": (directory) => openFilesystemStorage(join(directory, "registry")),
  "S3 and PostgreSQL": openSharedStorage,
};

/** Servers that a store needs, stopped at the end. */
const servers = new AsyncDisposableStack();

/** A bucket and a database as several registry servers share them. */
async function openSharedStorage(): Promise<RegistryStorage> {
  const s3 = servers.use(await startS3Server());
  const { url } = servers.use(startPostgresql());
  const blobs = new S3Blobs(s3);
  const metadata = await openPostgresqlMetadata({ url });
  return {
    blobs,
    metadata,
    async [Symbol.asyncDispose]() {
      await blobs[Symbol.asyncDispose]();
      await metadata[Symbol.asyncDispose]();
    },
  };
}

const suites: Readonly<Record<string, (address: string, results: string) => Promise<SuiteResult>>> = {
  "main branch": runCurrent,
  "1.1": runGinkgo,
};

describe("distribution-spec conformance", { timeout: 3_000_000 }, () => {
  before(
    () => {
      buildSuite(currentSuite);
      buildSuite(ginkgoSuite);
      buildS3Server();
    },
    { timeout: BUILD_TIMEOUT },
  );
  after(() => servers.disposeAsync());

  for (const [store, open] of Object.entries(stores)) {
    for (const [suite, run] of Object.entries(suites)) {
      test(`${suite}, store: ${store}`, { timeout: RUN_TIMEOUT }, async () => {
        using scratch = temporaryDirectory("distribution");
        await using storage = await open(scratch.path);
        const failures: unknown[] = [];
        await using registry = createRegistry({
          storage,
          require: "nothing",
          onFailure: (error) => failures.push(error),
        });
        const server = createServer(registry.handler);
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
        try {
          const { passed, others } = await run(
            `127.0.0.1:${(server.address() as AddressInfo).port}`,
            scratch.path,
          );
          assert.deepEqual(others, [], "cases that failed or were skipped");
          assert.deepEqual(failures, []);
          if (update) {
            passing[suite] = passed;
            writeFileSync(listFile, `${JSON.stringify(passing, undefined, 2)}\n`);
          }
          assert.deepEqual(passed, passing[suite]);
        } finally {
          server.closeAllConnections();
          await new Promise((resolve) => server.close(resolve));
        }
      });
    }
  }
});
