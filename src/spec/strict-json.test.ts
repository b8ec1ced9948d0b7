import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isCortenError } from "./error.ts";
import { parseStrictJson } from "./strict-json.ts";

const parse = (text: string): unknown => parseStrictJson(new TextEncoder().encode(text), "document");

test("a repeated object name is refused and its pointer named", () => {
  const cases: [text: string, pointer: string][] = [
    ['{"a":1,"a":2}', "/a"],
    ['{"a":1,"\\u0061":2}', "/a"],
    ['{"layers":[{},{"size":1,"size":2}]}', "/layers/1/size"],
    ['{"a":{"b/c":1,"x":[1,2,{}],"b/c":2}}', "/a/b~1c"],
    ['{"x":"a","y":{"x":1},"x":{}}', "/x"],
    ['{"__proto__":1,"__proto__":2}', "/__proto__"],
    ['[[1,{"a":"}\\"","a":0}]]', "/0/1/a"],
  ];
  for (const [text, pointer] of cases) {
    assert.throws(
      () => parse(text),
      (error) => isCortenError(error, "invalid-argument") && error.pointer === pointer,
      text,
    );
  }
});

test("names may repeat across objects, and inside strings", () => {
  for (const text of [
    '{"a":{"a":{"a":1}}}',
    '[{"a":1},{"a":1}]',
    '{"a":"\\"a\\":1,\\"a\\":","b":["a","a"]}',
  ]) {
    assert.deepEqual(parse(text), JSON.parse(text));
  }
});

test("what is not UTF-8, not JSON, or nested too deep is refused", () => {
  const bad = [
    "",
    "{",
    '{"a"',
    '"a',
    "[1,]",
    "\uFEFF{}",
    "{}{}",
    "[".repeat(4_000_000),
    `${"[".repeat(200)}${"]".repeat(200)}`,
  ];
  for (const text of bad) {
    assert.throws(
      () => parse(text),
      (error) => isCortenError(error, "invalid-argument"),
      text.slice(0, 20),
    );
  }
  assert.throws(() => parseStrictJson(Uint8Array.of(0x22, 0xff, 0x22), "document"), /document is not UTF-8/);
});

test("a document without repeated names reads as JSON.parse reads it", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom(undefined, 2), (value, space) => {
      const text = JSON.stringify(value, undefined, space);
      assert.deepEqual(parse(text), JSON.parse(text));
    }),
  );
});

test("a name repeated anywhere is found", () => {
  const inner = fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1 });
  fc.assert(
    fc.property(inner, fc.nat(), (object, pick) => {
      const names = Object.keys(object);
      const name = names[pick % names.length]!;
      const text = JSON.stringify(object);
      assert.throws(() => parse(`{"x":[${text.slice(0, -1)},${JSON.stringify(name)}:0}]}`), /occurs twice/);
    }),
  );
});
