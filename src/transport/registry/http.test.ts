import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { isCortenError } from "../../spec/index.ts";
import { pieces } from "../testing-image.ts";
import { Connections } from "./http.ts";
import { readAll } from "./http-body.ts";
import { RegistryDouble } from "./testing-registry.ts";

let registry: RegistryDouble;
let connections: Connections;
before(async () => {
  registry = await RegistryDouble.start();
  connections = new Connections({
    insecure: false,
    idleTimeout: 2000,
    certificateDirectories: [],
    environment: {},
  });
});
after(async () => {
  await connections[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
});

const url = (host: string): URL => new URL(`http://${registry.host.replace("127.0.0.1", host)}/v2/`);

test("a guarded request connects to no other address, not even where a connection is open", async () => {
  for (const host of ["localhost", "127.0.0.1"]) {
    const open = await connections.send({ method: "GET", url: url(host) });
    assert.equal(Buffer.from(await readAll(open, 100)).toString(), "{}");
    const before = registry.seen.length;
    await assert.rejects(
      connections.send({ method: "GET", url: url(host), addresses: ["public", "private"] }),
      (error) => isCortenError(error, "permission-denied") && /an internal address/.test(error.message),
      host,
    );
    assert.equal(registry.seen.length, before, "nothing was sent");
    const allowed = await connections.send({ method: "GET", url: url(host), addresses: ["local"] });
    allowed.drop();
  }
});

test("connections are kept, whether the body was read or dropped", async () => {
  const sockets = new Set<unknown>();
  registry.intercept = (request) => {
    sockets.add(request.socket.remotePort);
    return false;
  };
  for (let round = 0; round < 4; round++) {
    const reply = await connections.send({ method: "GET", url: url("127.0.0.1") });
    if (round % 2 === 0) reply.drop();
    else await readAll(reply, 100);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  registry.intercept = () => false;
  assert.equal(sockets.size, 1);
});

test("an upload waits for the reader at the other end", async () => {
  const size = 64 * 1024 * 1024;
  let sent = 0;
  let seenBeforeReading = 0;
  async function* content(): AsyncGenerator<Uint8Array> {
    for await (const piece of pieces(new Uint8Array(size), 1024 * 1024)) {
      sent += piece.length;
      yield piece;
    }
  }
  registry.intercept = (request, response) => {
    setTimeout(() => {
      seenBeforeReading = sent;
      request.on("end", () => response.end("done")).resume();
    }, 200);
    return true;
  };
  const target = new URL("/v2/x/blobs/uploads/one", url("127.0.0.1"));
  const reply = await connections.send({ method: "PUT", url: target, body: { size, content: content() } });
  registry.intercept = () => false;
  assert.equal(Buffer.from(await readAll(reply, 100)).toString(), "done");
  assert.equal(sent, size);
  assert.ok(seenBeforeReading < size / 2, `${seenBeforeReading} bytes were buffered`);
});

test("what the content to send throws is what the request throws", async () => {
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield new Uint8Array(1000);
    throw new RangeError("the source broke");
  }
  const target = new URL("/v2/x/blobs/uploads/one", url("127.0.0.1"));
  await assert.rejects(
    connections.send({ method: "PUT", url: target, body: { size: 5000, content: broken() } }),
    (error) => error instanceof RangeError && error.message === "the source broke",
  );
});
