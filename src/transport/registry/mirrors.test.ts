import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { isCortenError, MediaType, parseReference } from "../../spec/index.ts";
import { contentsOf, copyImage, jsonBytes, type MemoryImage, smallImage } from "../testing-image.ts";
import { openRegistryRepository, openRegistrySink, openRegistrySource } from "./index.ts";
import type { RegistryOptions } from "./options.ts";
import { selfSigned } from "./testing-certificate.ts";
import { RegistryDouble } from "./testing-registry.ts";

const directory = mkdtempSync(join(tmpdir(), "corten-mirrors-"));
let registry: RegistryDouble;
let mirror: RegistryDouble;
let secure: RegistryDouble;
let image: MemoryImage;
const certificate = selfSigned("IP:127.0.0.1");

before(async () => {
  registry = await RegistryDouble.start();
  mirror = await RegistryDouble.start();
  secure = await RegistryDouble.start(certificate);
  image = await smallImage();
  for (const double of [registry, mirror, secure]) await double.add(image, "1");
});
after(async () => {
  for (const double of [registry, mirror, secure]) await double[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});
afterEach(() => {
  for (const double of [registry, mirror, secure]) {
    double.intercept = () => false;
    double.seen.length = 0;
  }
});

let files = 0;
function conf(text: string): RegistryOptions {
  const path = join(directory, `${++files}.conf`);
  writeFileSync(path, text);
  return { registriesConf: path };
}

function hosts(text: string): RegistryOptions {
  const parent = join(directory, `${++files}.d`);
  mkdirSync(join(parent, registry.host), { recursive: true });
  writeFileSync(join(parent, registry.host, "hosts.toml"), text);
  return { registriesConf: false, hostsDirectories: [parent] };
}

const QUICK: RegistryOptions = { attempts: 2, backoff: 2, environment: { HOME: directory } };
const named = (rest = "a/b:1") => parseReference(`${registry.host}/${rest}`);
const source = (options: RegistryOptions, rest?: string) =>
  openRegistrySource(named(rest), { credentials: "anonymous", ...QUICK, ...options });
const paths = (double: RegistryDouble) =>
  double.seen.map(({ url }) => url.pathname).filter((path) => path !== "/v2/");

test("a mirror is asked first, for the rewritten name, and the registry not at all", async () => {
  await using from = source(
    conf(
      `[[registry]]\nlocation = "${registry.host}"\n[[registry.mirror]]\nlocation = "${mirror.host}/cache"`,
    ),
  );
  assert.deepEqual(await contentsOf(from), await contentsOf(image));
  assert.equal(registry.seen.length, 0);
  assert.ok(
    paths(mirror).every((path) => path.startsWith("/v2/cache/a/b/")),
    String(paths(mirror)),
  );
});

test("where mirrors have it not or are not there, the next one is asked; one that is not there only once", async () => {
  const gone = await RegistryDouble.start();
  await gone[Symbol.asyncDispose]();
  await using from = source(
    conf(`[[registry]]
      location = "${registry.host}"
      [[registry.mirror]]
      location = "${gone.host}"
      [[registry.mirror]]
      location = "${mirror.host}"`),
  );
  mirror.intercept = (_, response) => {
    response.writeHead(404).end();
    return true;
  };
  assert.deepEqual(await contentsOf(from), await contentsOf(image));
  assert.ok(paths(mirror).length > 1 && paths(registry).length > 1);
  registry.intercept = (_, response) => {
    response.writeHead(403).end();
    return true;
  };
  await assert.rejects(from.root(), (error) => {
    assert.ok(isCortenError(error, "permission-denied"));
    assert.match(error.message, /denies access \(403\) \(before that, mirrors: .*not found/);
    return true;
  });
});

test("a mirror for digests is not asked what a tag means, and one for tags nothing else", async () => {
  for (const [pulls, tags, digests] of [
    ["digest-only", registry, mirror],
    ["tag-only", mirror, registry],
  ] as const) {
    for (const double of [registry, mirror]) double.seen.length = 0;
    await using from = source(
      conf(`[[registry]]
        location = "${registry.host}"
        [[registry.mirror]]
        location = "${mirror.host}"
        pull-from-mirror = "${pulls}"`),
    );
    await contentsOf(from);
    assert.deepEqual(paths(tags), ["/v2/a/b/manifests/1"]);
    assert.ok(paths(digests).length > 0 && !paths(digests).includes("/v2/a/b/manifests/1"));
  }
});

test("what a mirror does not list is asked of the registry", async () => {
  const { descriptor } = await image.root();
  const referrer = { ...descriptor, artifactType: "a/b" };
  registry.intercept = (_, response, url) => {
    if (!url.pathname.includes("/referrers/")) return false;
    response.setHeader("content-type", MediaType.imageIndex);
    response.end(jsonBytes({ schemaVersion: 2, mediaType: MediaType.imageIndex, manifests: [referrer] }));
    return true;
  };
  const options = conf(
    `[[registry]]\nlocation = "${registry.host}"\n[[registry.mirror]]\nlocation = "${mirror.host}"`,
  );
  await using repository = openRegistryRepository(named(), {
    ...QUICK,
    ...options,
    credentials: "anonymous",
  });
  assert.deepEqual(await repository.referrers(descriptor.digest), [referrer]);
  assert.equal(mirror.requests("GET", "/referrers/").length, 1);
});

test("a blocked registry is not asked", async () => {
  const options = conf(`[[registry]]\nprefix = "${registry.host}/a"\nlocation = "x"\nblocked = true`);
  await using from = source(options);
  await assert.rejects(from.root(), (error) => {
    assert.ok(isCortenError(error, "permission-denied"));
    assert.match(error.message, /\/a\/b is blocked/);
    assert.match(error.hint!, /\/a" in .*\.conf says so/);
    return true;
  });
  await using to = openRegistrySink(named(), { ...QUICK, ...options });
  await assert.rejects(copyImage(image, to), (error) => isCortenError(error, "permission-denied"));
  assert.equal(registry.seen.length, 0);
  await using other = source(options, "other:1");
  await other.root();
});

test("a location says where to pull from; a push goes where its name says", async () => {
  const options = conf(`[[registry]]\nprefix = "${registry.host}/a"\nlocation = "${mirror.host}/moved"`);
  await using from = source(options);
  await from.root();
  assert.deepEqual(paths(mirror), ["/v2/moved/b/manifests/1"]);
  mirror.seen.length = 0;
  await using to = openRegistrySink(named(), { ...QUICK, ...options, credentials: "anonymous" });
  await copyImage(image, to);
  assert.deepEqual(paths(mirror), []);
  assert.ok(paths(registry).includes("/v2/a/b/manifests/1"));
});

test("credentials of the registry never reach a mirror, not those given nor those stored", async () => {
  mirror.intercept = (_, response) => {
    response.writeHead(401, { "www-authenticate": "Basic realm=x" }).end();
    return true;
  };
  const authFile = join(directory, "auth.json");
  const auth = Buffer.from("me:secret-word").toString("base64");
  writeFileSync(authFile, JSON.stringify({ auths: { [registry.host]: { auth }, "127.0.0.1": { auth } } }));
  const forMirrors = [
    conf(`[[registry]]\nlocation = "${registry.host}"\n[[registry.mirror]]\nlocation = "${mirror.host}"`),
    hosts(`server = "http://${registry.host}"\n[host."http://${mirror.host}"]`),
  ];
  for (const options of forMirrors) {
    for (const given of [{ authFile }, { credentials: { username: "me", password: "secret-word" } }]) {
      await using from = openRegistrySource(named(), { ...QUICK, ...options, ...given });
      await from.root();
      assert.ok(mirror.seen.length > 0);
      assert.ok(mirror.seen.every(({ headers }) => headers.authorization === undefined));
    }
  }
  writeFileSync(authFile, JSON.stringify({ auths: { [mirror.host]: { auth } } }));
  mirror.intercept = (request, response) => {
    if (request.headers.authorization !== undefined) return false;
    response.writeHead(401, { "www-authenticate": "Basic realm=x" }).end();
    return true;
  };
  registry.seen.length = 0;
  await using from = openRegistrySource(named(), { ...QUICK, ...forMirrors[0]!, authFile });
  await from.root();
  assert.equal(registry.seen.length, 0, "a mirror's own credentials are used");
});

test("hosts.toml: mirrors learn whom they stand for, by path and headers of their own", async () => {
  mirror.intercept = (request, response, url) => {
    if (url.pathname.startsWith("/v2/base/")) {
      response
        .writeHead(307, { location: `http://${registry.host}${url.pathname.replace("/base/", "/")}` })
        .end();
      return true;
    }
    return request.url === "/";
  };
  await using from = source(
    hosts(`
      server = "http://${registry.host}"
      [host."http://${mirror.host}/v2/base"]
      override_path = true
      [host."http://${mirror.host}/v2/base".header]
      x-secret = "for the mirror"`),
  );
  assert.deepEqual(await contentsOf(from), await contentsOf(image));
  assert.ok(mirror.seen.every(({ url }) => url.searchParams.get("ns") === registry.host));
  assert.ok(mirror.seen.every(({ url }) => url.pathname.startsWith("/v2/base/a/b/")));
  assert.ok(mirror.seen.every(({ headers }) => headers["x-secret"] === "for the mirror"));
  assert.ok(registry.seen.length > 0);
  assert.ok(registry.seen.every(({ headers }) => headers["x-secret"] === undefined));
});

test("hosts.toml: capabilities decide who is asked for what, and only who says push is pushed to", async () => {
  const pull = hosts(
    `server = "http://${registry.host}"\n[host."http://${mirror.host}"]\ncapabilities = ["pull"]`,
  );
  await using from = source(pull);
  await contentsOf(from);
  assert.deepEqual(paths(registry), ["/v2/a/b/manifests/1"]);
  for (const [text, target] of [
    ["", registry],
    ['capabilities = ["pull", "resolve", "push"]', mirror],
  ] as const) {
    for (const double of [registry, mirror]) double.seen.length = 0;
    const options = hosts(`server = "http://${registry.host}"\n[host."http://${mirror.host}"]\n${text}`);
    await using to = openRegistrySink(named(), { ...QUICK, credentials: "anonymous", ...options });
    await copyImage(image, to);
    const other = target === registry ? mirror : registry;
    assert.ok(paths(target).includes("/v2/a/b/manifests/1"));
    assert.deepEqual(paths(other), []);
  }
});

test("hosts.toml: a mirror's certificate is verified by its own authorities", async () => {
  for (const [text, code] of [
    ["", "failed-precondition"],
    [`ca = "${certificate.path}"`, undefined],
    ["skip_verify = true", undefined],
  ] as const) {
    const options = hosts(
      `server = "https://${secure.host}"\ncapabilities = []\n[host."https://${secure.host}"]\n${text}`,
    );
    await using from = source({ ...options, certificateDirectories: [] });
    if (code === undefined) await from.root();
    else await assert.rejects(from.root(), (error) => isCortenError(error, code));
  }
});
