import assert from "node:assert/strict";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { isCortenError } from "../../spec/index.ts";
import { loggedInUser, login, logout } from "./login.ts";
import { RegistryDouble } from "./testing-registry.ts";

const ME = { username: "me", password: "p:a ß" };
const BASIC = `Basic ${Buffer.from("me:p:a ß").toString("base64")}`;
const home = mkdtempSync(join(tmpdir(), "corten-login-"));
let registry: RegistryDouble;

before(async () => {
  registry = await RegistryDouble.start();
});
after(async () => {
  await registry[Symbol.asyncDispose]();
  rmSync(home, { recursive: true });
});
afterEach(() => {
  registry.intercept = () => false;
  registry.seen.length = 0;
});

/** Makes the registry want the one password that it knows. */
function wantPassword(): void {
  registry.intercept = (request, response) => {
    if (request.headers.authorization === BASIC) return false;
    response.writeHead(401, { "www-authenticate": "Basic realm=x" }).end();
    return true;
  };
}

let files = 0;
function options(content?: object): {
  authFile: string;
  environment: Record<string, string>;
  attempts: number;
} {
  const authFile = join(home, String(++files), "auth.json");
  if (content !== undefined) {
    mkdirSync(dirname(authFile));
    writeFileSync(authFile, JSON.stringify(content), { mode: 0o644 });
  }
  return { authFile, environment: { PATH: `${home}/bin:/usr/bin:/bin` }, attempts: 1 };
}

const read = (path: string) => JSON.parse(readFileSync(path, "utf8"));

test("what the registry accepts is stored, for the user alone, and used from then on", async () => {
  wantPassword();
  const where = options();
  assert.equal(await login(registry.host, ME, where), where.authFile);
  assert.deepEqual(read(where.authFile), { auths: { [registry.host]: { auth: BASIC.slice(6) } } });
  assert.equal(statSync(where.authFile).mode & 0o777, 0o600);
  assert.equal(statSync(dirname(where.authFile)).mode & 0o777, 0o700);
  assert.deepEqual(readdirSync(dirname(where.authFile)), ["auth.json"], "no draft is left");
  assert.equal(await loggedInUser(registry.host, where), "me");
});

test("what the registry does not accept is not stored", async () => {
  wantPassword();
  const where = options({ auths: {} });
  await assert.rejects(login(registry.host, { ...ME, password: "wrong" }, where), (error) => {
    assert.ok(isCortenError(error, "unauthenticated"), String(error));
    assert.doesNotMatch(error.message, /wrong/);
    return true;
  });
  assert.deepEqual(read(where.authFile), { auths: {} });
  assert.equal(await loggedInUser(registry.host, where), undefined);
});

test("a registry with tokens is asked for one without rights", async () => {
  registry.intercept = (request, response, url) => {
    if (url.pathname === "/token") {
      response.writeHead(request.headers.authorization === BASIC ? 200 : 401).end('{"token":"abcd"}');
      return true;
    }
    if (request.headers.authorization === "Bearer abcd") return false;
    const realm = `http://${registry.host}/token`;
    response.writeHead(401, { "www-authenticate": `Bearer realm="${realm}",service="s"` }).end();
    return true;
  };
  await login(registry.host, ME, options());
  const [asked] = registry.requests("GET", "/token");
  assert.deepEqual(
    [...asked!.url.searchParams],
    [
      ["service", "s"],
      ["account", "me"],
    ],
  );
  await assert.rejects(login(registry.host, { ...ME, password: "no" }, options()), (error) =>
    isCortenError(error, "unauthenticated"),
  );
});

test("other entries and settings stay, and a link stays a link", async () => {
  const where = options({ auths: { "other.example": { auth: "eDp5" } }, psFormat: "x" });
  const link = join(home, "link.json");
  symlinkSync(where.authFile, link);
  await login(`${registry.host}/team`, ME, { ...where, authFile: link });
  const entry = { auth: BASIC.slice(6) };
  assert.deepEqual(read(where.authFile), {
    auths: { "other.example": { auth: "eDp5" }, [`${registry.host}/team`]: entry },
    psFormat: "x",
  });
  assert.equal(statSync(where.authFile).mode & 0o777, 0o600);
  assert.equal(await logout(`${registry.host}/team`, where), true);
  assert.equal(await logout(`${registry.host}/team`, where), false);
  assert.deepEqual(Object.keys(read(where.authFile).auths), ["other.example"]);
  assert.equal(await logout("all", where), true);
  assert.deepEqual(read(where.authFile), { auths: {}, psFormat: "x" });
});

test("a file that names a helper for the registry leaves the credentials to it", async () => {
  mkdirSync(join(home, "bin"), { recursive: true });
  const script = join(home, "bin/docker-credential-keep");
  const kept = join(home, "kept");
  writeFileSync(
    script,
    `#!/bin/sh\ncase $1 in
store) cat > ${kept};; get) [ -e ${kept} ] && sed 's/ServerURL/x/' ${kept} || { echo credentials not found; exit 1; };;
erase) [ -e ${kept} ] && rm ${kept} || { echo credentials not found; exit 1; };; esac\n`,
  );
  chmodSync(script, 0o755);
  const where = options({ credsStore: "keep" });
  assert.equal(await login(registry.host, ME, where), "docker-credential-keep");
  assert.deepEqual(read(kept), { ServerURL: registry.host, Username: "me", Secret: ME.password });
  assert.deepEqual(read(where.authFile), { credsStore: "keep" });
  assert.equal(await loggedInUser(registry.host, where), "me");
  assert.equal(await logout(registry.host, where), true);
  assert.equal(await logout(registry.host, where), false);
});

test("names that are no registry or no user are refused before anything is sent", async () => {
  for (const server of ["", "a b", "-x", "host/UPPER", "host:port", "ftp://x"])
    await assert.rejects(login(server, ME, options()), (error) => isCortenError(error, "invalid-argument"));
  for (const username of ["", "a:b", "a\nb"])
    await assert.rejects(login(registry.host, { ...ME, username }, options()), /user name/);
  assert.equal(registry.seen.length, 0);
});
