import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { temporaryDirectory } from "../support/index.ts";
import { type PostgresqlServer, startPostgresql } from "../support/postgresql.ts";
import { BUILD_TIMEOUT_MS, type S3Server, startS3Server } from "../support/s3-server/index.ts";
import { push, startReceiver } from "./event-receiver.ts";
import { type ServedRegistry, serveRegistry } from "./registry-server.ts";

const MIB = 1024 * 1024;

describe("two servers with one bucket and one database", () => {
  const directory = temporaryDirectory("shared");
  const servers: ServedRegistry[] = [];
  let receiver: Awaited<ReturnType<typeof startReceiver>>;
  let s3: S3Server;
  let postgresql: PostgresqlServer;

  async function start(): Promise<ServedRegistry> {
    const server = await serveRegistry(directory.path, {
      args: ["--config", join(directory.path, "registry.yaml")],
    });
    servers.push(server);
    return server;
  }

  before(
    async () => {
      s3 = await startS3Server();
      postgresql = startPostgresql();
      const { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey } = s3.credentials;
      writeFileSync(join(directory.path, "keys.json"), JSON.stringify({ AccessKeyId, SecretAccessKey }), {
        mode: 0o600,
      });
      const { endpoint, bucket } = s3;
      const storage = {
        s3: { endpoint, bucket, credentials: "keys.json" },
        postgresql: { url: postgresql.url },
      };
      receiver = await startReceiver();
      const webhooks = [{ url: receiver.url, kinds: ["manifest-pushed"], repositories: ["told/**"] }];
      const config = { access: "open", storage, events: { webhooks } };
      writeFileSync(join(directory.path, "registry.yaml"), JSON.stringify(config));
    },
    { timeout: BUILD_TIMEOUT_MS },
  );
  after(async () => {
    for (const server of servers) await server[Symbol.asyncDispose]();
    await receiver?.[Symbol.asyncDispose]();
    postgresql?.[Symbol.dispose]();
    await s3?.[Symbol.asyncDispose]();
    directory[Symbol.dispose]();
  });

  test("an upload that a killed server began is finished on another, and both see the same at once", async () => {
    const [one, two] = [await start(), await start()];
    const content = randomBytes(20 * MIB);
    const digest = `sha256:${createHash("sha256").update(content).digest("hex")}`;
    const begun = await fetch(`http://${one.address}/v2/a/b/blobs/uploads/`, { method: "POST" });
    const session = new URL(begun.headers.get("location") ?? "", `http://${one.address}`).pathname;
    const first = await fetch(`http://${one.address}${session}`, {
      method: "PATCH",
      body: content.subarray(0, 11 * MIB),
    });
    assert.equal(first.status, 202);
    await one.end("SIGKILL");
    const status = await fetch(`http://${two.address}${session}`);
    assert.equal(status.headers.get("range"), `0-${11 * MIB - 1}`);
    const put = await fetch(`http://${two.address}${session}?digest=${digest}`, {
      method: "PUT",
      body: content.subarray(11 * MIB),
    });
    assert.equal(put.status, 201);

    const three = await start();
    const body = JSON.stringify({
      schemaVersion: 2,
      config: { mediaType: "application/x", digest, size: content.length },
      layers: [],
    });
    const type = "application/vnd.oci.image.manifest.v1+json";
    const pushed = await fetch(`http://${three.address}/v2/a/b/manifests/v1`, {
      method: "PUT",
      headers: { "content-type": type },
      body,
    });
    assert.equal(pushed.status, 201);
    assert.equal(await (await fetch(`http://${two.address}/v2/a/b/manifests/v1`)).text(), body);
    const blob = await fetch(`http://${three.address}/v2/a/b/blobs/${digest}`);
    assert.ok(Buffer.from(await blob.arrayBuffer()).equals(content));
    const manifest = pushed.headers.get("docker-content-digest");
    assert.equal(
      (await fetch(`http://${two.address}/v2/a/b/manifests/${manifest}`, { method: "DELETE" })).status,
      202,
    );
    assert.equal((await fetch(`http://${three.address}/v2/a/b/manifests/v1`)).status, 404);
    assert.equal(
      (await fetch(`http://${three.address}/v2/a/b/blobs/${digest}`, { method: "DELETE" })).status,
      202,
    );
    assert.equal((await fetch(`http://${two.address}/v2/a/b/blobs/${digest}`)).status, 404);
  });

  test("one of them delivers an event, and when it is killed in between, another does", async () => {
    const [one, two, three] = [await start(), await start(), await start()];
    const tags = Array.from({ length: 12 }, (_, index) => `t${index}`);
    for (const [index, tag] of tags.entries()) {
      for (const name of ["told/a", "told/b"]) await push([one, two, three][index % 3]!.address, name, tag);
    }
    await receiver.until(() => receiver.told.length >= 24);
    const ordered = (name: string) =>
      receiver.told.filter(({ repository }) => repository === name).map(({ tag }) => tag);
    assert.deepEqual(ordered("told/a"), tags);
    assert.deepEqual(ordered("told/b"), tags);
    assert.equal(new Set(receiver.told.map(({ id }) => id)).size, 24);

    receiver.state.answer = "silence";
    await push(one.address, "told/a", "held");
    await receiver.until(() => receiver.silent.length > 0);
    await push(two.address, "told/a", "next");
    await one.end("SIGKILL"); // as a rule it has the event, being the first to know of it
    receiver.state.answer = 204;
    for (const response of receiver.silent) response.destroy();
    await receiver.until(() => ordered("told/a").length >= 14);
    assert.deepEqual(ordered("told/a").slice(12), ["held", "next"]);
  });
});
