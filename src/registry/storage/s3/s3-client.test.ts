import assert from "node:assert/strict";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { describe, test } from "node:test";
import { createRegistry } from "../../registry.ts";
import { memoryStorage } from "../memory/memory-storage.ts";
import { S3Blobs } from "./s3-blobs.ts";
import { S3Client } from "./s3-client.ts";
import type { S3Options } from "./s3-options.ts";

/** A service that takes connections and reads, and says only what it is told to. */
async function listening(
  hear: (socket: Socket, connection: number) => void,
): Promise<AsyncDisposable & { readonly connections: () => number; readonly options: S3Options }> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
    hear(socket, ++connections);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    connections: () => connections,
    options: {
      endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      bucket: "blobs",
      credentials: { accessKeyId: "key", secretAccessKey: "secret" },
      backoff: 1,
      budget: 400,
      idleTimeout: 400,
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const silent = (socket: Socket) => void socket.resume();
const answer = (socket: Socket) =>
  void socket.on("data", () => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));

async function rejection(work: Promise<unknown>): Promise<{ code?: string; message?: string }> {
  try {
    await work;
  } catch (error) {
    return error as { code?: string; message?: string };
  }
  assert.fail("nothing was thrown");
}

describe("an S3 service that takes connections and says nothing", () => {
  test("is tried no more than twice for what has no body", async () => {
    await using service = await listening(silent);
    const client = new S3Client(service.options);
    const { code, message } = await rejection(client.send({ method: "GET", key: "a" }));
    client.close();
    assert.equal(code, "unavailable");
    assert.match(message ?? "", /nothing was heard/);
    assert.ok(service.connections() <= 2, `${service.connections()} tries`);
  });

  test("is tried once for what has a body", async () => {
    await using service = await listening(silent);
    const client = new S3Client(service.options);
    const body = new Uint8Array(1000);
    assert.equal((await rejection(client.send({ method: "PUT", key: "a", body }))).code, "unavailable");
    client.close();
    assert.equal(service.connections(), 1);
  });

  test("is asked again when one connection was lost without a word", async () => {
    await using service = await listening((socket, connection) =>
      connection === 1 ? silent(socket) : answer(socket),
    );
    const client = new S3Client({ ...service.options, budget: 60_000 });
    assert.equal((await client.send({ method: "HEAD" })).status, 200);
    client.close();
    assert.ok(service.connections() > 1);
  });

  test("may stop in the middle of a reply", async () => {
    const part = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc";
    await using service = await listening((socket) => void socket.on("data", () => socket.write(part)));
    await using blobs = new S3Blobs(service.options);
    const work = async () => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of (await blobs.read("a", { start: 0, end: 10 })) ?? []) chunks.push(chunk);
    };
    await assert.rejects(work());
    const client = new S3Client(service.options);
    assert.equal((await rejection(client.send({ method: "GET", key: "a" }))).code, "unavailable");
    client.close();
  });

  test("makes a registry answer 503 with Retry-After, and lets go of the upload", async () => {
    let speaks = false;
    await using service = await listening((socket) => {
      socket.on("data", (data) => {
        if (!speaks) return;
        const status = data.toString("latin1").startsWith("PUT") ? "200 OK" : "404 Not Found";
        socket.write(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\n\r\n`);
      });
    });
    await using rows = memoryStorage();
    await using blobs = new S3Blobs(service.options);
    await using registry = createRegistry({ storage: { ...rows, blobs } });
    const server = createHttpServer(registry.handler);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const begun = await fetch(`${origin}/v2/a/blobs/uploads/`, { method: "POST" });
    const location = new URL(begun.headers.get("location") ?? "", origin);
    for (let time = 0; time < 2; time++) {
      const refused = await fetch(location, { method: "PATCH", body: "content" });
      assert.equal(refused.status, 503, await refused.text());
      assert.match(refused.headers.get("retry-after") ?? "", /^\d+$/);
    }
    speaks = true;
    // On a busy machine the first words may come later than they are waited for.
    let { status } = await fetch(location, { method: "PATCH", body: "content" });
    while (status === 503) ({ status } = await fetch(location, { method: "PATCH", body: "content" }));
    assert.equal(status, 202);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
});
