import assert from "node:assert/strict";
import { createHmac, randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { manifestOf, startTestingRegistry } from "../testing-registry.ts";
import type { CloudEvent } from "./cloud-event.ts";
import type { WebhookOptions } from "./outbox.ts";
import { retryAfterOf } from "./post.ts";
import type { WebhookSettings } from "./webhook-settings.ts";

const directory = mkdtempSync(join(tmpdir(), "corten-webhook-"));
after(() => rmSync(directory, { recursive: true, force: true }));

interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly event: CloudEvent;
}

/** A receiver that answers with the next of `statuses`, then 204. */
async function startReceiver(statuses: number[] = [], headers: Record<string, string> = {}) {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    received.push({ headers: request.headers, body, event: JSON.parse(body) });
    response.writeHead(statuses.shift() ?? 204, headers).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    received,
    /** Resolves when so many requests have come. */
    async count(number: number) {
      while (received.length < number) await new Promise((resolve) => setTimeout(resolve, 5));
      return received;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Options of a registry that tells one receiver. */
function telling(settings: Omit<WebhookSettings, "name">, more: Partial<WebhookOptions> = {}) {
  const receivers = [{ name: "receiver", ...settings }];
  return { webhooks: { source: "https://registry.example", backoff: 1, receivers, ...more } };
}

/** The subjects of manifests that were pushed, without the digest. */
function pushes(received: readonly Received[]): readonly string[] {
  return received
    .filter(({ event }) => event.data.kind === "manifest-pushed")
    .map(({ event }) => event.subject);
}

test("a push is told as a CloudEvent that names image and actor, signed with the receiver's secret", async () => {
  await using receiver = await startReceiver();
  writeFileSync(join(directory, "secret"), "key\n");
  writeFileSync(join(directory, "authorization"), "Bearer token\n");
  const files = {
    secretFile: join(directory, "secret"),
    authorizationFile: join(directory, "authorization"),
  };
  await using registry = await startTestingRegistry(telling({ url: receiver.url, ...files }));
  await registry.push("team/app", "config");
  const put = await registry.put("team/app", "v1", manifestOf("config", []));
  await registry.call("GET", "team/app/manifests/v1").then((response) => response.text());
  await receiver.count(2);
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

test("every change is told, those of retention and collection too, and pulls to who asks for them", async () => {
  await using receiver = await startReceiver();
  const kinds = [
    ...(["manifest-pushed", "manifest-pulled", "manifest-deleted", "tag-deleted"] as const),
    ...(["blob-pushed", "blob-pulled", "blob-mounted", "blob-deleted"] as const),
  ];
  await using registry = await startTestingRegistry({
    ...telling({ url: receiver.url, kinds }),
    limits: { grace: -1000 },
    retention: [
      {
        repositories: [(name) => name === "b"],
        keepTags: [],
        deleteUntagged: undefined,
        deleteReferrers: undefined,
      },
    ],
  });
  const config = await registry.push("a", "config");
  await registry.call("POST", `b/blobs/uploads/?mount=${config}&from=a`);
  const put = await registry.put("b", "t", manifestOf("config", []));
  const digest = put.headers.get("docker-content-digest") ?? "";
  await registry.put("b", "u", manifestOf("config", []));
  await registry.call("GET", "b/manifests/t").then((response) => response.text());
  await registry.call("GET", `a/blobs/${config}`).then((response) => response.text());
  await receiver.count(6);
  await registry.call("DELETE", "b/manifests/t");
  await registry.registry.collect(); // takes the tag u, and the blob out of a
  await registry.call("DELETE", `b/manifests/${digest}`);
  await registry.call("DELETE", `b/blobs/${config}`);
  await receiver.count(11);
  const told = (repository: string) =>
    receiver.received
      .map(({ event }) => event.data)
      .filter((data) => data.repository === repository)
      .map(({ kind, tags = [] }) => [kind, ...tags].join(" "));
  assert.deepEqual(told("a"), ["blob-pushed", "blob-pulled", "blob-deleted"]);
  assert.deepEqual(told("b"), [
    ...["blob-mounted", "manifest-pushed t", "manifest-pushed u", "manifest-pulled t", "tag-deleted t"],
    ...["tag-deleted u", "manifest-deleted", "blob-deleted"],
  ]);
});

test("only the kinds and repositories that were asked for are told", async () => {
  await using receiver = await startReceiver();
  const settings = { kinds: ["tag-deleted" as const], repositories: [(name: string) => name === "team/app"] };
  await using registry = await startTestingRegistry({
    ...telling({ url: receiver.url, ...settings }),
    require: "nothing",
  });
  for (const repository of ["other", "team/app"]) {
    await registry.put(repository, "v1", manifestOf("config", []));
    await registry.call("DELETE", `${repository}/manifests/v1`);
  }
  await receiver.count(1);
  assert.deepEqual(
    receiver.received.map(({ event }) => event.subject),
    ["team/app:v1"],
  );
  assert.deepEqual(await registry.storage.metadata.events.count(), { waiting: 0, dead: 0 });
});

test("a receiver that fails gets the same event again, and later ones of the repository after it", async () => {
  await using receiver = await startReceiver([503, 429, 425]);
  await using registry = await startTestingRegistry({
    ...telling({ url: receiver.url }),
    require: "nothing",
  });
  for (const tag of ["v1", "v2", "v3"]) await registry.put("a", tag, manifestOf(tag, []));
  await receiver.count(6);
  const ids = receiver.received.map(({ event }) => event.id);
  assert.equal(new Set(ids.slice(0, 4)).size, 1);
  assert.deepEqual(pushes(receiver.received.slice(3)), ["a:v1", "a:v2", "a:v3"]);
});

test("a receiver that asks for time gets it", async () => {
  await using receiver = await startReceiver([503], { "Retry-After": "1" });
  await using registry = await startTestingRegistry({
    ...telling({ url: receiver.url }),
    require: "nothing",
  });
  const begun = Date.now();
  await registry.put("a", "v1", manifestOf("v1", []));
  await receiver.count(2);
  assert.ok(Date.now() - begun >= 1000, "the event was sent again too early");
  const now = Date.parse("Sat, 28 Nov 2026 00:00:00 GMT");
  assert.equal(retryAfterOf("Sat, 28 Nov 2026 00:01:00 GMT", now), 60_000);
  assert.equal(retryAfterOf("Fri, 27 Nov 2026 00:01:00 GMT", now), 0);
  for (const nonsense of ["soon", "-1", "1e9", null]) assert.equal(retryAfterOf(nonsense, now), undefined);
});

test("what is refused or never taken becomes a dead letter that can be sent again, and holds up nothing", async () => {
  await using receiver = await startReceiver([400, 500, 500]);
  const outcomes: string[] = [];
  const failures: string[] = [];
  const more = { onOutcome: (outcome: string) => void outcomes.push(outcome) };
  await using registry = await startTestingRegistry({
    ...telling({ url: receiver.url, attempts: 2 }, more),
    require: "nothing",
    onFailure: (error) => void failures.push(String(error)),
  });
  for (const tag of ["a", "b", "c"]) await registry.put("x", tag, manifestOf(tag, []));
  await receiver.count(4);
  const { events } = registry.storage.metadata;
  while ((await events.count()).waiting > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(outcomes, ["dead", "postponed", "dead", "delivered"]);
  assert.equal(failures.length, 2);
  const dead = await events.dead({ limit: 10 });
  assert.deepEqual(
    dead.map(({ failure, attempts }) => [failure, attempts]),
    [
      ["webhook receiver: the receiver answered 400", 1],
      ["webhook receiver: the receiver answered 500", 2],
    ],
  );
  await events.revive({});
  await registry.put("y", "d", manifestOf("d", [])); // wakes
  const received = await receiver.count(7);
  assert.deepEqual(pushes(received.slice(4)).toSorted(), ["x:a", "x:b", "y:d"]);
});

test("a full queue loses the oldest events, and says how many", async () => {
  let lost = 0;
  const onLost = (count: number) => {
    lost += count;
  };
  const more = { onLost, deliver: false };
  const storage = { url: "http://127.0.0.1:1/", queue: 2 };
  await using first = await startTestingRegistry({ ...telling(storage, more), require: "nothing" });
  for (const tag of ["a", "b", "c", "d"]) await first.put("x", tag, manifestOf(tag, []));
  assert.equal((await first.storage.metadata.events.count()).waiting, 4);
  await using receiver = await startReceiver();
  await using second = await startTestingRegistry({
    ...telling({ ...storage, url: receiver.url }, { ...more, deliver: true }),
    storage: first.storage,
  });
  await receiver.count(2);
  assert.deepEqual(pushes(receiver.received), ["x:c", "x:d"]);
  assert.equal(lost, 2);
  assert.ok(second.origin !== first.origin);
});

test("several servers over one storage deliver each event once, each repository in order", async () => {
  await using receiver = await startReceiver();
  const options = { ...telling({ url: receiver.url }), require: "nothing" as const };
  await using first = await startTestingRegistry(options);
  await using second = await startTestingRegistry({ ...options, storage: first.storage });
  await using third = await startTestingRegistry({ ...options, storage: first.storage });
  const servers = [first, second, third];
  const repositories = Array.from({ length: 8 }, (_, index) => `r${index}`);
  for (let round = 0; round < 10; round++) {
    await Promise.all(
      repositories.map((name, index) =>
        servers[(round + index) % 3]!.put(name, `t${round}`, manifestOf(randomUUID(), [])),
      ),
    );
  }
  await receiver.count(80);
  const expected = Array.from({ length: 10 }, (_, round) => `t${round}`);
  for (const name of repositories) {
    const tags = receiver.received
      .filter(({ event }) => event.data.repository === name)
      .map(({ event }) => event.data.tags?.[0]);
    assert.deepEqual(tags, expected, name);
  }
});

test("a server that stops leaves what was not delivered to the next", async () => {
  await using first = await startTestingRegistry({
    ...telling({ url: "http://127.0.0.1:1/" }, { backoff: 100 }),
    require: "nothing",
  });
  await first.put("x", "a", manifestOf("a", []));
  const { events } = first.storage.metadata;
  await first.registry[Symbol.asyncDispose]();
  assert.deepEqual(await events.count(), { waiting: 1, dead: 0 });
  await using receiver = await startReceiver();
  const second = await startTestingRegistry({ ...telling({ url: receiver.url }), storage: first.storage });
  await receiver.count(1); // nothing is pushed there: it looks by itself
  await second[Symbol.asyncDispose]();
  assert.deepEqual(pushes(receiver.received), ["x:a"]);
});
