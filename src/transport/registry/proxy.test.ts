import assert from "node:assert/strict";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { after, before, test } from "node:test";
import { isCortenError, parseReference } from "../../spec/index.ts";
import { contentsOf, type MemoryImage, smallImage } from "../testing-image.ts";
import { openRegistrySource } from "./index.ts";
import { proxyFor } from "./proxy.ts";
import { selfSigned } from "./testing-certificate.ts";
import { RegistryDouble } from "./testing-registry.ts";

const proxied = (url: string, environment: Record<string, string>): string | undefined =>
  proxyFor(new URL(url), environment)?.href;

test("the proxy is chosen by scheme, and not for this machine or NO_PROXY", () => {
  const both = { HTTPS_PROXY: "http://s:1", http_proxy: "p:2" };
  assert.equal(proxied("https://a.b/", both), "http://s:1/");
  assert.equal(proxied("http://a.b/", both), "http://p:2/");
  assert.equal(proxied("https://a.b/", {}), undefined);
  for (const here of ["https://localhost/", "https://127.0.0.1:5000/", "https://[::1]/"]) {
    assert.equal(proxied(here, both), undefined, here);
  }
  const exceptions: [list: string, url: string, excepted: boolean][] = [
    ["*", "https://a.b/", true],
    ["x, a.b", "https://a.b/", true],
    ["a.b", "https://c.a.b/", true],
    ["a.b", "https://xa.b/", false],
    [".a.b", "https://a.b/", false],
    [".a.b", "https://c.a.b/", true],
    ["*.a.b", "https://c.a.b/", true],
    ["a.b:443", "https://a.b/", true],
    ["a.b:5000", "https://a.b/", false],
    ["10.0.0.0/8", "https://10.1.2.3/", true],
    ["10.0.0.0/8", "https://11.1.2.3/", false],
    ["10.0.0.0/99", "https://10.1.2.3/", false],
    ["10.1.2.3", "https://10.1.2.3/", true],
    ["fd00::/8", "https://[fd12::1]/", true],
    ["", "https://a.b/", false],
    [",,", "https://a.b/", false],
  ];
  for (const [list, url, excepted] of exceptions) {
    assert.equal(proxied(url, { ...both, NO_PROXY: list }) === undefined, excepted, `${list} ${url}`);
  }
  for (const value of ["socks5://s:1", "http://", "::"]) {
    assert.throws(
      () => proxied("https://a.b/", { HTTPS_PROXY: value }),
      (error) => isCortenError(error, "failed-precondition"),
    );
  }
});

/** A proxy that leads every name to one registry. */
async function startProxy(target: () => string) {
  const seen: string[] = [];
  let refuses = false;
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url} ${request.headers["proxy-authorization"]}`);
    fetch(`http://${target()}${new URL(request.url ?? "").pathname}`).then(async (reply) => {
      response.writeHead(reply.status, { "content-type": reply.headers.get("content-type") ?? "" });
      response.end(new Uint8Array(await reply.arrayBuffer()));
    });
  });
  server.on("connect", (request, socket) => {
    seen.push(`CONNECT ${request.url} ${request.headers["proxy-authorization"]}`);
    if (refuses) {
      socket.end("HTTP/1.1 403 Forbidden by policy\r\n\r\n");
      return;
    }
    const upstream = connect(Number(target().split(":")[1]), "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 Connection established\r\nx: y\r\n\r\n");
      upstream.pipe(socket);
      socket.pipe(upstream);
    });
    for (const end of [upstream, socket]) end.on("error", () => upstream.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    seen,
    url: `http://user:p%40ss@127.0.0.1:${(server.address() as AddressInfo).port}`,
    refuse: (value: boolean) => {
      refuses = value;
    },
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

const LOGIN = `Basic ${Buffer.from("user:p@ss").toString("base64")}`;
let secure: RegistryDouble;
let plain: RegistryDouble;
let image: MemoryImage;
let target: string;
let proxy: Awaited<ReturnType<typeof startProxy>>;
let authority: string;

before(async () => {
  const pair = selfSigned("DNS:registry.test");
  authority = pair.path;
  secure = await RegistryDouble.start(pair);
  plain = await RegistryDouble.start();
  image = await smallImage();
  for (const registry of [secure, plain]) await registry.add(image, "1");
  proxy = await startProxy(() => target);
});
after(async () => {
  proxy.close();
  await secure[Symbol.asyncDispose]();
  await plain[Symbol.asyncDispose]();
});

function pull(environment: Record<string, string>, insecure = false) {
  const reference = parseReference("registry.test/a:1");
  return openRegistrySource(reference, { credentials: "anonymous", attempts: 1, insecure, environment });
}

test("TLS goes through a tunnel and is verified at its end", async () => {
  target = secure.host;
  await using from = pull({ HTTPS_PROXY: proxy.url, SSL_CERT_FILE: authority });
  assert.deepEqual(await contentsOf(from), await contentsOf(image));
  assert.ok(
    proxy.seen.length > 0 && proxy.seen.every((line) => line === `CONNECT registry.test:443 ${LOGIN}`),
  );
  await using untrusted = pull({ HTTPS_PROXY: proxy.url });
  await assert.rejects(
    untrusted.root(),
    (error) => isCortenError(error, "failed-precondition") && /verify/.test(error.message),
  );
});

test("a proxy that refuses is named, without its password", async () => {
  proxy.refuse(true);
  await using from = pull({ HTTPS_PROXY: proxy.url });
  await assert.rejects(from.root(), (error) => {
    assert.ok(isCortenError(error, "unavailable"), String(error));
    assert.match(
      error.message,
      /the proxy 127\.0\.0\.1:[0-9]+ answered .* "HTTP\/1\.1 403 Forbidden by policy"/,
    );
    return true;
  });
  proxy.refuse(false);
});

test("plain HTTP is asked of the proxy with the whole URL", async () => {
  target = plain.host;
  proxy.seen.length = 0;
  await using from = pull({ HTTP_PROXY: proxy.url, http_proxy: "http://127.0.0.1:1" }, true);
  assert.deepEqual((await from.root()).descriptor, (await image.root()).descriptor);
  assert.deepEqual(proxy.seen, [`GET http://registry.test/v2/a/manifests/1 ${LOGIN}`]);
});
