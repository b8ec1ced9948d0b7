import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { RegistryOptions } from "../options.ts";
import { createRegistry } from "../registry.ts";
import { memoryStorage } from "../storage/memory/memory-storage.ts";
import {
  digestOf,
  errorCode,
  manifestOf,
  startTestingRegistry,
  type TestingRegistry,
} from "../testing-registry.ts";
import type { UpstreamSettings } from "./upstream-settings.ts";

/** An upstream that counts what it is asked, and can be made to fail. */
interface TestingUpstream extends AsyncDisposable {
  readonly host: string;
  readonly asked: string[];
  /** Answers instead of the registry; default: nothing does. */
  instead: RequestListener | undefined;
  /** Fills it as a client would. */
  push(
    repository: string,
    tag: string,
    config: string,
    layers: readonly string[],
    more?: object,
  ): Promise<string>;
}

async function startUpstream(): Promise<TestingUpstream> {
  const storage = memoryStorage();
  const registry = createRegistry({ storage });
  const filling = await startTestingRegistry({ storage });
  const server = createServer((request, response) => {
    upstream.asked.push(`${request.method} ${request.url}`);
    (upstream.instead ?? registry.handler)(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const upstream: TestingUpstream = {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: [],
    instead: undefined,
    async push(repository, tag, config, layers, more = {}) {
      for (const blob of [config, ...layers]) await filling.push(repository, blob);
      const document = manifestOf(config, layers, more);
      const put = await filling.put(repository, tag, document);
      assert.equal(put.status, 201);
      return put.headers.get("docker-content-digest") ?? "";
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await registry[Symbol.asyncDispose]();
      await filling[Symbol.asyncDispose]();
    },
  };
  return upstream;
}

function startCache(
  upstream: TestingUpstream,
  settings: Partial<UpstreamSettings> = {},
  options: Partial<RegistryOptions> = {},
): Promise<TestingRegistry> {
  const upstreams = [{ registry: upstream.host, name: "up", revalidate: 0, ...settings }];
  return startTestingRegistry({ ...options, upstreams });
}

const gone: RequestListener = (request) => request.socket.destroy();
/** A large blob is fetched in so many pieces at most. */
const RANGES = 4;
const manifests = (upstream: TestingUpstream) =>
  upstream.asked.filter((each) => each.includes("/manifests/"));

test("what a digest names is fetched once, and served when the upstream is gone", async () => {
  await using upstream = await startUpstream();
  const digest = await upstream.push("team/app", "v1", "config", ["layer"]);
  await using cache = await startCache(upstream);
  for (let round = 0; round < 3; round++) {
    const manifest = await cache.call("GET", `up/team/app/manifests/${digest}`);
    assert.deepEqual(await manifest.json(), manifestOf("config", ["layer"]));
    assert.equal(manifest.headers.get("oci-namespace"), upstream.host);
    const blob = await cache.call("GET", `up/team/app/blobs/${digestOf("layer")}`);
    assert.equal(await blob.text(), "layer");
    // The first answer may end before the blob is stored.
    if (round === 0)
      await cache.call("GET", `up/team/app/blobs/${digestOf("config")}`).then((each) => each.text());
  }
  assert.equal(manifests(upstream).length, 1);
  upstream.instead = gone;
  assert.equal((await cache.call("GET", `up/team/app/manifests/${digest}`)).status, 200);
  assert.equal(await (await cache.call("GET", `up/team/app/blobs/${digestOf("layer")}`)).text(), "layer");
});

test("who reads along has everything once it is verified, though the disk is still at work or fails", async () => {
  await using upstream = await startUpstream();
  const content = "layer ".repeat(500_000);
  const digest = digestOf(content);
  await upstream.push("app", "v1", "config", [content]);
  const storage = memoryStorage();
  const disk = Promise.withResolvers<void>();
  const open = storage.blobs.openUpload.bind(storage.blobs);
  storage.blobs.openUpload = async (key, algorithm) => {
    const upload = await open(key, algorithm);
    const finish = upload.finish.bind(upload);
    upload.finish = async (wanted, verified) => {
      const stored = await finish(wanted, verified);
      await disk.promise;
      return stored;
    };
    return upload;
  };
  await using cache = await startCache(upstream, {}, { storage });
  const path = `up/app/blobs/${digest}`;
  assert.equal(await (await cache.call("GET", path)).text(), content);
  assert.equal(await storage.metadata.blob("up/app", digest), undefined);
  disk.reject(new Error("the disk is full"));
  assert.equal(await (await cache.call("GET", path)).text(), content);
});

test("a tag is compared with HEAD, follows upstream, and is served stale with a warning when upstream is down", async () => {
  await using upstream = await startUpstream();
  await upstream.push("app", "latest", "one", []);
  await using cache = await startCache(upstream);
  const config = async () => {
    const response = await cache.call("GET", "up/app/manifests/latest");
    const { config: found } = (await response.json()) as { config: { digest: string } };
    return [found.digest, response.headers.get("warning")] as const;
  };
  assert.deepEqual(await config(), [digestOf("one"), null]);
  assert.deepEqual(await config(), [digestOf("one"), null]);
  assert.deepEqual(
    manifests(upstream).map((each) => each.split(" ")[0]),
    ["GET", "HEAD"],
  );
  await upstream.push("app", "latest", "two", []);
  assert.deepEqual(await config(), [digestOf("two"), null]);
  upstream.instead = (_, response) => response.writeHead(503).end();
  const [stale, warning] = await config();
  assert.equal(stale, digestOf("two"));
  assert.match(warning ?? "", /^299 - ".*does not answer/);
  const asked = upstream.asked.length;
  assert.equal((await config())[0], digestOf("two"));
  assert.equal(upstream.asked.length, asked, "an upstream that failed a moment ago is left alone");
});

test("within its time a tag is served without a question", async () => {
  await using upstream = await startUpstream();
  await upstream.push("app", "v1", "config", []);
  await using cache = await startCache(upstream, { revalidate: 60_000 });
  for (let round = 0; round < 5; round++)
    assert.equal((await cache.call("GET", "up/app/manifests/v1")).status, 200);
  assert.equal(manifests(upstream).length, 1);
});

test("a tag that upstream has no longer is gone here, too", async () => {
  await using upstream = await startUpstream();
  const digest = await upstream.push("app", "v1", "config", []);
  await using cache = await startCache(upstream);
  assert.equal((await cache.call("GET", "up/app/manifests/v1")).status, 200);
  upstream.instead = (_, response) => response.writeHead(404).end('{"errors":[{"code":"MANIFEST_UNKNOWN"}]}');
  assert.equal((await cache.call("GET", "up/app/manifests/v1")).status, 404);
  assert.equal((await cache.call("GET", `up/app/manifests/${digest}`)).status, 200);
  assert.equal((await cache.call("GET", "up/app/manifests/other")).status, 404);
});

test("many who want the same at once cost upstream one request", async () => {
  await using upstream = await startUpstream();
  const layer = "x".repeat(3_000_000);
  await upstream.push("app", "v1", "config", [layer]);
  // Who comes when the first are done already finds a tag that was just compared.
  await using cache = await startCache(upstream, { revalidate: 60_000 });
  const responses = await Promise.all(
    Array.from({ length: 20 }, async (_, index) => {
      const path = index % 2 === 0 ? "manifests/v1" : `blobs/${digestOf(layer)}`;
      return (await cache.call("GET", `up/app/${path}`)).text();
    }),
  );
  assert.ok(
    responses.every((text, index) => text.length === (index % 2 === 0 ? responses[0]!.length : layer.length)),
  );
  assert.equal(manifests(upstream).length, 1);
  assert.equal(upstream.asked.filter((each) => each.startsWith("GET") && each.includes("/blobs/")).length, 1);
});

test("bytes that are not what the digest names reach no client whole, and are not kept", async () => {
  await using upstream = await startUpstream();
  await using cache = await startCache(upstream);
  const digest = digestOf("the real content");
  upstream.instead = (request, response) => {
    response
      .writeHead(200, { "content-length": 16 })
      .end(request.method === "HEAD" ? undefined : "the fake content");
  };
  // Some clients notice the cut before they give the response out.
  const text = await cache
    .call("GET", `up/app/blobs/${digest}`)
    .then((response) => response.text())
    .catch(() => "cut");
  assert.ok(text.length < "the fake content".length, text);
  upstream.instead = (_, answer) => answer.writeHead(404).end();
  assert.equal((await cache.call("GET", `up/app/blobs/${digest}`)).status, 404);
});

test("a blob that another repository has is not fetched again, once upstream says that it has it here", async () => {
  await using upstream = await startUpstream();
  await upstream.push("a", "v1", "config", ["layer"]);
  await upstream.push("b", "v1", "config", ["layer"]);
  await using cache = await startCache(upstream);
  for (const repository of ["a", "b"]) {
    const blob = await cache.call("GET", `up/${repository}/blobs/${digestOf("layer")}`);
    assert.equal(await blob.text(), "layer");
  }
  await cache.push("mine", "secret");
  assert.equal((await cache.call("GET", `up/a/blobs/${digestOf("secret")}`)).status, 404);
  assert.equal(upstream.asked.filter((each) => each.startsWith("GET") && each.includes("/blobs/")).length, 1);
});

test("a repository is found by ns, by its prefix, and without one where that is wanted", async () => {
  await using upstream = await startUpstream();
  await upstream.push("library/app", "v1", "config", []);
  await using cache = await startCache(upstream, { unprefixed: true });
  for (const path of [
    `library/app/manifests/v1?ns=${upstream.host}`,
    "up/library/app/manifests/v1",
    "library/app/manifests/v1",
  ])
    assert.equal((await cache.call("GET", path)).status, 200, path);
  const catalog = await cache.call("GET", "_catalog");
  assert.deepEqual(await catalog.json(), { repositories: ["up/library/app"] });
  const other = await cache.call("GET", "library/app/manifests/v1?ns=ghcr.io");
  assert.equal(other.status, 404);
  assert.equal(other.headers.get("oci-namespace"), null);
});

test("tags and referrers are upstream's, and this registry's own when it does not answer", async () => {
  await using upstream = await startUpstream();
  const digest = await upstream.push("app", "v1", "config", []);
  for (const tag of ["v2", "v10"]) await upstream.push("app", tag, "config", []);
  const subject = { mediaType: "application/vnd.oci.image.manifest.v1+json", digest, size: 1 };
  await upstream.push("app", "signature", "signature", [], {
    subject,
    artifactType: "application/x.signature",
  });
  await using cache = await startCache(upstream);
  await cache.call("GET", "up/app/manifests/v2");
  const tags = async (query = "") =>
    ((await (await cache.call("GET", `up/app/tags/list${query}`)).json()) as { tags: string[] }).tags;
  assert.deepEqual(await tags(), ["signature", "v1", "v10", "v2"]);
  assert.deepEqual(await tags("?n=2&last=signature"), ["v1", "v10"]);
  const referrers = async () =>
    (
      (await (await cache.call("GET", `up/app/referrers/${digest}`)).json()) as {
        manifests: { artifactType: string }[];
      }
    ).manifests;
  assert.deepEqual(
    (await referrers()).map(({ artifactType }) => artifactType),
    ["application/x.signature"],
  );
  upstream.instead = gone;
  assert.deepEqual(await tags(), ["v2"]);
  assert.deepEqual(await referrers(), []);
});

test("nothing can be pushed into a copy, and only what is wanted is copied", async () => {
  await using upstream = await startUpstream();
  await upstream.push("private/app", "v1", "config", []);
  await using cache = await startCache(upstream, { repositories: [(name) => name.startsWith("public/")] });
  assert.equal((await cache.call("GET", "up/private/app/manifests/v1")).status, 404);
  assert.deepEqual(upstream.asked, []);
  const push = await cache.call("POST", "up/public/app/blobs/uploads/");
  assert.equal(push.status, 405);
  assert.equal(await errorCode(push), "UNSUPPORTED");
  assert.equal((await cache.put("up/public/app", "v1", manifestOf("config", []))).status, 405);
  await cache.push("up/private/app", "this registry's own");
});

test("what upstream refuses is not said to be the client's fault", async () => {
  await using upstream = await startUpstream();
  await using cache = await startCache(upstream);
  upstream.instead = (_, response) =>
    response.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end();
  for (const path of ["manifests/v1", `blobs/${digestOf("x")}`]) {
    const response = await cache.call("GET", `up/app/${path}`);
    assert.equal(response.status, 503, path);
    assert.equal(response.headers.get("www-authenticate"), null);
  }
});

test("a client that goes away does not end the copy", async () => {
  await using upstream = await startUpstream();
  const layer = "y".repeat(20_000_000);
  await upstream.push("app", "v1", "config", [layer]);
  await using cache = await startCache(upstream);
  const abort = new AbortController();
  const response = await fetch(`${cache.origin}/v2/up/app/blobs/${digestOf(layer)}`, {
    signal: abort.signal,
  });
  await response.body?.getReader().read();
  abort.abort();
  const asked = () =>
    upstream.asked.filter((each) => each.startsWith("GET") && each.includes("/blobs/")).length;
  const whole = await cache.call("GET", `up/app/blobs/${digestOf(layer)}`);
  assert.equal((await whole.text()).length, layer.length);
  const again = await cache.call("GET", `up/app/blobs/${digestOf(layer)}`);
  assert.equal((await again.text()).length, layer.length);
  assert.ok(asked() <= RANGES, `${asked()} requests`);
});
