import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { after, afterEach, before, test } from "node:test";
import type { ErrorCode } from "../../spec/index.ts";
import { isCortenError, MediaType, parseReference } from "../../spec/index.ts";
import { collect, contentsOf, describe, type MemoryImage, pieces, smallImage } from "../testing-image.ts";
import { openRegistryRepository, openRegistrySink, openRegistrySource } from "./index.ts";
import type { Credentials, RegistryOptions } from "./options.ts";
import type { RegistrySource } from "./source.ts";
import { RegistryDouble } from "./testing-registry.ts";

const ME: Credentials = { username: "me", password: "p:a ß" };
const BASIC = `Basic ${Buffer.from("me:p:a ß").toString("base64")}`;

let registry: RegistryDouble;
/** Another origin: a token service, a blob store, or an attacker. */
let other: RegistryDouble;
let image: MemoryImage;

before(async () => {
  registry = await RegistryDouble.start();
  other = await RegistryDouble.start();
  image = await smallImage();
  await registry.add(image, "1");
  await other.add(image, "1");
});
after(async () => {
  await registry[Symbol.asyncDispose]();
  await other[Symbol.asyncDispose]();
});
afterEach(() => {
  for (const double of [registry, other]) {
    double.intercept = () => false;
    double.seen.length = 0;
  }
});

function source(options: RegistryOptions = {}): RegistrySource {
  const reference = parseReference(`${registry.host}/a/b:1`);
  return openRegistrySource(reference, { credentials: ME, backoff: 2, attempts: 2, ...options });
}

async function refuses(run: Promise<unknown>, code: ErrorCode, message: RegExp): Promise<void> {
  await assert.rejects(run, (error) => {
    assert.ok(isCortenError(error, code), String(error));
    assert.match(error.message, message);
    return true;
  });
}

/** Makes the registry ask for a bearer token, and the other origin hand them out. */
function askForTokens({ lifetime = 300, realm = `http://${other.host}/token` } = {}): void {
  let issued = 0;
  registry.intercept = (request, response, url) => {
    if (url.pathname === "/v2/" || /^Bearer token[0-9]+$/.test(request.headers.authorization ?? ""))
      return false;
    challenge(response, `Bearer realm="${realm}",service="here",scope="repository:a/b:pull"`);
    return true;
  };
  other.intercept = (_, response, url) => {
    if (url.pathname !== "/token") return false;
    issued++;
    response.end(JSON.stringify({ token: `token${issued}`, expires_in: lifetime }));
    return true;
  };
}

function challenge(response: ServerResponse, value: string): void {
  response.writeHead(401, { "www-authenticate": value }).end();
}

test("a token is asked for once, with Basic, and shared", async () => {
  askForTokens();
  await using from = source();
  const { descriptor } = await from.root();
  await Promise.all(Array.from({ length: 8 }, () => from.manifest(descriptor)));
  const [token, ...more] = other.requests("GET", "/token");
  assert.equal(more.length, 0);
  assert.equal(token!.headers.authorization, BASIC);
  const query = token!.url.searchParams;
  assert.deepEqual(
    [query.get("service"), query.getAll("scope"), query.get("account")],
    ["here", ["repository:a/b:pull"], "me"],
  );
  assert.ok(registry.requests("GET", "manifests").every(({ headers }) => headers.authorization !== BASIC));
});

test("requests that are challenged together share one token", async () => {
  askForTokens();
  await using from = source();
  const { descriptor } = await image.root();
  await Promise.all(Array.from({ length: 8 }, () => from.manifest(descriptor)));
  assert.equal(other.requests("GET", "/token").length, 1);
});

test("a token that has expired is renewed", async () => {
  askForTokens({ lifetime: 1 });
  await using from = source();
  const { descriptor } = await from.root();
  await from.manifest(descriptor);
  assert.equal(other.requests("GET", "/token").length, 2);
});

test("a push asks for the right to push, and a mount for its source's", async () => {
  askForTokens();
  const options = { credentials: ME, mountFrom: ["d/e"] };
  await using to = openRegistrySink(parseReference(`${registry.host}/a/b:1`), options);
  const bytes = new Uint8Array(10);
  await to.writeBlob(describe(bytes, "x/y"), pieces(bytes));
  const scopes = other.requests("GET", "/token").map(({ url }) => url.searchParams.getAll("scope"));
  assert.ok(scopes.flat().includes("repository:d/e:pull"));
  assert.ok(scopes.every((list) => list.includes("repository:a/b:pull,push")));
});

test("each repository that a blob is mounted from has its own scope beside the push", async () => {
  askForTokens();
  const options = { credentials: ME, mountFrom: ["d/e", "f/g"] };
  await using to = openRegistrySink(parseReference(`${registry.host}/a/b:1`), options);
  const bytes = new Uint8Array(10).fill(1);
  await to.writeBlob(describe(bytes, "x/y"), pieces(bytes));
  const scopes = other.requests("GET", "/token").map(({ url }) => url.searchParams.getAll("scope"));
  for (const from of ["d/e", "f/g"])
    assert.ok(
      scopes.some(
        (list) => list.includes(`repository:${from}:pull`) && list.includes("repository:a/b:pull,push"),
      ),
    );
  assert.ok(
    scopes.every((list) => !(list.includes("repository:d/e:pull") && list.includes("repository:f/g:pull"))),
    "nobody is asked for more than a request needs",
  );
});

test("C4: a next page on another host is asked for without credentials", async () => {
  registry.intercept = (request, response, url) => {
    if (request.headers.authorization === undefined) challenge(response, "Basic realm=x");
    else if (url.pathname.endsWith("/tags/list")) {
      response.setHeader("link", `<http://${other.host}/v2/a/b/tags/list>; rel="next"`);
      response.end('{"tags":["1"]}');
    } else return false;
    return true;
  };
  other.intercept = (_, response) => {
    challenge(response, "Basic realm=x");
    return true;
  };
  const reference = parseReference(`${registry.host}/a/b:1`);
  await using repository = openRegistryRepository(reference, { credentials: ME, attempts: 1 });
  const tags: string[] = [];
  await refuses(
    (async () => {
      for await (const tag of repository.tags()) tags.push(tag);
    })(),
    "unauthenticated",
    /asks for credentials/,
  );
  assert.deepEqual(tags, ["1"]);
  assert.ok(other.seen.length > 0);
  assert.ok(other.seen.every(({ headers }) => headers.authorization === undefined));
});

test("an identity token is posted as a refresh token, never sent as Basic", async () => {
  askForTokens();
  await using from = source({ credentials: { identityToken: "identity-secret" } });
  await from.root();
  const [token] = other.requests("POST", "/token");
  const form = new URLSearchParams(token!.body);
  assert.deepEqual(
    [form.get("grant_type"), form.get("refresh_token"), form.get("service"), form.get("client_id")],
    ["refresh_token", "identity-secret", "here", "corten"],
  );
  assert.equal(token!.headers.authorization, undefined);
  registry.intercept = (_, response, url) => {
    if (url.pathname !== "/v2/") challenge(response, "Basic realm=x");
    return url.pathname !== "/v2/";
  };
  await using basic = source({ credentials: { identityToken: "identity-secret" } });
  await refuses(basic.root(), "unauthenticated", /wants a password/);
});

test("Basic is answered with the password, and not before it is asked for", async () => {
  registry.intercept = (request, response, url) => {
    if (url.pathname === "/v2/" || request.headers.authorization === BASIC) return false;
    challenge(response, 'Basic realm="r"');
    return true;
  };
  await using from = source();
  assert.deepEqual(await contentsOf(from), await contentsOf(image));
  const sent = registry.requests("GET", "/a/b/").map(({ headers }) => headers.authorization);
  assert.equal(sent[0], undefined);
  assert.ok(sent.slice(1).every((header) => header === BASIC));
  await using wrong = source({ credentials: { username: "me", password: "no" } });
  await refuses(wrong.root(), "unauthenticated", /asks for credentials/);
  await using nobody = source({ credentials: "anonymous" });
  await refuses(nobody.root(), "unauthenticated", /asks for credentials/);
});

test("a token service that refuses, or answers nonsense, is an error without the secret", async () => {
  const answers: [number, string, ErrorCode][] = [
    [401, '{"details":"p:a ß"}', "unauthenticated"],
    [200, "tok en", "unauthenticated"],
    [200, '{"token":"a\\r\\nb"}', "unauthenticated"],
    [200, '{"token":"secret-a","token":"secret-b"}', "unauthenticated"],
    [302, "", "failed-precondition"],
  ];
  for (const [status, body, code] of answers) {
    askForTokens();
    other.intercept = (_, response) => {
      response.writeHead(status, { location: `http://${registry.host}/steal` }).end(body);
      return true;
    };
    await using from = source();
    await assert.rejects(from.root(), (error) => {
      assert.ok(isCortenError(error, code), String(error));
      assert.doesNotMatch(`${error.message} ${error.cause}`, /p:a|secret/);
      return true;
    });
  }
  assert.equal(registry.requests("GET", "/steal").length, 0);
});

test("C4: Authorization does not follow a redirect to another host", async () => {
  askForTokens();
  const guarded = registry.intercept;
  registry.intercept = (request, response, url) => {
    if (guarded(request, response, url)) return true;
    if (!url.pathname.includes("/blobs/")) return false;
    response.writeHead(307, { location: `http://${other.host}${url.pathname}?signature=abc` }).end();
    return true;
  };
  await using from = source();
  assert.deepEqual(await contentsOf(from), await contentsOf(image));
  const followed = other.requests("GET", "/blobs/");
  assert.equal(followed.length, 3);
  assert.ok(followed.every(({ headers }) => headers.authorization === undefined));
});

test("C4: a redirect back to the registry does not bring Authorization back", async () => {
  registry.intercept = (request, response, url) => {
    if (url.pathname === "/v2/" || url.pathname === "/end") return false;
    if (request.headers.authorization === undefined) challenge(response, "Basic realm=x");
    else response.writeHead(302, { location: `http://${other.host}/back` }).end();
    return true;
  };
  other.intercept = (_, response) => {
    response.writeHead(302, { location: `http://${registry.host}/end` }).end();
    return true;
  };
  await using from = source();
  await refuses(from.root(), "not-found", /./);
  assert.equal(registry.requests("GET", "/end")[0]!.headers.authorization, undefined);
});

test("a redirect within the registry keeps Authorization; a 401 elsewhere is not answered", async () => {
  registry.intercept = (request, response, url) => {
    if (url.pathname === "/v2/") return false;
    if (request.headers.authorization === undefined) challenge(response, "Basic realm=x");
    else if (url.searchParams.has("again"))
      response.writeHead(307, { location: `http://${other.host}/x` }).end();
    else response.writeHead(301, { location: `${url.pathname}?again=1` }).end();
    return true;
  };
  other.intercept = (_, response) => {
    challenge(response, `Bearer realm="http://${other.host}/token"`);
    return true;
  };
  await using from = source();
  await refuses(from.root(), "unauthenticated", /asks for credentials/);
  assert.equal(registry.seen.find(({ url }) => url.searchParams.has("again"))!.headers.authorization, BASIC);
  assert.ok(
    other.seen.every(({ url, headers }) => url.pathname === "/x" && headers.authorization === undefined),
  );
});

test("redirects without end are not followed", async () => {
  registry.intercept = (_, response, url) => {
    response.writeHead(302, { location: "/again" }).end();
    return url.pathname !== "/v2/";
  };
  await using from = source();
  await refuses(from.root(), "failed-precondition", /more than 5 redirects/);
  assert.equal(registry.requests("GET", "/again").length, 5);
});

test("C1 CVE-2020-15157: a foreign layer's host gets no credentials, whatever it asks for", async () => {
  askForTokens();
  const bytes = new TextEncoder().encode("a layer that stands elsewhere");
  const layer = { ...describe(bytes, MediaType.layerNondistributable), urls: [`http://${other.host}/layer`] };
  await using from = source();
  await from.root();
  other.seen.length = 0;
  let asks = true;
  other.intercept = (_, response) => {
    if (asks) challenge(response, `Bearer realm="http://${other.host}/token",service="s"`);
    else response.end(bytes);
    return true;
  };
  await refuses(from.blob(layer), "unauthenticated", /from its vendor/);
  assert.deepEqual(
    other.seen.map(({ url, headers }) => [url.pathname, headers.authorization]),
    [["/layer", undefined]],
  );
  asks = false;
  assert.deepEqual(await collect(await from.blob(layer)), Buffer.from(bytes));
  assert.ok(other.seen.every(({ headers }) => headers.authorization === undefined));
});

test("an upload location on another host gets no credentials", async () => {
  registry.intercept = (request, response, url) => {
    if (url.pathname === "/v2/") return false;
    if (request.headers.authorization === undefined) challenge(response, "Basic realm=x");
    else response.writeHead(202, { location: `http://${other.host}/v2/x/blobs/uploads/one` }).end();
    return true;
  };
  other.uploads.set("one", new Uint8Array());
  await using to = openRegistrySink(parseReference(`${registry.host}/a/b:1`), { credentials: ME });
  const bytes = new Uint8Array(10);
  await to.writeBlob(describe(bytes, "x/y"), pieces(bytes));
  assert.equal(other.requests("PUT", "uploads")[0]!.headers.authorization, undefined);
});
