/** Mirrors that send something else than what was asked for: it is thrown away, and the next host is asked. */
import assert from "node:assert/strict";
import { readdirSync, writeFileSync } from "node:fs";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { openStore, type Store } from "../../src/content/index.ts";
import { copyBetween, pull, pullArtifact } from "../../src/image/index.ts";
import { createRegistry, memoryStorage } from "../../src/registry/index.ts";
import type { Digest } from "../../src/spec/index.ts";
import { isCortenError, parseManifest } from "../../src/spec/index.ts";
import type { MistrustedHost, RegistryOptions } from "../../src/transport/index.ts";
import { openSink, openSource, parsePlace } from "../../src/transport/index.ts";
import { commandOutput, corten, temporaryDirectory } from "../support/index.ts";
import { writeSample } from "./sample-image.ts";

const directory = temporaryDirectory("wrong-content");
const at = (name: string): string => join(directory.path, name);

/** Our own registry behind a hand that may change what it sends. */
class Host implements AsyncDisposable {
  address = "";
  readonly seen: { readonly method: string; readonly path: string; readonly range: string | undefined }[] =
    [];
  /** What is sent instead of a chunk; undefined cuts the connection. */
  spoil: (chunk: Buffer, path: string, offset: number) => Buffer | undefined = (chunk) => chunk;
  #close: () => Promise<void> = async () => {};

  static async start(): Promise<Host> {
    const registry = createRegistry({ storage: memoryStorage() });
    const host = new Host();
    const server = createServer(host.#between(registry.handler));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    host.address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    host.#close = async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await registry[Symbol.asyncDispose]();
    };
    return host;
  }

  #between(handler: RequestListener): RequestListener {
    return (request: IncomingMessage, response: ServerResponse) => {
      const { method = "", url = "", headers } = request;
      const path = url.replace(/\?.*/, "");
      if (path !== "/v2/") this.seen.push({ method, path, range: headers.range });
      if (method !== "GET" || path === "/v2/") return handler(request, response);
      const write = response.write.bind(response) as (chunk: unknown, ...rest: unknown[]) => boolean;
      const end = response.end.bind(response) as (chunk?: unknown, ...rest: unknown[]) => ServerResponse;
      let offset = 0;
      const changed = (chunk: unknown): unknown => {
        if (typeof chunk !== "string" && !(chunk instanceof Uint8Array)) return chunk;
        const bytes = Buffer.from(chunk as Uint8Array);
        const sent = this.spoil(bytes, path, offset);
        offset += bytes.length;
        if (sent === undefined) response.destroy();
        return sent ?? bytes;
      };
      Object.assign(response, {
        write: (chunk: unknown, ...rest: unknown[]) => write(changed(chunk), ...rest),
        end: (chunk?: unknown, ...rest: unknown[]) => end(changed(chunk), ...rest),
      });
      handler(request, response);
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }
}

let registry: Host;
let mirror: Host;
let second: Host;
let layer: Digest;
let root: Digest;
const told: MistrustedHost[] = [];

before(async () => {
  [registry, mirror, second] = [await Host.start(), await Host.start(), await Host.start()];
  for (const { address } of [registry, mirror, second]) {
    await using sink = await openSink(`docker://${address}/app:1`, {
      registry: { credentials: "anonymous" },
    });
    const document = await writeSample(sink, 1);
    root = document.descriptor.digest;
    layer = parseManifest(document.bytes, document.descriptor.mediaType).layers[1]!.digest;
  }
});
after(async () => {
  for (const host of [registry, mirror, second]) await host[Symbol.asyncDispose]();
  directory[Symbol.dispose]();
});
beforeEach(() => {
  told.length = 0;
  for (const host of [registry, mirror, second]) {
    host.seen.length = 0;
    host.spoil = (chunk) => chunk;
  }
});

let files = 0;
/** The registry with mirrors in front. */
function behind(...mirrors: readonly Host[]): RegistryOptions & { readonly registriesConf: string } {
  const path = at(`${++files}.conf`);
  const tables = mirrors.map(({ address }) => `[[registry.mirror]]\nlocation = "${address}"\n`);
  writeFileSync(path, `[[registry]]\nlocation = "${registry.address}"\n${tables.join("")}`);
  return {
    registriesConf: path,
    credentials: "anonymous",
    attempts: 2,
    backoff: 2,
    onMistrust: (host) => told.push(host),
  };
}

const flipped = (chunk: Buffer): Buffer => {
  const copy = Buffer.from(chunk);
  copy[copy.length >> 1]! ^= 1;
  return copy;
};
/** Spoils blobs, all of them or one. */
const blobs = (how: (chunk: Buffer, offset: number) => Buffer | undefined, digest = "") => {
  return (chunk: Buffer, path: string, offset: number) =>
    path.includes(`/blobs/${digest}`) ? how(chunk, offset) : chunk;
};

/** Pulls into a store of its own, and verifies all that is there then. */
async function pulled(options: RegistryOptions, use: (store: Store) => void = () => {}): Promise<void> {
  using store = openStore(at(`store-${++files}`));
  use(store);
  await using source = await openSource(`docker://${registry.address}/app:1`, { registry: options });
  const image = await pull(store, source, { name: "app:1" });
  assert.equal(image.root.digest, root);
  const manifest = parseManifest(await store.read(image.root), image.root.mediaType);
  for (const blob of [manifest.config, ...manifest.layers]) await store.read(blob, { verify: true });
  assert.deepEqual(readdirSync(join(store.directory, "ingest")), []);
}

for (const [what, spoil] of [
  ["other bytes", blobs(flipped)],
  ["other bytes of one layer", (...sent) => blobs(flipped, layer)(...sent)],
  ["too few bytes, again and again", blobs(() => undefined)],
  ["another manifest", (chunk, path) => (path.includes("/manifests/") ? flipped(chunk) : chunk)],
  ["nonsense", () => Buffer.from("<html>")],
] as readonly (readonly [string, Host["spoil"]])[]) {
  test(`a pull passes by a mirror that sends ${what}`, async () => {
    mirror.spoil = spoil;
    await pulled(behind(mirror));
    assert.ok(mirror.seen.length > 0 && registry.seen.length > 0);
    for (const { host } of told) assert.equal(host, mirror.address);
  });
}

test("who has sent wrong bytes is told once, with what was wrong, and is asked no more", async () => {
  mirror.spoil = blobs(flipped);
  await using source = await openSource(`docker://${registry.address}/app:1`, { registry: behind(mirror) });
  using store = openStore(at(`store-${++files}`));
  await pull(store, source, { name: "app:1", parallel: 1 });
  assert.equal(told.length, 1);
  assert.equal(told[0]!.host, mirror.address);
  assert.ok(isCortenError(told[0]!.error, "data-loss"));
  assert.match(told[0]!.error.message, /does not have that digest/);
  assert.equal(mirror.seen.filter(({ path }) => path.includes("/blobs/")).length, 1);
});

test("mirrors are passed by one after the other; the registry has the last word", async () => {
  for (const host of [mirror, second]) host.spoil = blobs(flipped);
  await pulled(behind(mirror, second));
  assert.deepEqual(
    told.map(({ host }) => host),
    [mirror.address, second.address],
  );
  told.length = 0;
  registry.spoil = blobs(flipped);
  await assert.rejects(pulled(behind(mirror, second)), (error) => {
    assert.ok(isCortenError(error, "data-loss"));
    assert.match(error.message, /does not have that digest/);
    return true;
  });
});

test("a beginning that an earlier pull got is thrown away with what a mirror adds to it", async () => {
  const options = behind(mirror);
  const name = at(`store-${++files}`);
  mirror.spoil = blobs((chunk, offset) => (offset > 100_000 ? undefined : flipped(chunk)), layer);
  registry.spoil = blobs(() => undefined, layer);
  {
    using store = openStore(name);
    await using source = await openSource(`docker://${registry.address}/app:1`, { registry: options });
    await assert.rejects(pull(store, source, { name: "app:1" }));
    assert.ok(readdirSync(join(store.directory, "ingest")).length > 0, "there is something to go on from");
  }
  registry.spoil = (chunk) => chunk;
  mirror.spoil = blobs(flipped, layer);
  using store = openStore(name);
  await using source = await openSource(`docker://${registry.address}/app:1`, { registry: options });
  await pull(store, source, { name: "app:1" });
  await store.read({ mediaType: "x/y", digest: layer, size: store.size(layer)! }, { verify: true });
});

test("ranges that several connections fetch are no other matter", async () => {
  mirror.spoil = blobs((chunk, offset) => (offset > 20_000 ? flipped(chunk) : chunk), layer);
  await pulled({ ...behind(mirror), ranges: { size: 64 * 1024, enough: Number.POSITIVE_INFINITY } });
  assert.ok(mirror.seen.some(({ range }) => range !== undefined));
  assert.equal(told.length, 1);
});

test("a copy passes by the mirror, whatever it copies to", async () => {
  const from = parsePlace(`docker://${registry.address}/app:1`);
  await using target = await Host.start();
  for (const to of [
    `oci:${at("layout")}:1`,
    `dir:${at("dir")}`,
    `oci-archive:${at("archive.tar")}:1`,
    `docker://${target.address}/copy:1`,
  ]) {
    told.length = 0;
    mirror.spoil = blobs(flipped);
    for (const resumableFrom of [1, 1e9]) {
      const copied = await copyBetween(from, parsePlace(to), {
        source: { registry: behind(mirror) },
        destination: { registry: { credentials: "anonymous", resumableFrom } },
      });
      assert.equal(copied.descriptor.digest, root);
    }
    await using source = await openSource(to);
    using store = openStore(at(`store-${++files}`));
    await pull(store, source, { name: "copied:1" });
  }
});

test("an artifact's files come from the next host, too", async () => {
  writeFileSync(at("note.txt"), "right\n");
  for (const { address } of [registry, mirror])
    await commandOutput(corten, ["artifact", "push", "-q", `${address}/note:1`, "note.txt"], {
      cwd: directory.path,
      env: { SOURCE_DATE_EPOCH: "0" },
    });
  mirror.spoil = blobs(flipped);
  await using note = await openSource(`docker://${registry.address}/note:1`, { registry: behind(mirror) });
  const { files: written } = await pullArtifact(note, at("notes"));
  assert.equal(written.length, 1);
  assert.equal(told.length, 1);
});

test("corten pull says which host it passes by", async () => {
  mirror.spoil = blobs(flipped);
  const { registriesConf } = behind(mirror);
  const script = `exec ${corten} --root ${at("data")} pull -q ${registry.address}/app:1 2>&1`;
  const output = await commandOutput("sh", ["-c", script], {
    env: { CONTAINERS_REGISTRIES_CONF: registriesConf, HOME: directory.path },
  });
  assert.match(output, new RegExp(`^Warning: ${mirror.address} is asked no more: .*digest`, "m"));
});
