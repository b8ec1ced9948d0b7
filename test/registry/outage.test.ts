import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, renameSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { temporaryDirectory } from "../support/index.ts";
import { type PostgresqlServer, startPostgresql } from "../support/postgresql.ts";
import { BUILD_TIMEOUT_MS, type S3Server, startS3Server } from "../support/s3-server/index.ts";
import { digestOf } from "./digest.ts";
import { push } from "./event-receiver.ts";
import { type ServedRegistry, serveRegistry } from "./registry-server.ts";
import { type SeveredProxy, startSeveredProxy } from "./severed-proxy.ts";

const MIB = 1024 * 1024;
const TYPE = "application/vnd.oci.image.index.v1+json";

describe("a registry whose database or bucket goes away and comes back", () => {
  const directory = temporaryDirectory("outage");
  let s3: S3Server;
  let bucket: SeveredProxy;
  let postgresql: PostgresqlServer;
  let registry: ServedRegistry;

  before(
    async () => {
      s3 = await startS3Server();
      bucket = await startSeveredProxy(Number(new URL(s3.endpoint).port));
      postgresql = startPostgresql();
      const { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey } = s3.credentials;
      writeFileSync(join(directory.path, "keys.json"), JSON.stringify({ AccessKeyId, SecretAccessKey }), {
        mode: 0o600,
      });
      const endpoint = `http://127.0.0.1:${bucket.port}`;
      const storage = {
        s3: { endpoint, bucket: s3.bucket, credentials: "keys.json", partSize: 5 * MIB },
        postgresql: { url: postgresql.url },
      };
      writeFileSync(join(directory.path, "registry.yaml"), JSON.stringify({ access: "open", storage }));
      registry = await serveRegistry(directory.path, {
        args: ["--config", join(directory.path, "registry.yaml")],
      });
    },
    { timeout: BUILD_TIMEOUT_MS },
  );
  after(async () => {
    await registry?.[Symbol.asyncDispose]();
    postgresql?.[Symbol.dispose]();
    await bucket?.[Symbol.asyncDispose]();
    await s3?.[Symbol.asyncDispose]();
    directory[Symbol.dispose]();
  });

  const call = (method: string, path: string, body?: Uint8Array | string, headers = {}) =>
    fetch(new URL(path, `http://${registry.address}`), {
      method,
      headers,
      ...(body === undefined ? {} : { body }),
    });

  async function isUnavailable(response: Response): Promise<void> {
    const { errors } = (await response.json()) as { errors: { code: string; message: string }[] };
    assert.equal(response.status, 503, JSON.stringify(errors));
    assert.match(response.headers.get("retry-after") ?? "", /^\d+$/);
    assert.equal(errors[0]!.code, "UNAVAILABLE");
    assert.doesNotMatch(
      errors[0]!.message,
      /postgres|127\.0\.0\.1|ECONN/,
      "what is behind it is nobody's business",
    );
  }

  /** Waits for an answer of `/readyz`, which the last look at the bucket may be behind of. */
  async function readiness(status: number): Promise<void> {
    while ((await call("GET", "/readyz")).status !== status) await pause(100);
    assert.equal((await call("GET", "/healthz")).status, 200);
  }

  /** Sends what is left of an upload, from where the registry says that it stands, as clients do. */
  async function finish(location: string, content: Uint8Array): Promise<void> {
    const status = await call("GET", location);
    assert.equal(status.status, 204);
    const end = /^0-(\d+)$/.exec(status.headers.get("range") ?? "")?.[1];
    const from = end === undefined || end === "0" ? 0 : Number(end) + 1;
    const put = await call("PUT", `${location}?digest=${digestOf(content)}`, content.subarray(from));
    assert.equal(put.status, 201, await put.text());
    const got = await call("GET", `/v2/a/blobs/${digestOf(content)}`);
    assert.ok(Buffer.from(await got.arrayBuffer()).equals(Buffer.from(content)));
  }

  test("the database ends in the middle of a push", async () => {
    await push(registry.address, "a", "before");
    const content = randomBytes(12 * MIB);
    const location = (await call("POST", "/v2/a/blobs/uploads/")).headers.get("location") ?? "";
    const first = await call("PATCH", location, content.subarray(0, 6 * MIB));
    assert.equal(first.status, 202);
    postgresql.stop();
    await isUnavailable(await call("PATCH", location, content.subarray(6 * MIB, 7 * MIB)));
    await isUnavailable(await call("GET", "/v2/a/manifests/before"));
    const index = JSON.stringify({ schemaVersion: 2, mediaType: TYPE, manifests: [] });
    await isUnavailable(await call("PUT", "/v2/a/manifests/x", index, { "Content-Type": TYPE }));
    assert.equal((await call("GET", "/readyz")).status, 503);
    assert.equal((await call("GET", "/healthz")).status, 200);
    postgresql.start();
    assert.equal((await call("GET", "/readyz")).status, 200);
    await finish(location, content);
    await push(registry.address, "a", "after");
    for (const tag of ["before", "after"])
      assert.equal((await call("GET", `/v2/a/manifests/${tag}`)).status, 200);
  });

  test("the database ends while many pull and push: each request is answered well or by 503", async () => {
    const statuses = new Map<number, number>();
    const acknowledged: string[] = [];
    let running = true;
    const clients = Array.from({ length: 8 }, async (_, client) => {
      for (let round = 0; running; round++) {
        const tag = `c${client}-${round}`;
        const body = JSON.stringify({
          schemaVersion: 2,
          mediaType: TYPE,
          manifests: [],
          annotations: { tag },
        });
        const put = await call("PUT", `/v2/a/manifests/${tag}`, body, { "Content-Type": TYPE });
        await put.arrayBuffer();
        const got = await call("GET", "/v2/a/manifests/before");
        await got.arrayBuffer();
        if (put.status === 201) acknowledged.push(tag);
        for (const { status } of [put, got]) statuses.set(status, (statuses.get(status) ?? 0) + 1);
        if (put.status === 503) await pause(20);
      }
    });
    for (let time = 0; time < 3; time++) {
      await pause(500);
      postgresql.stop();
      await pause(300);
      postgresql.start();
    }
    await pause(500);
    running = false;
    await Promise.all(clients);
    assert.deepEqual([...statuses.keys()].toSorted(), [200, 201, 503]);
    assert.ok(acknowledged.length > 0);
    for (const tag of acknowledged)
      assert.equal((await call("HEAD", `/v2/a/manifests/${tag}`)).status, 200, tag);
    assert.equal(await registry.end("SIGTERM"), 0, registry.output());
    registry = await serveRegistry(directory.path, {
      args: ["--config", join(directory.path, "registry.yaml")],
    });
  });

  test("the bucket cannot be reached in the middle of a push and of a pull", async () => {
    const content = randomBytes(12 * MIB);
    const location = (await call("POST", "/v2/a/blobs/uploads/")).headers.get("location") ?? "";
    assert.equal((await call("PATCH", location, content.subarray(0, 6 * MIB))).status, 202);
    const small = randomBytes(1000);
    const begun = await call("POST", `/v2/a/blobs/uploads/?digest=${digestOf(small)}`, small);
    assert.equal(begun.status, 201);
    await bucket.down();
    await isUnavailable(await call("PATCH", location, content.subarray(6 * MIB)));
    await readiness(503);
    await isUnavailable(await call("GET", `/v2/a/blobs/${digestOf(small)}`));
    assert.equal((await call("HEAD", `/v2/a/blobs/${digestOf(small)}`)).status, 200, "rows know its size");
    assert.equal((await call("GET", "/v2/a/manifests/before")).status, 200, "manifests are rows");
    await bucket.up();
    assert.equal((await call("GET", `/v2/a/blobs/${digestOf(small)}`)).status, 200);
    await readiness(200);
    await finish(location, content);
  });

  test("the bucket takes connections and says nothing", async () => {
    const content = randomBytes(6 * MIB);
    const location = (await call("POST", "/v2/a/blobs/uploads/")).headers.get("location") ?? "";
    assert.equal((await call("PATCH", location, content.subarray(0, 3 * MIB))).status, 202);
    bucket.mute();
    await readiness(503);
    await isUnavailable(await call("PATCH", location, content.subarray(3 * MIB)));
    bucket.unmute();
    await readiness(200);
    await finish(location, content);
  });
});

test("a directory that went away makes a registry unready until it is back", async () => {
  using directory = temporaryDirectory("outage-directory");
  await using registry = await serveRegistry(directory.path);
  const ready = async (): Promise<number> => (await fetch(`http://${registry.address}/readyz`)).status;
  assert.equal(await ready(), 200);
  const content = readdirSync(directory.path, { recursive: true, encoding: "utf8" })
    .map((name) => join(directory.path, name))
    .find((path) => path.endsWith("/content"));
  assert.ok(content !== undefined);
  renameSync(content, `${content}-away`);
  mkdirSync(content); // as a mount point that lost its disk
  while ((await ready()) !== 503) await pause(100);
  rmdirSync(content);
  renameSync(`${content}-away`, content);
  while ((await ready()) !== 200) await pause(100);
});
