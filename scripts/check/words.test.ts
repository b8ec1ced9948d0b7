import assert from "node:assert/strict";
import { test } from "node:test";
import { findWords } from "./words.ts";

test("unfinished work, silenced checks and swallowed errors are found with their line", () => {
  const text =
    'fine();\n// TODO: later\ntry { a(); } catch {}\nexport * from "./a.ts";\nBun.file("x");\n// @ts-ignore\n';
  assert.deepEqual(
    findWords("src/spec/a.ts", text).map((line) => line.split(":").slice(0, 2).join(":")),
    ["src/spec/a.ts:2", "src/spec/a.ts:3", "src/spec/a.ts:4", "src/spec/a.ts:5", "src/spec/a.ts:6"],
  );
});

test("words that only contain one of them, and scripts that may use Bun, are fine", () => {
  assert.deepEqual(findWords("src/spec/a.ts", "const stubborn = hackney; todoList(); // placeholders\n"), []);
  assert.deepEqual(findWords("scripts/a.ts", "Bun.version;\n"), []);
});
