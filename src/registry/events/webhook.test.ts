import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { digestOf, manifestOf, startTestingRegistry } from "../testing-registry.ts";
import type { CloudEvent } from "./cloud-event.ts";
import type { RegistryEvent } from "./registry-event.ts";
import { Webhook } from "./webhook.ts";

const directory = mkdtempSync(join(tmpdir(), "corten-webhook-"));
after(() => rmSync(directory, { recursive: true, force: true }));

interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly event: CloudEvent;
}

/** A receiver that answers with the next of `statuses`, then 204. */
async function startReceiver(statuses: number[] = []) {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    received.push({ headers: request.headers, body, event: JSON.parse(body) });
    response.writeHead(statuses.shift() ?? 204).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    received,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const pushed: RegistryEvent = {
  kind: "manifest-pushed",
  repository: "team/app",
  digest: digestOf("x"),
  tags: ["v1"],
};
const failures: unknown[] = [];
const options = {
  source: "https://registry.example",
  onFailure: (error: unknown) => void failures.push(error),
  backoff: 1,
};

test("a push is told as a CloudEvent that names image and actor, signed with the receiver's secret", async () => {
  await using receiver = await startReceiver();
  writeFileSync(join(directory, "secret"), "key\n");
  writeFileSync(join(directory, "authorization"), "Bearer token\n");
  const files = {
    secretFile: join(directory, "secret"),
    authorizationFile: join(directory, "authorization"),
  };
  await using webhook = new Webhook({ url: receiver.url, ...files }, options);
  await using registry = await startTestingRegistry({ onEvent: (event) => webhook.add(event) });
  await registry.push("team/app", "config");
  const put = await registry.put("team/app", "v1", manifestOf("config", []));
  await registry.call("GET", "team/app/manifests/v1").then((response) => response.text());
  await webhook.idle();
  const types = receiver.received.map(({ event }) => event.type);
  assert.deepEqual(types, ["dev.corten.registry.blob.pushed", "dev.corten.registry.manifest.pushed"]);
  const { event, headers, body } = receiver.received[1]!;
  assert.equal(headers["content-type"], "application/cloudevents+json; charset=utf-8");
  assert.equal(headers.authorization, "Bearer token");
  assert.equal(
    headers["corten-signature"],
    `sha256=${createHmac("sha256", "key").update(body).digest("hex")}`,
  );
  assert.equal(event.specversion, "1.0");
  assert.equal(event.source, "https://registry.example");
  assert.equal(event.subject, "team/app:v1");
  assert.equal(event.data.digest, put.headers.get("docker-content-digest"));
  assert.ok(Math.abs(Date.parse(event.time) - Date.now()) < 60_000);
});

test("only the kinds and repositories that were asked for are told", async () => {
  await using receiver = await startReceiver();
  const settings = { kinds: ["tag-deleted" as const], repositories: [(name: string) => name === "team/app"] };
  await using webhook = new Webhook({ url: receiver.url, ...settings }, options);
  webhook.add(pushed);
  webhook.add({ ...pushed, kind: "tag-deleted", repository: "other" });
  webhook.add({ ...pushed, kind: "tag-deleted" });
  await webhook.idle();
  assert.deepEqual(
    receiver.received.map(({ event }) => event.data.repository),
    ["team/app"],
  );
});

test("a receiver that fails gets the same event again, and later ones after it", async () => {
  await using receiver = await startReceiver([503, 429]);
  await using webhook = new Webhook({ url: receiver.url }, options);
  webhook.add(pushed);
  webhook.add({ ...pushed, tags: ["v2"] });
  await webhook.idle();
  const ids = receiver.received.map(({ event }) => event.id);
  assert.equal(ids.length, 4);
  assert.equal(new Set(ids.slice(0, 3)).size, 1);
  assert.equal(receiver.received[3]!.event.subject, "team/app:v2");
});

test("what is refused or never taken is given up and counted, and holds up nothing", async () => {
  await using receiver = await startReceiver([400, 500, 500]);
  failures.length = 0;
  await using webhook = new Webhook({ url: receiver.url }, { ...options, attempts: 2, waiting: 2 });
  for (const tag of ["a", "b", "c"]) webhook.add({ ...pushed, tags: [tag] });
  await webhook.idle();
  assert.equal(webhook.waiting, 0);
  assert.equal(webhook.lost, 3);
  assert.ok(failures.length >= 2);
  const nowhere = new Webhook({ url: "http://127.0.0.1:1/" }, options);
  nowhere.add(pushed);
  await nowhere[Symbol.asyncDispose]();
  assert.equal(nowhere.lost, 1);
});
