import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compileGlob } from "./glob.ts";

function matches(pattern: string, text: string): boolean {
  const glob = compileGlob(pattern);
  assert.equal(typeof glob, "function", String(glob));
  return typeof glob === "function" && glob(text);
}

test("one asterisk stays in its segment, two do not", () => {
  const table: ReadonlyArray<[string, string, boolean]> = [
    ["team/*", "team/a", true],
    ["team/*", "team/a/b", false],
    ["team/*", "team", false],
    ["team/**", "team/a/b", true],
    ["team/**", "team", false],
    ["team/**", "teams/a", false],
    ["**", "a/b/c", true],
    ["*", "a", true],
    ["*", "a/b", false],
    ["**/cache", "a/b/cache", true],
    ["**/cache", "cache", false],
    ["team/*/cache", "team/x/cache", true],
    ["team/*/cache", "team/x/y/cache", false],
    ["v*", "v1.2", true],
    ["spiffe://example.org/ns/*/sa/ci", "spiffe://example.org/ns/build/sa/ci", true],
    ["spiffe://example.org/ns/*/sa/ci", "spiffe://example.org/ns/a/b/sa/ci", false],
    ["a.c", "abc", false],
  ];
  for (const [pattern, text, expected] of table)
    assert.equal(matches(pattern, text), expected, `${pattern} ${text}`);
});

test("a pattern that would be misread or take long is refused", () => {
  assert.match(String(compileGlob("")), /empty/);
  assert.match(String(compileGlob("a/***")), /three asterisks/);
  assert.match(String(compileGlob("*a*a*a*a*a*a*a*a*a")), /wildcards/);
});

/** Says the same by trying every split: slow and plain. */
function reference(pattern: string, text: string): boolean {
  if (pattern === "") return text === "";
  if (pattern.startsWith("*")) {
    const double = pattern.startsWith("**");
    const rest = pattern.slice(double ? 2 : 1);
    for (let length = 0; length <= text.length; length++) {
      if (!double && text.slice(0, length).includes("/")) return false;
      if (reference(rest, text.slice(length))) return true;
    }
    return false;
  }
  return text[0] === pattern[0] && reference(pattern.slice(1), text.slice(1));
}

test("a compiled pattern agrees with one that tries every split", () => {
  const piece = fc.constantFrom("a", "b", "/", ".", "*", "**");
  fc.assert(
    fc.property(
      fc.array(piece, { minLength: 1, maxLength: 8 }),
      fc.array(fc.constantFrom("a", "b", "/", ".", "\n"), { maxLength: 8 }),
      (pieces, letters) => {
        const pattern = pieces.join("");
        fc.pre(!/\*{3}/.test(pattern));
        assert.equal(matches(pattern, letters.join("")), reference(pattern, letters.join("")));
      },
    ),
    { numRuns: 2000 },
  );
});
