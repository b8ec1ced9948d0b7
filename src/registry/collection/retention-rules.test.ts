import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Digest, isCortenError, JsonView } from "../../spec/index.ts";
import type { TagState } from "../metadata/housekeeping.ts";
import { readQuotas } from "./quotas.ts";
import { attachmentSubject, expiredTags, readRetentionRules, ruleFor } from "./retention-rules.ts";

const DAY = 86_400_000;
const NOW = 1000 * DAY;
const digest: Digest = `sha256:${"0".repeat(64)}`;

/** A tag pushed and pulled so many days ago. */
function tag(name: string, pushed: number, pulled?: number): TagState {
  return {
    name,
    digest,
    pushed: NOW - pushed * DAY,
    ...(pulled === undefined ? {} : { pulled: NOW - pulled * DAY }),
  };
}

function expired(tags: readonly TagState[], ...keepTags: readonly object[]): readonly string[] {
  const [rule] = readRetentionRules(new JsonView([{ repositories: ["**"], keepTags }], "retention"));
  return expiredTags(tags, rule?.keepTags ?? [], NOW).map(({ name }) => name);
}

const tags = [
  tag("v1", 90, 1),
  tag("v2", 60, 40),
  tag("v3", 10),
  tag("dev-1", 5, 5),
  tag("dev-2", 1),
  tag("latest", 1),
];

test("a tag stays for each reason that it has", () => {
  assert.deepEqual(expired(tags, { tags: ["v*"] }), ["dev-1", "dev-2", "latest"]);
  assert.deepEqual(expired(tags, { tags: ["v*"], mostRecentlyPushed: 2 }, { tags: ["latest"] }), [
    "v1",
    "dev-1",
    "dev-2",
  ]);
  assert.deepEqual(expired(tags, { tags: ["*"], mostRecentlyPulled: 2 }), ["v2", "v3", "dev-2", "latest"]);
  assert.deepEqual(expired(tags, { tags: ["*"], pushedWithin: "7d" }), ["v1", "v2", "v3"]);
  assert.deepEqual(
    expired(tags, { tags: ["v*"], pulledWithin: "30d" }, { tags: ["dev-*"], pushedWithin: "48h" }),
    ["v2", "v3", "dev-1", "latest"],
  );
  assert.deepEqual(
    expired(tags, { tags: ["v*"], mostRecentlyPushed: 1, pulledWithin: "30d" }, { tags: ["[a-z]*"] }),
    ["v2", "dev-1", "dev-2", "latest"],
  );
});

test("signatures that stand under a tag are no candidates", () => {
  const signature = `sha256-${"a".repeat(64)}.sig`;
  assert.deepEqual(expired([tag(signature, 90), tag("old", 90)], { tags: ["v*"] }), ["old"]);
  assert.equal(attachmentSubject(signature), `sha256:${"a".repeat(64)}`);
  assert.equal(attachmentSubject(`sha256-${"a".repeat(63)}`), undefined);
  assert.equal(attachmentSubject("latest"), undefined);
});

test("a count keeps that many, a further reason takes nothing away", () => {
  const state = fc
    .tuple(fc.integer({ min: 0, max: 30 }), fc.option(fc.integer({ min: 0, max: 30 }), { nil: undefined }))
    .map(([pushed, pulled]) => ({ pushed, pulled }));
  fc.assert(
    fc.property(fc.array(state, { maxLength: 12 }), fc.nat(14), fc.nat(30), (states, count, days) => {
      const all = states.map(({ pushed, pulled }, index) => tag(`t${index}`, pushed, pulled));
      const byCount = expired(all, { tags: ["*"], mostRecentlyPushed: count });
      assert.equal(all.length - byCount.length, Math.min(count, all.length));
      const kept = all.filter(({ name }) => !byCount.includes(name));
      for (const { name, pushed } of all) {
        if (byCount.includes(name)) assert.ok(kept.every((other) => other.pushed >= pushed));
      }
      const both = expired(all, { tags: ["*"], mostRecentlyPushed: count, pushedWithin: `${days}d` });
      assert.ok(both.every((name) => byCount.includes(name)));
      const inTwo = expired(
        all,
        { tags: ["*"], mostRecentlyPushed: count },
        { tags: ["*"], pushedWithin: `${days}d` },
      );
      assert.deepEqual(inTwo, both);
    }),
  );
});

test("the first rule for a repository counts", () => {
  const rules = readRetentionRules(
    new JsonView(
      [{ repositories: ["team/**"] }, { repositories: ["**"], deleteUntagged: "1d" }],
      "retention",
    ),
  );
  assert.equal(ruleFor(rules, "team/a")?.deleteUntagged, undefined);
  assert.equal(ruleFor(rules, "other")?.deleteUntagged, DAY);
  assert.equal(ruleFor(readRetentionRules(new JsonView(undefined, "retention")), "a"), undefined);
});

test("quotas are found by pattern, sizes may have a unit, faults are named", () => {
  const quotas = readQuotas(
    new JsonView({ total: "2T", repositories: [{ repositories: ["team/**"], bytes: "500G" }] }, "quotas"),
  );
  assert.deepEqual(quotas?.of("team/a"), { repository: 500 * 1024 ** 3, total: 2 * 1024 ** 4 });
  assert.deepEqual(quotas?.of("a"), { total: 2 * 1024 ** 4 });
  assert.equal(readQuotas(new JsonView({ repositories: [] }, "quotas"))?.of("a"), undefined);
  const table: ReadonlyArray<[() => unknown, RegExp]> = [
    [() => readQuotas(new JsonView({ total: "2 TB" }, "quotas")), /\/total is no size/],
    [() => readQuotas(new JsonView({ all: 1 }, "quotas")), /\/all is not a known setting/],
    [() => expired(tags, { tags: ["*"], pushedWithin: "week" }), /\/0\/keepTags\/0\/pushedWithin is "week"/],
    [() => expired(tags, { tags: ["*"], mostRecentlyPushed: -1 }), /mostRecentlyPushed is not an integer/],
    [() => expired(tags, { patterns: ["*"] }), /\/0\/keepTags\/0\/patterns is not a known setting/],
    [() => expired(tags), /\/0\/keepTags is empty/],
  ];
  for (const [read, message] of table) {
    assert.throws(
      read,
      (error: unknown) => isCortenError(error, "invalid-argument") && message.test(error.message),
    );
  }
});
