import assert from "node:assert/strict";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type ErrorCode, isCortenError, parseReference } from "../../spec/index.ts";
import { contentsOf, type MemoryImage, smallImage } from "../testing-image.ts";
import { openRegistrySource } from "./index.ts";
import type { RegistryOptions } from "./options.ts";
import { selfSigned } from "./testing-certificate.ts";
import { RegistryDouble } from "./testing-registry.ts";

let directory: string;
let registry: RegistryDouble;
let certificate: ReturnType<typeof selfSigned>;
let image: MemoryImage;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "corten-tls-"));
  certificate = selfSigned("IP:127.0.0.1");
  registry = await RegistryDouble.start(certificate);
  image = await smallImage();
  await registry.add(image, "1");
});
after(async () => {
  await registry[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

async function pull(options: RegistryOptions, host = registry.host): Promise<void> {
  const quick = { credentials: "anonymous", attempts: 1, ...options } as const;
  await using from = openRegistrySource(parseReference(`${host}/a:1`), quick);
  assert.deepEqual(await contentsOf(from), await contentsOf(image));
}

async function refuses(run: Promise<unknown>, code: ErrorCode, message: RegExp): Promise<void> {
  await assert.rejects(run, (error) => {
    assert.ok(isCortenError(error, code), String(error));
    assert.match(error.message, message);
    return true;
  });
}

test("C5 CVE-2025-6032: a certificate that does not verify is refused, on this machine too", async () => {
  await refuses(pull({}), "failed-precondition", /certificate does not verify/);
  assert.equal(registry.seen.length, 0, "no request was sent");
});

test("insecure accepts any certificate", async () => {
  await pull({ insecure: true });
});

test("an authority in certs.d is trusted for its host only", async () => {
  const certs = join(directory, "certs.d");
  await mkdir(join(certs, registry.host), { recursive: true });
  await writeFile(join(certs, registry.host, "ca.crt"), certificate.cert);
  await pull({ certificateDirectories: [join(directory, "none"), certs] });
  // The name in the certificate is an address, so the same server under another name must fail.
  const other = registry.host.replace("127.0.0.1", "localhost");
  await mkdir(join(certs, other), { recursive: true });
  await writeFile(join(certs, other, "ca.crt"), certificate.cert);
  await refuses(pull({ certificateDirectories: [certs] }, other), "failed-precondition", /does not verify/);
  await refuses(
    pull({ certificateDirectories: [join(directory, "none")] }),
    "failed-precondition",
    /does not verify/,
  );
});

test("SSL_CERT_FILE replaces the system's authorities", async () => {
  const trusted = { ...process.env, SSL_CERT_FILE: certificate.path };
  await pull({ environment: trusted });
  const missing = { ...process.env, SSL_CERT_FILE: join(directory, "missing.pem") };
  await refuses(pull({ environment: missing }), "failed-precondition", /missing\.pem: ENOENT/);
});

test("an unusable certificate in certs.d is an error, not a reason to go without", async () => {
  const certs = join(directory, "bad.d");
  await mkdir(join(certs, registry.host), { recursive: true });
  await writeFile(join(certs, registry.host, "client.cert"), "x");
  await refuses(pull({ certificateDirectories: [certs] }), "failed-precondition", /client\.key: ENOENT/);
  await writeFile(join(certs, registry.host, "client.key"), "x");
  await refuses(pull({ certificateDirectories: [certs] }), "failed-precondition", /is not valid/);
});

test("a client certificate is shown to the registry that it is for: by certs.d, a directory of its own, or hosts.toml", async () => {
  const client = selfSigned("DNS:client");
  await using strict = await RegistryDouble.start({
    ...certificate,
    ca: client.cert,
    requestCert: true,
    rejectUnauthorized: true,
  });
  await strict.add(image, "1");
  const own = join(directory, "own");
  await mkdir(own);
  await writeFile(join(own, "ca.crt"), certificate.cert);
  // With TLS 1.3 the refusal comes after the handshake; where the connection is gone by then, that is all there is to tell.
  await assert.rejects(pull({ certificateDirectory: own }, strict.host), (error) => {
    assert.ok(isCortenError(error));
    if (error.code !== "unavailable") assert.match(error.message, /wants a client certificate that it knows/);
    return true;
  });
  assert.equal(strict.seen.length, 0);
  await writeFile(join(own, "client.cert"), client.cert);
  await writeFile(join(own, "client.key"), client.key);
  await pull({ certificateDirectory: own }, strict.host);
  const certs = join(directory, "client-certs.d");
  await cp(own, join(certs, strict.host), { recursive: true });
  await pull({ certificateDirectories: [certs] }, strict.host);
  const hosts = join(directory, "hosts.d", strict.host);
  await mkdir(hosts, { recursive: true });
  const text = `server = "https://${strict.host}"\nca = "${own}/ca.crt"\nclient = [["${own}/client.cert", "${own}/client.key"]]`;
  await writeFile(join(hosts, "hosts.toml"), text);
  const options = { registriesConf: false, certificateDirectories: [] } as const;
  await pull({ ...options, hostsDirectories: [join(directory, "hosts.d")] }, strict.host);
  await refuses(pull({ certificateDirectories: [certs] }), "failed-precondition", /does not verify/);
});
