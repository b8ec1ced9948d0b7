import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isCortenError, JsonView } from "../../spec/index.ts";
import { ACTIONS, type Action } from "./access.ts";
import { Policies } from "./policies.ts";

function read(policies: unknown, immutableTags?: unknown): Policies {
  const view = new JsonView({ policies, immutableTags }, "access");
  return Policies.read(view.field("policies"), view.field("immutableTags"));
}

const alice = { name: "alice", groups: ["developers"] };
const bob = { name: "bob", groups: [] };
const nobody = { groups: [] };

test("without a rule nobody may do a thing", () => {
  for (const action of ACTIONS) {
    assert.equal(read([]).allow(alice, "team/a", action), false);
    assert.equal(read(undefined).allow(nobody, "team/a", action), false);
  }
});

test("rules are for users, groups, whoever logged in, and everybody", () => {
  const policies = read([
    { repositories: ["a/*"], users: ["alice"], verbs: ["create"] },
    { repositories: ["b/*"], groups: ["developers"], verbs: ["create"] },
    { repositories: ["c/*"], authenticated: true, verbs: ["create"] },
    { repositories: ["d/*"], anonymous: true, verbs: ["create"] },
  ]);
  const may = (subject: { name?: string; groups: string[] }): string =>
    ["a", "b", "c", "d"].filter((team) => policies.allow(subject, `${team}/x`, "create")).join("");
  assert.equal(may(alice), "abcd");
  assert.equal(may(bob), "cd");
  assert.equal(may(nobody), "d");
  assert.equal(policies.admitsAnonymous, true);
  assert.equal(read([{ repositories: ["**"], authenticated: true, verbs: ["read"] }]).admitsAnonymous, false);
});

test("a name or group of nobody gives nothing to anonymous", () => {
  const policies = read([{ repositories: ["**"], groups: ["developers"], verbs: ["read"] }]);
  assert.equal(policies.allow({ groups: ["developers"] }, "a", "read"), false);
});

/** verb × what is there already: the confusion of CVE-2026-31801 (create overwrote, DELETE asked for push). */
test("each verb allows itself and no other", () => {
  for (const granted of ACTIONS) {
    const policies = read([{ repositories: ["team/**"], users: ["alice"], verbs: [granted] }]);
    for (const asked of ACTIONS) {
      for (const tag of [undefined, "latest"]) {
        assert.equal(policies.allow(alice, "team/a", asked, tag), asked === granted, `${granted} ${asked}`);
        assert.equal(policies.allow(alice, "other/a", asked, tag), false);
        assert.equal(policies.allow(bob, "team/a", asked, tag), false);
      }
    }
  }
});

test("a rule for some tags lets those be made, moved and removed, and the blobs below them be pushed", () => {
  const policies = read([
    {
      repositories: ["app"],
      users: ["alice"],
      verbs: ["read", "create", "update", "delete"],
      tags: ["dev-*"],
    },
  ]);
  const may = (action: Action, tag?: string): boolean => policies.allow(alice, "app", action, tag);
  assert.equal(may("create", "dev-1") && may("update", "dev-1") && may("delete", "dev-1"), true);
  assert.equal(may("create", "v1") || may("update", "v1") || may("delete", "v1"), false);
  assert.equal(may("read") && may("read", "v1") && may("create"), true);
  assert.equal(may("delete"), false, "a manifest by digest is more than its dev tags");
  assert.equal(policies.allowSometimes(alice, "app", "delete"), true);
});

test("immutable tags can be made once; only an exempt group moves or removes them", () => {
  const everything = { repositories: ["**"], authenticated: true, verbs: [...ACTIONS] };
  const policies = read(
    [everything],
    [{ repositories: ["prod/**"], tags: ["v*"], exceptGroups: ["release-managers"] }],
  );
  const manager = { name: "mia", groups: ["release-managers"] };
  for (const action of ["update", "delete"] as const) {
    assert.equal(policies.allow(alice, "prod/app", action, "v1"), false);
    assert.equal(policies.allow(alice, "prod/app", action, "latest"), true);
    assert.equal(policies.allow(alice, "dev/app", action, "v1"), true);
    assert.equal(policies.allow(manager, "prod/app", action, "v1"), true);
  }
  assert.equal(policies.allow(alice, "prod/app", "create", "v1"), true);
  assert.equal(policies.allow(alice, "prod/app", "read", "v1"), true);
});

const teams = ["a", "b", "a/b", "team/a"];
const rule = fc.record({
  repositories: fc.array(fc.constantFrom("a", "*", "**", "team/*", "a/**"), { minLength: 1, maxLength: 2 }),
  users: fc.array(fc.constantFrom("alice", "bob"), { minLength: 1, maxLength: 2 }),
  anonymous: fc.boolean(),
  verbs: fc.subarray([...ACTIONS]),
});
const question = fc.record({
  subject: fc.constantFrom(alice, bob, nobody),
  repository: fc.constantFrom(...teams),
  action: fc.constantFrom(...ACTIONS),
  tag: fc.option(fc.constantFrom("v1", "latest"), { nil: undefined }),
});

test("a further rule takes nothing away, an immutable tag gives nothing, order does not matter", () => {
  fc.assert(
    fc.property(fc.array(rule, { maxLength: 4 }), rule, question, (rules, further, asked) => {
      const { subject, repository, action, tag } = asked;
      const before = read(rules).allow(subject, repository, action, tag);
      const after = read([...rules, further]).allow(subject, repository, action, tag);
      assert.ok(after || !before);
      assert.equal(read([further, ...rules.toReversed()]).allow(subject, repository, action, tag), after);
      const fixed = read([...rules, further], [{ repositories: ["**"], tags: ["v*"] }]);
      const stays = fixed.allow(subject, repository, action, tag);
      assert.ok(after || !stays);
      if (tag !== "v1" || action === "read" || action === "create") assert.equal(stays, after);
    }),
  );
});

test("logging in never loses what anonymous has", () => {
  fc.assert(
    fc.property(fc.array(rule, { maxLength: 4 }), question, (rules, { repository, action, tag }) => {
      const policies = read(rules);
      if (policies.allow(nobody, repository, action, tag)) {
        assert.ok(policies.allow({ name: "zoe", groups: [] }, repository, action, tag));
      }
    }),
  );
});

test("what is wrong is named by its key", () => {
  const good = { repositories: ["**"], users: ["alice"], verbs: ["read"] };
  const table: ReadonlyArray<[unknown, RegExp]> = [
    [{}, /\/policies is not an array/],
    [[{ ...good, verbs: ["push"] }], /\/policies\/0\/verbs\/0 is "push"/],
    [[good, { ...good, verb: [] }], /\/policies\/1\/verb is not a known setting/],
    [[{ ...good, users: [] }], /\/policies\/0 is for nobody/],
    [[{ ...good, users: [""] }], /\/policies\/0\/users\/0 is empty/],
    [[{ ...good, repositories: [] }], /\/policies\/0\/repositories is empty/],
    [[{ ...good, repositories: ["a/***"] }], /\/policies\/0\/repositories\/0 has three asterisks/],
    [[{ ...good, repositories: undefined }], /\/policies\/0\/repositories is missing/],
    [[{ ...good, tags: ["v/*"] }], /\/policies\/0\/tags\/0 matches no tag/],
    [[{ ...good, anonymous: "yes" }], /\/policies\/0\/anonymous is not a boolean/],
  ];
  for (const [policies, message] of table) {
    assert.throws(
      () => read(policies),
      (error: unknown) => isCortenError(error, "invalid-argument") && message.test(error.message),
      String(message),
    );
  }
});
