import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import type { Descriptor, ErrorCode } from "../../spec/index.ts";
import { isCortenError, MediaType, parseReference } from "../../spec/index.ts";
import {
  collect,
  contentsOf,
  copyImage,
  describe,
  jsonBytes,
  type MemoryImage,
  pieces,
  smallImage,
} from "../testing-image.ts";
import { openRegistrySink, openRegistrySource } from "./index.ts";
import type { RegistryOptions } from "./options.ts";
import type { RegistrySource } from "./source.ts";
import { RegistryDouble } from "./testing-registry.ts";

const QUICK: RegistryOptions = { credentials: "anonymous", backoff: 2, attempts: 4, idleTimeout: 5000 };

let registry: RegistryDouble;
let image: MemoryImage;
let big: Descriptor;

before(async () => {
  registry = await RegistryDouble.start();
  image = await smallImage();
  await registry.add(image, "1");
  const [digest, bytes] = [...image.blobs].sort(([, a], [, b]) => b.length - a.length)[0]!;
  big = { mediaType: MediaType.layerGzip, digest, size: bytes.length };
});
after(() => registry[Symbol.asyncDispose]());
afterEach(() => {
  registry.intercept = () => false;
  registry.seen.length = 0;
});

function source(options: RegistryOptions = {}, rest = "a/b:1"): RegistrySource {
  return openRegistrySource(parseReference(`${registry.host}/${rest}`), { ...QUICK, ...options });
}

async function refuses(run: Promise<unknown>, code: ErrorCode, message: RegExp): Promise<void> {
  await assert.rejects(run, (error) => {
    assert.ok(isCortenError(error, code), String(error));
    assert.match(error.message, message);
    return true;
  });
}

const readBig = async (from: RegistrySource, offset = 0): Promise<Uint8Array> =>
  collect(await from.blob(big, { offset }));

test("an image is pulled as it is", async () => {
  await using from = source();
  assert.deepEqual((await from.root()).descriptor, (await image.root()).descriptor);
  assert.deepEqual(await contentsOf(from), await contentsOf(image));
  const { digest } = (await image.root()).descriptor;
  await using pinned = source({}, `a/b:other@${digest}`);
  assert.equal((await pinned.root()).descriptor.digest, digest, "the digest wins over the tag");
});

test("an image is pushed as it is", async () => {
  const other = await smallImage({ seed: 5 });
  await using to = openRegistrySink(parseReference(`${registry.host}/c:2`), QUICK);
  await copyImage(other, to);
  await using from = source({}, "c:2");
  assert.deepEqual(await contentsOf(from), await contentsOf(other));
  assert.match(registry.requests("PUT", "uploads")[0]!.url.search, /^\?state=a%2Bb&digest=sha256%3A/);
});

test("a blob is mounted from another repository where it can be", async () => {
  await using to = openRegistrySink(parseReference(`${registry.host}/c:2`), { ...QUICK, mountFrom: ["a/b"] });
  await to.writeBlob(big, pieces(image.blobs.get(big.digest)!));
  assert.equal(registry.requests("PUT", "uploads").length, 0);
  const fresh = new Uint8Array(100).fill(3);
  await to.writeBlob(describe(fresh, "x/y"), pieces(fresh));
  assert.equal(registry.requests("PUT", "uploads").length, 1);
  const reference = parseReference(`${registry.host}/c:2`);
  assert.throws(() => openRegistrySink(reference, { mountFrom: ["../x"] }), /"..\/x" is not a repository/);
});

test("a content of another length or digest is not pushed", async () => {
  await using to = openRegistrySink(parseReference(`${registry.host}/c:2`), QUICK);
  const bytes = new Uint8Array(90_000).fill(9);
  const descriptor = describe(bytes, "x/y");
  await refuses(
    to.writeBlob(descriptor, pieces(bytes.subarray(1))),
    "data-loss",
    /only 89999 bytes where 90000/,
  );
  await refuses(
    to.writeBlob(descriptor, pieces(new Uint8Array(90_001))),
    "data-loss",
    /more bytes where 90000/,
  );
  await refuses(
    to.writeBlob(descriptor, pieces(new Uint8Array(90_000))),
    "invalid-argument",
    /DIGEST_INVALID: not that/,
  );
  assert.equal(await to.hasBlob(descriptor), false);
});

test("an upload that is refused early ends with that answer", async () => {
  registry.intercept = (request, response) => {
    if (request.method !== "PUT") return false;
    response.writeHead(413, { connection: "close" }).end("too big");
    return true;
  };
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (let index = 0; index < 2000; index++) yield new Uint8Array(64 * 1024);
  }
  await using to = openRegistrySink(parseReference(`${registry.host}/c:2`), QUICK);
  const descriptor = { ...big, size: 2000 * 64 * 1024 };
  await assert.rejects(to.writeBlob(descriptor, endless()), (error) => isCortenError(error));
});

test("each status becomes its error, with the registry's words", async () => {
  const cases: [status: number, code: ErrorCode, retryable: boolean][] = [
    [400, "invalid-argument", false],
    [401, "unauthenticated", false],
    [403, "permission-denied", false],
    [404, "not-found", false],
    [429, "resource-exhausted", true],
    [500, "unavailable", true],
    [503, "unavailable", true],
  ];
  for (const [status, code, retryable] of cases) {
    registry.intercept = (_, response, url) => {
      if (url.pathname === "/v2/") return false;
      response
        .writeHead(status)
        .end(JSON.stringify({ errors: [{ code: "X", message: "because\u001b[31m\n" }] }));
      return true;
    };
    await using from = source({ attempts: 1 });
    await assert.rejects(from.root(), (error) => {
      assert.ok(isCortenError(error, code), `${status}: ${error}`);
      assert.equal(error.retryable, retryable);
      assert.match(
        error.message,
        new RegExp(`^pull manifest 1 of ${registry.host}/a/b:1: .*X: because \\[31m$`),
      );
      return true;
    });
  }
});

test("an error page is quoted short and without secrets", async () => {
  registry.intercept = (request, response, url) => {
    if (url.pathname === "/v2/") return false;
    if (request.headers.authorization === undefined) {
      response.writeHead(401, { "www-authenticate": "Basic realm=x" }).end();
    } else {
      response
        .writeHead(500)
        .write(`you sent ${request.headers.authorization} and sesame-open ${"y".repeat(100_000)}`);
      response.end();
    }
    return true;
  };
  await using from = source({ attempts: 1, credentials: { username: "me", password: "sesame-open" } });
  await assert.rejects(from.root(), (error) => {
    assert.ok(isCortenError(error, "unavailable"));
    assert.ok(error.message.length < 600);
    assert.match(error.message, /you sent Basic \[redacted\] and \[redacted\] y{300,}/);
    return true;
  });
});

test("what may pass is tried again: 5xx, 429 with Retry-After, a refused connection", async () => {
  const answers: [number, Record<string, string>][] = [
    [503, {}],
    [429, { "retry-after": "0" }],
    [502, { "retry-after": new Date().toUTCString() }],
  ];
  registry.intercept = (_, response, url) => {
    const next = url.pathname === "/v2/" ? undefined : answers.shift();
    if (next !== undefined) response.writeHead(...next).end();
    return next !== undefined;
  };
  await using from = source();
  await from.root();
  assert.equal(registry.requests("GET", "manifests").length, 4);
  await using nowhere = openRegistrySource(parseReference("127.0.0.1:1/a"), QUICK);
  await refuses(nowhere.root(), "unavailable", /127\.0\.0\.1:1.*ECONNREFUSED/);
});

test("a registry that asks for a long pause gets its error passed on", async () => {
  registry.intercept = (_, response, url) => {
    if (url.pathname === "/v2/") return false;
    response.writeHead(429, { "retry-after": "3600" }).end();
    return true;
  };
  await using from = source();
  await refuses(from.root(), "resource-exhausted", /too many requests/);
  assert.equal(registry.requests("GET", "manifests").length, 1);
});

test("a cut blob is read on with Range, as often as it moves", async () => {
  let cuts = 0;
  registry.intercept = (request, response, url) => {
    if (!url.pathname.includes("/blobs/") || cuts >= 6) return false;
    cuts++;
    const bytes = image.blobs.get(big.digest)!;
    const start = Number(/=([0-9]+)/.exec(request.headers.range ?? "=0")![1]);
    const range = { "content-range": `bytes ${start}-${bytes.length - 1}/${bytes.length}` };
    response.writeHead(start === 0 ? 200 : 206, { "content-length": bytes.length - start, ...range });
    response.write(bytes.subarray(start, start + 20_000), () => setTimeout(() => response.destroy(), 5));
    return true;
  };
  await using from = source();
  assert.deepEqual(await readBig(from), Buffer.from(image.blobs.get(big.digest)!));
  const ranges = registry.requests("GET", "blobs").map(({ headers }) => headers.range);
  assert.equal(ranges.length, 7);
  assert.deepEqual(ranges.slice(0, 3), [undefined, "bytes=20000-", "bytes=40000-"]);
});

test("a blob that never moves again is given up", async () => {
  registry.intercept = (_, response, url) => {
    if (!url.pathname.includes("/blobs/")) return false;
    response.writeHead(200, { "content-length": big.size });
    response.write("abc", () => setTimeout(() => response.destroy(), 5));
    return true;
  };
  await using from = source();
  // The second answer is a 200 to a Range request: its three bytes are the ones that are there already.
  await refuses(readBig(from), "unavailable", /^GET http/);
  assert.ok(registry.requests("GET", "blobs").length <= 5);
});

test("a 200 answer to a Range request is read from the offset on", async () => {
  registry.intercept = (_, response, url) => {
    if (!url.pathname.includes("/blobs/")) return false;
    response.end(image.blobs.get(big.digest));
    return true;
  };
  await using from = source();
  assert.deepEqual(await readBig(from, 70_001), Buffer.from(image.blobs.get(big.digest)!.subarray(70_001)));
  assert.deepEqual(await readBig(from, big.size), Buffer.alloc(0));
  await refuses(readBig(from, big.size + 1), "invalid-argument", /outside/);
});

test("a range other than the one asked for is refused", async () => {
  for (const range of [
    undefined,
    "bytes 0-9/10",
    `bytes 1001-${big.size - 1}/${big.size}`,
    `bytes 1000-${big.size}/${big.size}`,
    `bytes 1000-${big.size - 1}/${big.size + 1}`,
    "x",
  ]) {
    registry.intercept = (_, response, url) => {
      if (!url.pathname.includes("/blobs/")) return false;
      response.writeHead(206, range === undefined ? {} : { "content-range": range }).end("abc");
      return true;
    };
    await using from = source();
    await refuses(readBig(from, 1000), "data-loss", /the range/);
  }
});

test("a blob of another length than its descriptor's is an error", async () => {
  const answers: [headers: Record<string, string>, length: number, code: ErrorCode][] = [
    [{ "content-length": "10" }, 10, "data-loss"],
    [{ "transfer-encoding": "chunked" }, big.size + 1, "data-loss"],
    [{ "transfer-encoding": "chunked" }, 10, "unavailable"],
  ];
  for (const [headers, length, code] of answers) {
    registry.intercept = (_, response, url) => {
      if (!url.pathname.includes("/blobs/")) return false;
      response.writeHead(200, headers).end(new Uint8Array(length));
      return true;
    };
    await using from = source();
    await refuses(readBig(from), code, /^pull blob sha256/);
  }
});

test("M3: a manifest of other bytes than its digest's is refused", async () => {
  const { descriptor, bytes } = await image.root();
  const other = jsonBytes({ ...JSON.parse(Buffer.from(bytes).toString()), annotations: { a: "b" } });
  registry.intercept = (_, response, url) => {
    if (!url.pathname.includes("/manifests/")) return false;
    response.writeHead(200, {
      "content-type": descriptor.mediaType,
      "docker-content-digest": descriptor.digest,
    });
    response.end(other);
    return true;
  };
  await using from = source();
  await refuses(from.root(), "data-loss", /has the digest/);
  await refuses(from.manifest({ ...descriptor, size: other.length }), "data-loss", /has the digest/);
  await refuses(from.manifest(descriptor), "data-loss", /has the digest/);
  await using pinned = source({}, `a/b@${descriptor.digest}`);
  await refuses(pinned.root(), "data-loss", /has the digest/);
});

test("M1: a manifest that comes under another type is refused", async () => {
  const { descriptor, bytes } = await image.root();
  let type: string = MediaType.imageIndex;
  registry.intercept = (_, response, url) => {
    if (!url.pathname.includes("/manifests/")) return false;
    response.writeHead(200, { "content-type": type }).end(bytes);
    return true;
  };
  await using from = source();
  await refuses(from.root(), "invalid-argument", /does not belong in an index/);
  await refuses(from.manifest(descriptor), "invalid-argument", /comes as/);
  type = MediaType.dockerManifest;
  await refuses(from.root(), "invalid-argument", /was announced as/);
  type = "text/html; charset=utf-8";
  await refuses(from.root(), "invalid-argument", /neither manifest nor index/);
  type = "application/json";
  assert.equal(
    (await from.root()).descriptor.mediaType,
    MediaType.imageManifest,
    "a general type says nothing",
  );
});

test("a manifest beyond the cap is not read to its end", async () => {
  registry.intercept = (_, response, url) => {
    if (!url.pathname.includes("/manifests/")) return false;
    response.writeHead(200, { "content-type": MediaType.imageManifest });
    const more = (): void => {
      while (!response.destroyed && response.write(new Uint8Array(1024 * 1024)));
    };
    response.on("drain", more);
    more();
    return true;
  };
  await using from = source();
  await refuses(from.root(), "resource-exhausted", /larger than 4194304 bytes/);
});

test("M2: a digest that Corten cannot compute is refused before it is asked for", async () => {
  await using from = source();
  await refuses(from.manifest({ ...big, digest: "blake2b:abcd" }), "unimplemented", /blake2b/);
  await refuses(from.blob({ ...big, digest: "sha256:../../x" }), "invalid-argument", /invalid digest/);
  assert.equal(registry.seen.length, 0);
});

test("an aborted call ends at once with the signal's reason", async () => {
  registry.intercept = (_, response, url) => {
    if (url.pathname.includes("/blobs/")) response.writeHead(200, { "content-length": big.size }).write("a");
    return url.pathname.includes("/blobs/");
  };
  await using from = source();
  const controller = new AbortController();
  const reading = from.blob(big, { signal: controller.signal }).then(collect);
  setTimeout(() => controller.abort(new Error("enough")), 50);
  await assert.rejects(reading, /enough/);
  await assert.rejects(from.root({ signal: AbortSignal.abort(new Error("before")) }), /before/);
});

test("a connection on which nothing moves is given up", async () => {
  registry.intercept = (_, response, url) => {
    if (url.pathname.includes("/blobs/")) response.writeHead(200, { "content-length": big.size }).write("a");
    return url.pathname.includes("/blobs/") || url.pathname.includes("/manifests/");
  };
  await using from = source({ idleTimeout: 60, attempts: 1 });
  await refuses(from.root(), "unavailable", /nothing moved for 60 ms/);
  await refuses(readBig(from), "unavailable", /nothing moved for 60 ms/);
});
