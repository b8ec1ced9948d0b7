import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, test } from "node:test";
import type { Metadata, OutgoingEvent } from "../../../src/registry/index.ts";
import { digestOf, manifestOf } from "./metadata-contract.ts";

const LEASE = 60_000;
const past = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));

/** What webhooks ask of every kind of metadata. Each test uses receivers and repositories of its own. */
export function describeEventQueue(kind: string, metadata: () => Metadata): void {
  const queue = () => metadata().events;
  const unique = (name: string) => `${name}-${randomUUID()}`;
  const event = (receiver: string, repository: string, body = "{}"): OutgoingEvent => ({
    receiver,
    repository,
    body,
  });
  const claim = (receiver: string, holder: string, more = {}) =>
    queue().claim({ receiver, holder, lease: LEASE, repositories: 10, events: 10, ...more });
  const bodies = (events: readonly { readonly body: string }[]) => events.map(({ body }) => body);

  describe(`events in ${kind}`, () => {
    test("a change and its events are there together or not at all", async () => {
      const [receiver, a, b] = [unique("receiver"), unique("a"), unique("b")];
      const tell =
        (body: string) =>
        (result: unknown): readonly OutgoingEvent[] => [
          event(receiver, a, `${body} ${JSON.stringify(result)}`),
        ];
      const digest = digestOf(a);
      const stored = { key: randomUUID(), size: 3 };
      await metadata().addBlob(a, digest, stored, undefined, { announce: tell("added") });
      await metadata().mountBlob(b, digest, a, { announce: tell("mounted") });
      const manifest = manifestOf(a);
      await metadata().putManifest(a, manifest, { tags: ["t", "u"], announce: tell("put") });
      await metadata().removeTag(a, "t", tell("untagged"));
      const [state] = await metadata().tagStates(a, { limit: 1 });
      await metadata().expireTag(a, state!, tell("expired tag"));
      await metadata().expireUntagged(a, manifest.digest, "no-subject", Date.now() + 1000, tell("expired"));
      await metadata().putManifest(a, manifest, { tags: [] });
      await metadata().removeManifest(a, manifest.digest, undefined, tell("removed"));
      await metadata().removeBlob(a, digest, undefined, tell("blob removed"));
      await metadata().dropUnreferenced(Date.now() + 1, 10_000, (dropped) =>
        dropped.filter(({ repository }) => repository === b).map(() => event(receiver, a, "dropped")),
      );
      const failing = () => {
        throw new Error("no event");
      };
      await assert.rejects(metadata().putManifest(a, manifest, { tags: ["x"], announce: failing }));
      assert.equal(await metadata().manifest(a, "x"), undefined);
      assert.deepEqual(bodies(await claim(receiver, "h", { events: 100 })), [
        `added ${JSON.stringify(stored)}`,
        "mounted true",
        'put {"outcome":"stored","created":true}',
        `untagged "${manifest.digest}"`,
        "expired tag true",
        "expired true",
        "removed []",
        "blob removed true",
        "dropped",
      ]);
    });

    test("one holder has the first events of a repository, in order, until they are settled", async () => {
      const [receiver, a, b] = [unique("receiver"), unique("a"), unique("b")];
      await queue().add([event(receiver, a, "1"), event(receiver, b, "2"), event(receiver, a, "3")]);
      await queue().add([event(receiver, a, "4"), event(unique("other"), a, "not mine")]);
      const first = await claim(receiver, "one", { repositories: 1, events: 2 });
      assert.deepEqual(bodies(first), ["1", "3"]);
      assert.ok(Math.abs(first[0]!.queued - Date.now()) < 60_000);
      const second = await claim(receiver, "two");
      assert.deepEqual(bodies(second), ["2"]);
      await queue().settle(first[0]!.id);
      assert.deepEqual(bodies(await claim(receiver, "three")), []);
      await queue().settle(first[1]!.id);
      assert.deepEqual(bodies(await claim(receiver, "three")), ["4"]);
      await queue().release("two");
      assert.deepEqual(bodies(await claim(receiver, "three")), ["2"]);
    });

    test("servers that claim at the same moment share what is there", async () => {
      const receiver = unique("receiver");
      const repositories = Array.from({ length: 12 }, () => unique("r"));
      await queue().add(
        repositories.flatMap((name) => [event(receiver, name, "1"), event(receiver, name, "2")]),
      );
      const claims = await Promise.all(
        Array.from({ length: 6 }, (_, index) => claim(receiver, `h${index}`, { repositories: 3 })),
      );
      const ids = claims.flat().map(({ id }) => id);
      assert.equal(new Set(ids).size, ids.length);
      for (;;) {
        const more = await claim(receiver, "last");
        if (more.length === 0) break;
        ids.push(...more.map(({ id }) => id));
      }
      assert.equal(new Set(ids).size, 24);
      assert.equal(ids.length, 24);
    });

    test("what a dead server had is free after its time, and what it settles late settles nothing else", async () => {
      const [receiver, a] = [unique("receiver"), unique("a")];
      await queue().add([event(receiver, a, "1"), event(receiver, a, "2")]);
      const [one, two] = await claim(receiver, "dead", { lease: 1 });
      await past();
      assert.deepEqual(bodies(await claim(receiver, "next")), ["1", "2"]);
      assert.deepEqual(await queue().extend("dead", LEASE), new Set());
      assert.deepEqual(await queue().extend("next", LEASE), new Set([one!.id, two!.id]));
      await queue().postpone(one!.id, "dead", 1000);
      await queue().settle(two!.id);
      await queue().add([event(receiver, a, "3")]);
      await queue().settle(two!.id);
      await queue().release("next");
      const left = await claim(receiver, "last");
      assert.deepEqual(
        left.map(({ body, attempts }) => [body, attempts]),
        [
          ["1", 0],
          ["3", 0],
        ],
      );
    });

    test("a failed event holds back its repository until it is due, and no other", async () => {
      const [receiver, a, b] = [unique("receiver"), unique("a"), unique("b")];
      await queue().add([event(receiver, a, "1"), event(receiver, a, "2"), event(receiver, b, "3")]);
      const [first, second] = await claim(receiver, "h");
      assert.deepEqual(bodies([first!, second!]), ["1", "2"]);
      await queue().postpone(first!.id, "h", 300);
      await queue().release("h");
      assert.deepEqual(bodies(await claim(receiver, "h")), ["3"]);
      let again = await claim(receiver, "h");
      for (; again.length === 0; again = await claim(receiver, "h")) await past();
      assert.deepEqual(
        again.map(({ body, attempts }) => [body, attempts]),
        [
          ["1", 1],
          ["2", 0],
        ],
      );
    });

    test("dead letters are kept apart, listed, sent again at the end, and thrown away", async () => {
      const [receiver, a] = [unique("receiver"), unique("a")];
      await queue().add([event(receiver, a, "1"), event(receiver, a, "2"), event(receiver, a, "3")]);
      const before = await queue().count();
      const [first, second] = await claim(receiver, "h");
      await queue().bury(first!.id, "refused");
      await queue().bury(second!.id, "refused too");
      assert.deepEqual(await queue().count(), { waiting: before.waiting - 2, dead: before.dead + 2 });
      await queue().release("h");
      assert.deepEqual(bodies(await claim(receiver, "h")), ["3"]);
      const [dead] = await queue().dead({ receiver, limit: 1 });
      const { id, body, failure, attempts } = dead!;
      assert.deepEqual({ body, failure, attempts }, { body: "1", failure: "refused", attempts: 1 });
      assert.deepEqual(bodies(await queue().dead({ receiver, limit: 10, after: id })), ["2"]);
      assert.equal(await queue().revive({ receiver: unique("nobody") }), 0);
      assert.equal(await queue().revive({ receiver }), 2);
      await queue().release("h");
      const events = await claim(receiver, "h");
      assert.deepEqual(
        events.map((each) => [each.body, each.attempts]),
        [
          ["3", 0],
          ["1", 0],
          ["2", 0],
        ],
      );
      await queue().bury(events[1]!.id, "no");
      assert.equal(await queue().discard({ receiver }), 1);
      assert.deepEqual(await queue().dead({ receiver, limit: 10 }), []);
    });

    test("the oldest are pushed out of a full queue, and old ones are forgotten", async () => {
      const [receiver, a] = [unique("receiver"), unique("a")];
      for (let index = 0; index < 5; index++) await queue().add([event(receiver, a, String(index))]);
      const [first, second] = await claim(receiver, "h");
      await queue().bury(first!.id, "no");
      await queue().bury(second!.id, "no");
      assert.deepEqual(await queue().trim(receiver, { waiting: 3, dead: 2 }), { waiting: 0, dead: 0 });
      assert.deepEqual(await queue().trim(receiver, { waiting: 2, dead: 1 }), { waiting: 1, dead: 1 });
      await queue().release("h");
      assert.deepEqual(bodies(await claim(receiver, "h")), ["3", "4"]);
      assert.deepEqual(bodies(await queue().dead({ receiver, limit: 10 })), ["1"]);
      assert.equal(await queue().forget(Date.now() - 60_000), 0);
      await past();
      assert.ok((await queue().forget(Date.now())) >= 3);
      await queue().release("h");
      assert.deepEqual(await claim(receiver, "h"), []);
    });
  });
}
