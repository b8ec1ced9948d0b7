import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isCortenError } from "../../spec/index.ts";
import { ACTIONS } from "./access.ts";
import { cutScope, formatScope, parseScopes, readGrants } from "./scope.ts";

test("scopes are read as Docker's clients write them", () => {
  assert.deepEqual(parseScopes(["repository:team/app:pull,push repository:lib:pull", "registry:catalog:*"]), [
    { type: "repository", name: "team/app", actions: ["pull", "push"] },
    { type: "repository", name: "lib", actions: ["pull"] },
  ]);
  assert.deepEqual(parseScopes(["repository(plugin):a:pull,pull", "repository:../x:pull", "", " "]), [
    { type: "repository", name: "a", actions: ["pull"] },
  ]);
  for (const bad of ["repository", "repository:a", "repository:a:PULL", ":a:pull"]) {
    assert.throws(
      () => parseScopes([bad]),
      (error: unknown) => isCortenError(error, "invalid-argument"),
      bad,
    );
  }
});

test("a challenge asks for what a client needs", () => {
  assert.equal(formatScope("a", ["read"]), "repository:a:pull");
  assert.equal(formatScope("a", ["create"]), "repository:a:pull,push");
  assert.equal(formatScope("a", ["update"]), "repository:a:pull,push");
  assert.equal(formatScope("a", ["delete"]), "repository:a:delete");
});

test("what is asked is cut to what is allowed, and each word gives its own actions only", () => {
  const asked = parseScopes(["repository:a:pull,push,delete repository:b:* repository:c:pull"]);
  const cut = cutScope(asked, (repository, action) =>
    repository === "a" ? action === "create" : repository === "b" && action !== "delete",
  );
  assert.deepEqual(
    cut.map(({ name, actions }) => [name, ...actions]),
    [
      ["a", "push"],
      ["b", "pull", "push"],
    ],
  );
  assert.deepEqual(readGrants([{ type: "repository", name: "a", actions: ["push", "fly"] }]), [
    { repository: "a", actions: ["create", "update"] },
  ]);
  assert.equal(readGrants(undefined), undefined);
  assert.deepEqual(
    readGrants([null, 1, { type: "registry", name: "catalog", actions: ["*"] }, { type: "repository" }]),
    [],
  );
  assert.throws(() => readGrants("repository:a:pull"), /not a list/);
});

test("a cut scope never has a word of which nothing is allowed", () => {
  fc.assert(
    fc.property(
      fc.subarray(["pull", "push", "delete", "*", "fly"]),
      fc.subarray([...ACTIONS]),
      (words, allowed) => {
        const asked = [{ type: "repository", name: "a", actions: words }];
        const grants = readGrants(cutScope(asked, (_, action) => allowed.includes(action))) ?? [];
        const given = new Set(grants.flatMap(({ actions }) => actions));
        if (!words.includes("delete") && !words.includes("*")) assert.equal(given.has("delete"), false);
        if (given.has("delete")) assert.ok(allowed.includes("delete"));
        if (given.has("read")) assert.ok(allowed.includes("read"));
        if (given.has("create")) assert.ok(allowed.includes("create") || allowed.includes("update"));
      },
    ),
  );
});
