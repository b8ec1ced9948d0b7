import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { openStore } from "../../src/content/index.ts";
import { pull } from "../../src/image/index.ts";
import { createRegistry, memoryStorage } from "../../src/registry/index.ts";
import { parseManifest } from "../../src/spec/index.ts";
import { openSink, openSource } from "../../src/transport/index.ts";
import { type Registry, repository, startRegistry, temporaryDirectory } from "../support/index.ts";
import { type Forwarder, startForwarder } from "./forwarder.ts";
import { copy, writeSample } from "./sample-image.ts";

const MIB = 1024 * 1024;
const directory = temporaryDirectory("resume");
const at = (name: string): string => join(directory.path, name);

let registry: Registry;
let forwarder: Forwarder;
before(async () => {
  registry = await startRegistry();
  forwarder = await startForwarder(registry.address);
  {
    await using sink = await openSink(`oci:${at("sample")}:v1`);
    await writeSample(sink, 12);
  }
  using store = openStore(at("full"));
  await using source = await openSource(`oci:${at("sample")}:v1`);
  await pull(store, source, { name: "sample:1" });
  await using sink = await openSink(`docker://${registry.address}/there:1`);
  await copy(source, sink);
});
after(async () => {
  await forwarder[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  directory[Symbol.dispose]();
});
beforeEach(() => {
  forwarder.seen.length = 0;
  forwarder.swallow = () => false;
  forwarder.stuckAfter = Number.POSITIVE_INFINITY;
});

function transfer(...args: string[]): ChildProcess {
  const script = join(repository, "test/transport/transfer-process.ts");
  return spawn(process.execPath, [script, ...args], { stdio: ["ignore", "ignore", "inherit"] });
}

/** Resolves with the exit code, or the name of the signal. */
function ended(child: ChildProcess): Promise<number | string | null> {
  return new Promise((resolve) => child.once("exit", (code, signal) => resolve(code ?? signal)));
}

const requests = (method: string, part: string) =>
  forwarder.seen.filter((request) => request.method === method && request.url.includes(part));

async function verify(root: string, name: string): Promise<void> {
  using store = openStore(root);
  const { descriptor } = store.names.get(name)!;
  const manifest = parseManifest(await store.read(descriptor), descriptor.mediaType);
  for (const blob of [manifest.config, ...manifest.layers]) await store.read(blob, { verify: true });
}

/** Corten's own registry on loopback, in memory. */
async function serveRegistry(): Promise<AsyncDisposable & { readonly address: string }> {
  const own = createRegistry({ storage: memoryStorage() });
  const server = createServer(own.handler);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await own[Symbol.asyncDispose]();
    },
  };
}

/** Bytes of the largest blob that is on its way into a store. */
function partialSize(root: string): number {
  const ingest = join(root, "content/ingest");
  const sizes = readdirSync(ingest).map((name) => statSync(join(ingest, name)).size);
  return Math.max(0, ...sizes);
}

test("a pull that was killed goes on where it was, in another process", async () => {
  const root = at("pulled");
  const name = `${forwarder.address}/there:1`;
  forwarder.stuckAfter = 5 * MIB;
  const first = transfer("pull", root, name);
  const end = ended(first);
  await forwarder.until(() => forwarder.seen.some(({ answered }) => answered > 4 * MIB));
  while (partialSize(root) < 2 * MIB) await sleep(5);
  first.kill("SIGKILL");
  assert.equal(await end, "SIGKILL");
  const had = partialSize(root);

  forwarder.seen.length = 0;
  forwarder.stuckAfter = Number.POSITIVE_INFINITY;
  assert.equal(await ended(transfer("pull", root, name)), 0);
  const [range] = requests("GET", "/blobs/").flatMap(({ headers }) => headers.range ?? []);
  assert.equal(range, `bytes=${had}-`);
  await verify(root, name);
});

test("two processes that pull one image at once fetch each blob once", async () => {
  const name = `${forwarder.address}/there:1`;
  const ends = await Promise.all([1, 2].map(() => ended(transfer("pull", at("shared"), name))));
  assert.deepEqual(ends, [0, 0]);
  const blobs = requests("GET", "/blobs/").filter(({ headers }) => headers.range === undefined);
  assert.equal(new Set(blobs.map(({ url }) => url)).size, 3);
  assert.equal(blobs.length, 3);
  await verify(at("shared"), name);
});

test("a push that was killed between two chunks goes on behind the last one", async () => {
  const target = `${forwarder.address}/chunks:1`;
  let patches = 0;
  forwarder.swallow = ({ method }) => method === "PATCH" && ++patches === 3;
  const first = transfer("push", at("full"), target, String(2 * MIB));
  const end = ended(first);
  await forwarder.until(() => requests("PATCH", "/uploads/").length === 3);
  first.kill("SIGKILL");
  assert.equal(await end, "SIGKILL");

  forwarder.seen.length = 0;
  assert.equal(await ended(transfer("push", at("full"), target, String(2 * MIB))), 0);
  const [resumed] = requests("PATCH", "/uploads/");
  assert.equal(resumed!.headers["content-range"], `${4 * MIB}-${6 * MIB - 1}`);
  await using source = await openSource(`docker://${registry.address}/chunks:1`);
  using store = openStore(at("checked"));
  await pull(store, source, { name: "checked:1" });
});

test("a push that was killed within a request begins anew where the registry cannot go on", async () => {
  const target = `${forwarder.address}/whole:1`;
  // Distribution 2.8 drops a session that has more than the state in its URL says.
  forwarder.stuckAfter = 5 * MIB;
  const first = transfer("push", at("full"), target);
  const end = ended(first);
  await forwarder.until(() => forwarder.seen.some(({ asked }) => asked > 4 * MIB));
  first.kill("SIGKILL");
  assert.equal(await end, "SIGKILL");
  forwarder.stuckAfter = Number.POSITIVE_INFINITY;
  forwarder.seen.length = 0;
  assert.equal(await ended(transfer("push", at("full"), target)), 0);
  assert.ok(requests("GET", "/uploads/").length > 0, "the registry was asked first");
  await using source = await openSource(`docker://${registry.address}/whole:1`);
  using store = openStore(at("whole"));
  await pull(store, source, { name: "whole:1" });
});

test("a push that was killed within a request goes on where Corten's registry has it", async () => {
  await using served = await serveRegistry();
  await using between = await startForwarder(served.address);
  const target = `${between.address}/ours:1`;
  between.stuckAfter = 5 * MIB;
  const first = transfer("push", at("full"), target);
  const end = ended(first);
  await between.until(() => between.seen.some(({ asked }) => asked > 4 * MIB));
  first.kill("SIGKILL");
  assert.equal(await end, "SIGKILL");

  between.stuckAfter = Number.POSITIVE_INFINITY;
  between.seen.length = 0;
  assert.equal(await ended(transfer("push", at("full"), target)), 0);
  const [resumed] = between.seen.filter(({ method }) => method === "PATCH");
  const offset = Number(/^([0-9]+)-/.exec(resumed!.headers["content-range"] ?? "")?.[1]);
  assert.ok(offset > 4 * MIB, `it went on at ${offset}`);
  await using source = await openSource(`docker://${served.address}/ours:1`);
  using store = openStore(at("from-ours"));
  await pull(store, source, { name: "ours:1" });
});

test("two processes that push one image at once send a large blob once", async () => {
  const target = `${forwarder.address}/twice:1`;
  const ends = await Promise.all([1, 2].map(() => ended(transfer("push", at("full"), target))));
  assert.deepEqual(ends, [0, 0]);
  assert.equal(requests("PATCH", "/uploads/").length, 1);
});
