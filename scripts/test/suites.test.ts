import assert from "node:assert/strict";
import { test } from "node:test";
import { capture } from "../repository.ts";
import { fastSuites, suites } from "./suites.ts";

test("every test file of the repository belongs to exactly one suite", () => {
  const listed = capture("git", [
    "ls-files",
    "--cached",
    "--others",
    "--exclude-standard",
    "*.test.ts",
  ]).stdout;
  for (const file of listed.split("\n").filter(Boolean)) {
    const owners = suites.filter(({ folders }) => folders.some((folder) => file.startsWith(`${folder}/`)));
    assert.equal(
      owners.length,
      1,
      `${file} belongs to ${owners.map(({ name }) => name).join(", ") || "no suite"}`,
    );
  }
});

test("the fast run names suites that exist", () => {
  for (const name of fastSuites) assert.ok(suites.some((suite) => suite.name === name));
});
