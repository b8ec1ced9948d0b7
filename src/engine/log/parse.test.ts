import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseEntry } from "./parse.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

test("entries as Kubernetes defines them", () => {
  const time = "2016-10-06T00:17:09.669794202Z";
  assert.deepEqual(parseEntry(bytes(`${time} stdout F a b`)), {
    stream: "stdout",
    time,
    content: bytes("a b"),
    partial: false,
  });
  assert.equal(parseEntry(bytes(`${time} stderr P x`))?.partial, true);
  assert.equal(parseEntry(bytes(`${time} stderr P:other x`))?.partial, true);
  assert.deepEqual(parseEntry(bytes(`${time} stdout F `))?.content, bytes(""));
  assert.deepEqual(parseEntry(bytes("2016-10-06T00:17:09+02:00 stdout F x"))?.content, bytes("x"));
});

test("what is no entry is none", () => {
  for (const text of [
    "",
    "x",
    "2016 stdout F x",
    "2016-10-06T00:17:09Z stdin F x",
    "2016-10-06T00:17:09Z stdout Q x",
  ]) {
    assert.equal(parseEntry(bytes(text)), undefined);
  }
  fc.assert(
    fc.property(fc.uint8Array(), (line) => {
      parseEntry(line);
    }),
  );
});
