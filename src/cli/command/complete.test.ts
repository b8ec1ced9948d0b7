import assert from "node:assert/strict";
import { test } from "node:test";
import { program } from "../corten/program.ts";
import { type Candidates, completeLine } from "./complete.ts";
import { completionScript, shells } from "./completion-script.ts";

const complete = (...line: string[]): Candidates => completeLine(program, line);
const words = (...line: string[]): string[] => complete(...line).words.map(({ word }) => word);

test("commands, also behind global options and in families", () => {
  assert.deepEqual(words("im"), ["images", "import", "image"]);
  assert.deepEqual(words("--root", "/x", "logs", ""), []);
  assert.ok(words("--root", "/x", "lo").includes("logs"));
  assert.deepEqual(words("system", "inf"), ["info"]);
  assert.ok(!words("").includes("remove-ended"));
});

test("options, and values of options", () => {
  assert.deepEqual(words("run", "--det"), ["--detach"]);
  assert.deepEqual(words("run", "--pull", ""), ["missing", "always", "never"]);
  assert.deepEqual(complete("run", "--pull=").prefix, "--pull=");
  assert.equal(complete("load", "-i", "").kind, "file");
  assert.equal(complete("--root", "").kind, "directory");
  assert.ok(words("ps", "--r").includes("--root"));
});

test("names of things that the machine knows", () => {
  assert.equal(complete("rm", "").kind, "container");
  assert.equal(complete("rm", "a", "").kind, "container");
  assert.equal(complete("stop", "").kind, "running-container");
  assert.equal(complete("run", "-it", "--name", "x", "").kind, "image");
  assert.deepEqual(complete("run", "alpine", "--det").words, []);
  assert.equal(complete("exec", "web", "").kind, undefined);
});

test("a script for each shell calls the hidden command", () => {
  for (const shell of shells) {
    const script = completionScript(shell, "corten");
    assert.match(script, /__complete --/);
    assert.doesNotMatch(script, /NAME|FUNCTION/);
  }
});
