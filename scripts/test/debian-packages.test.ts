import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePackages } from "./debian-packages.ts";

test("comments and empty lines are dropped, bench packages are for benches", () => {
  const text = "# tests\ngcc\n\nmake # builds\nbench: docker.io\n";
  assert.deepEqual(parsePackages(text, false), ["gcc", "make"]);
  assert.deepEqual(parsePackages(text, true), ["gcc", "make", "docker.io"]);
});
