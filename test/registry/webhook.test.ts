import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { command, corten, temporaryDirectory } from "../support/index.ts";
import { push, startReceiver } from "./event-receiver.ts";
import { serveRegistry } from "./registry-server.ts";

function configure(directory: string, url: string, storage: object = {}): readonly string[] {
  const file = join(directory, "registry.yaml");
  const webhooks = [{ name: "ci", url, kinds: ["manifest-pushed"], attempts: 3 }];
  writeFileSync(file, JSON.stringify({ access: "open", events: { webhooks }, metrics: true, ...storage }));
  return ["--config", file];
}

test("events of a server that was killed between push and delivery come from the next one, in order", async () => {
  using scratch = temporaryDirectory("webhook");
  await using receiver = await startReceiver();
  const args = configure(scratch.path, receiver.url);
  receiver.state.answer = "silence";
  const first = await serveRegistry(scratch.path, { args });
  await push(first.address, "a", "1");
  await receiver.until(() => receiver.silent.length === 1); // one is on its way
  for (const tag of ["2", "3"]) await push(first.address, "a", tag);
  await push(first.address, "b", "4");
  assert.equal(await first.end("SIGKILL"), "SIGKILL");
  receiver.state.answer = 204;
  await using second = await serveRegistry(scratch.path, { args });
  await receiver.until(() => receiver.told.length >= 4);
  const tags = receiver.told.map(({ tag }) => tag);
  assert.deepEqual(
    tags.filter((tag) => tag !== "4"),
    ["1", "2", "3"],
  );
  assert.ok(tags.includes("4"));
  assert.equal(await second.end("SIGTERM"), 0);
});

test("dead letters are counted, listed, and sent again when they are told to be", async () => {
  using scratch = temporaryDirectory("webhook");
  await using receiver = await startReceiver();
  const args = configure(scratch.path, receiver.url);
  receiver.state.answer = 403;
  await using server = await serveRegistry(scratch.path, { args });
  await push(server.address, "a", "1");
  const metric = async (name: string) => {
    const text = await (await fetch(`http://${server.address}/metrics`)).text();
    const line = text.split("\n").find((each) => each.startsWith(`corten_registry_${name} `));
    return Number(line?.split(" ").at(-1));
  };
  while ((await metric("events_dead")) !== 1) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(await metric("events_waiting"), 0);
  assert.equal(await metric('event_deliveries_total{outcome="dead"}'), 1);
  const events = (...words: string[]) =>
    command(corten, ["--root", join(scratch.path, "root"), "registry", "events", ...words, ...args]);
  const listed = await events("list");
  assert.match(listed.stdout, /ci +manifest-pushed a:1 +1 +webhook ci: the receiver answered 403/);
  receiver.state.answer = 204;
  assert.match((await events("retry", "--receiver", "other")).stdout, /^0 events/);
  assert.match((await events("retry")).stdout, /^1 events/);
  await receiver.until(() => receiver.told.length === 1);
  assert.equal(receiver.told[0]!.tag, "1");
  while ((await metric("events_waiting")) !== 0) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.match((await events("discard")).stdout, /^0 events/);
});
