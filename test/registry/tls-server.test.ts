import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { renameSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { promisify } from "node:util";
import { openAccess, openTlsServer, readAccessSettings, type TlsServer } from "../../src/registry/index.ts";
import { type CortenError, isCortenError, JsonView } from "../../src/spec/index.ts";
import { Authority } from "./authority.ts";

const run = promisify(execFile);

async function listen({ server }: TlsServer): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `https://localhost:${(server.address() as AddressInfo).port}`;
}

/** What curl says, or its exit code. */
async function curl(authority: Authority, url: string, client?: string): Promise<string> {
  const certificate =
    client === undefined
      ? []
      : ["--cert", authority.path(`${client}.pem`), "--key", authority.path(`${client}.key`)];
  try {
    const words = ["-sS", "--noproxy", "*", "--cacert", authority.path("ca.pem"), ...certificate, url];
    return (await run("curl", words)).stdout;
  } catch (error) {
    return `exit ${(error as { code: number }).code}`;
  }
}

test("a verified client certificate is a login, its groups come from the configuration", async () => {
  using authority = new Authority();
  authority.make("server", "localhost");
  authority.make("alice", "alice");
  authority.make("builder", "x", "URI:spiffe://example.org/ns/ci/sa/builder");
  authority.make("forged", "alice", "", false);
  const access = await openAccess(
    readAccessSettings(
      new JsonView(
        {
          clientCertificates: {},
          groups: { builders: ["spiffe://example.org/ns/*/sa/builder"] },
          policies: [{ repositories: ["**"], groups: ["builders"], verbs: ["create"] }],
        },
        "configuration",
      ),
      { base: authority.directory, state: undefined },
    ),
  );
  const handler = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    try {
      const identity = await access.identify(request);
      const may = access.allows(identity, "a", "create");
      response.end(`${identity.name ?? "nobody"} ${may} ${access.welcomes?.(identity)}`);
    } catch (error) {
      response.end((error as CortenError).code);
    }
  };
  const files = { certificate: authority.path("server.pem"), key: authority.path("server.key") };
  const options = { ...files, clientAuthorities: authority.path("ca.pem"), handler };
  await using open = await openTlsServer(options);
  const url = await listen(open);
  assert.equal(await curl(authority, url, "alice"), "alice false true");
  assert.equal(await curl(authority, url, "builder"), "spiffe://example.org/ns/ci/sa/builder true true");
  assert.equal(await curl(authority, url), "nobody false false");
  assert.equal(await curl(authority, url, "forged"), "unauthenticated");
  // Also after the certificates were replaced.
  await open.reload();
  assert.equal(await curl(authority, url, "alice"), "alice false true");
  assert.equal(await curl(authority, url, "forged"), "unauthenticated");

  await using closed = await openTlsServer({ ...options, requireClientCertificate: true });
  const closedUrl = await listen(closed);
  assert.equal(await curl(authority, closedUrl, "alice"), "alice false true");
  assert.match(await curl(authority, closedUrl), /^exit/);
  assert.match(await curl(authority, closedUrl, "forged"), /^exit/);
  await closed.reload();
  assert.match(await curl(authority, closedUrl, "forged"), /^exit/);
});

test("a new certificate is taken up while the server runs", async () => {
  using authority = new Authority();
  authority.make("server", "first");
  authority.make("next", "second");
  const errors: CortenError[] = [];
  await using open = await openTlsServer({
    certificate: authority.path("server.pem"),
    key: authority.path("server.key"),
    handler: (_, response) => response.end("here"),
    reloadInterval: 20,
    onReloadError: (error) => errors.push(error),
  });
  const url = await listen(open);
  const served = async (): Promise<string> => {
    const words = ["s_client", "-connect", url.slice("https://".length), "-servername", "localhost"];
    const shown = await run("sh", [
      "-c",
      `openssl ${words.join(" ")} </dev/null 2>&1 | sed -n 's/^subject=CN = //p'`,
    ]);
    return shown.stdout.trim();
  };
  const until = async (condition: () => Promise<boolean>): Promise<void> => {
    while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  assert.equal(await served(), "first");
  // A half-done change: the old pair stays.
  renameSync(authority.path("next.pem"), authority.path("server.pem"));
  await until(async () => errors.length > 0);
  assert.ok(isCortenError(errors[0], "failed-precondition"));
  assert.equal(await served(), "first");
  renameSync(authority.path("next.key"), authority.path("server.key"));
  await until(async () => (await served()) === "second");
  assert.equal(await curl(authority, url), "here");
});

test("files that cannot be used are named", async () => {
  using authority = new Authority();
  authority.make("server", "localhost");
  authority.make("other", "localhost");
  const handler = (): void => undefined;
  const certificate = authority.path("server.pem");
  for (const key of ["missing.key", "other.key"]) {
    await assert.rejects(
      openTlsServer({ certificate, key: authority.path(key), handler }),
      (error: unknown) => isCortenError(error, "failed-precondition") && error.message.includes(key),
      key,
    );
  }
  const files = {
    certificate,
    key: authority.path("server.key"),
    clientAuthorities: authority.path("server.key"),
  };
  await assert.rejects(openTlsServer({ ...files, handler }), /client authorities/);
});
