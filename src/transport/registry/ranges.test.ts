import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { after, afterEach, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { isCortenError, parseReference } from "../../spec/index.ts";
import { collect, describe } from "../testing-image.ts";
import { openRegistrySource } from "./index.ts";
import type { RangeOptions } from "./options.ts";
import type { RegistrySource } from "./source.ts";
import { RegistryDouble } from "./testing-registry.ts";

const KIB = 1024;
const bytes = Buffer.from(Uint32Array.from({ length: 250_007 }, (_, index) => index * 2_654_435_761).buffer);
const blob = describe(bytes, "x/y");

let registry: RegistryDouble;
before(async () => {
  registry = await RegistryDouble.start();
  registry.blobs.set(blob.digest, bytes);
});
after(() => registry[Symbol.asyncDispose]());
afterEach(() => {
  registry.intercept = () => false;
  registry.seen.length = 0;
});

function source(ranges: RangeOptions = {}): RegistrySource {
  return openRegistrySource(parseReference(`${registry.host}/a/b:1`), {
    credentials: "anonymous",
    backoff: 2,
    attempts: 3,
    ranges: { connections: 3, size: 64 * KIB, enough: 1e15, ...ranges },
  });
}

/** What a GET of the blob asks for, and its answer in slow pieces. `cut` ends an answer early. */
class SlowServer {
  open = 0;
  mostOpen = 0;
  cut: (range: string | undefined) => number = () => Number.POSITIVE_INFINITY;
  ranges = true;

  readonly intercept = (request: IncomingMessage, response: ServerResponse): boolean => {
    if (!request.url!.includes("/blobs/")) return false;
    const { range } = request.headers;
    const [, from, to] = /^bytes=([0-9]+)-([0-9]*)$/.exec(range ?? "") ?? [];
    const partial = from !== undefined && this.ranges;
    const start = partial ? Number(from) : 0;
    const end = partial && to ? Number(to) + 1 : bytes.length;
    const head = { "content-length": String(end - start) };
    if (partial)
      response.writeHead(206, { ...head, "content-range": `bytes ${start}-${end - 1}/${bytes.length}` });
    else response.writeHead(200, head);
    this.mostOpen = Math.max(this.mostOpen, ++this.open);
    let counted = true;
    const done = (): void => {
      if (counted) this.open--;
      counted = false;
    };
    response.once("close", done);
    void this.#send(response, start, end, this.cut(range), done);
    return true;
  };

  async #send(
    response: ServerResponse,
    start: number,
    end: number,
    limit: number,
    done: () => void,
  ): Promise<void> {
    for (let at = start; at < end && !response.destroyed; at += 16 * KIB) {
      if (at - start >= limit) {
        response.destroy();
        return;
      }
      // The client may be back with its next request before this side sees the end of the last one.
      if (at + 16 * KIB >= end) done();
      response.write(bytes.subarray(at, Math.min(at + 16 * KIB, end)));
      await sleep(1);
    }
    response.end();
  }
}

const rangesAsked = () => registry.requests("GET", "/blobs/").map(({ headers }) => headers.range);

test("a blob that found no connection free until its end has no more bytes than it has", async () => {
  const server = new SlowServer();
  registry.intercept = server.intercept;
  await using from = source({ connections: 1 });
  const holder = (await from.blob(blob))[Symbol.asyncIterator]();
  const askedForRanges = () => registry.seen.some(({ headers }) => headers.range?.endsWith("-") === false);
  while (!askedForRanges()) await holder.next();
  const chunks: Uint8Array[] = [];
  let read = 0;
  for await (const chunk of await from.blob(blob)) {
    chunks.push(chunk);
    read += chunk.length;
    // The only connection is free again when no range would be worth it.
    if (read > bytes.length - 64 * KIB) await holder.return?.();
  }
  assert.equal(read, bytes.length);
  assert.equal(describe(Buffer.concat(chunks), "x/y").digest, blob.digest);
});

test("a slow connection is helped by others, and the bytes come in order", async () => {
  const server = new SlowServer();
  registry.intercept = server.intercept;
  await using from = source();
  assert.equal(describe(await collect(await from.blob(blob)), "x/y").digest, blob.digest);
  const [first, second, ...rest] = rangesAsked();
  assert.equal(first, undefined, "the beginning is asked for without a range");
  assert.match(second!, /^bytes=[0-9]+-[0-9]+$/);
  assert.ok(rest.length > 8, `${rest.length} more ranges`);
  assert.ok(server.mostOpen > 2 && server.mostOpen <= 4, `${server.mostOpen} connections at once`);
});

test("a fast connection stays alone, and so does one that may have no others", async () => {
  for (const ranges of [{ enough: 1 }, { connections: 0 }, { size: bytes.length }]) {
    registry.seen.length = 0;
    await using from = source(ranges);
    assert.equal((await collect(await from.blob(blob))).length, bytes.length);
    assert.deepEqual(rangesAsked(), [undefined]);
  }
});

test("no more is kept in memory than the ranges at work", async () => {
  const server = new SlowServer();
  registry.intercept = server.intercept;
  await using from = source();
  let read = 0;
  for await (const chunk of await from.blob(blob)) {
    read += chunk.length;
    const furthest = Math.max(
      ...rangesAsked().map((range) => Number(/-([0-9]+)$/.exec(range ?? "")?.[1] ?? 0)),
    );
    assert.ok(furthest < read + 6 * 64 * KIB, `asked for ${furthest} when ${read} bytes were read`);
  }
  assert.equal(read, bytes.length);
});

test("a server without ranges is read over one connection", async () => {
  const server = new SlowServer();
  server.ranges = false;
  registry.intercept = server.intercept;
  await using from = source();
  assert.equal(describe(await collect(await from.blob(blob)), "x/y").digest, blob.digest);
});

test("each range goes on where it is cut; one that never moves fails the read in its turn", async () => {
  const server = new SlowServer();
  registry.intercept = server.intercept;
  server.cut = (range) => (range === undefined ? Number.POSITIVE_INFINITY : 32 * KIB);
  await using from = source();
  assert.equal(describe(await collect(await from.blob(blob)), "x/y").digest, blob.digest);
  server.cut = (range) => (range?.endsWith("-") === false ? 0 : Number.POSITIVE_INFINITY);
  let read = 0;
  await assert.rejects(
    (async () => {
      for await (const chunk of await from.blob(blob)) read += chunk.length;
    })(),
    (error) => isCortenError(error, "unavailable"),
  );
  assert.ok(read > 64 * KIB, `${read} bytes came before`);
});

test("who stops reading stops all connections", async () => {
  const server = new SlowServer();
  registry.intercept = server.intercept;
  await using from = source();
  for await (const _ of await from.blob(blob)) if (server.open > 2) break;
  while (server.open > 0) await sleep(1);
});

test("what is put together is the blob, whatever the sizes", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 30_000, max: 300_000 }),
      fc.integer({ min: 0, max: 4 }),
      fc.integer({ min: 0, max: bytes.length }),
      async (size, connections, offset) => {
        await using from = source({ size, connections });
        const found = await collect(await from.blob(blob, { offset }));
        assert.ok(bytes.subarray(offset).equals(found));
      },
    ),
    { numRuns: 40 },
  );
});
