import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { encodePlan } from "./encode.ts";
import { type LaunchPlan, PLAN_VERSION } from "./operation.ts";
import { encodeTemplate, Marks, TEMPLATE_MAGIC } from "./template.ts";

const marks = new Marks("0123456789abcdef");

/** A plan with marks in a path, in a list and in the failure's file. */
function markedPlan(path: string): LaunchPlan {
  return {
    version: PLAN_VERSION,
    registers: [`container ${marks.of("id")}`],
    sections: {
      host: [],
      container: [{ op: "setHostname", at: "/hostname", name: path }],
      cleanup: [],
    },
    failureFile: `/f/${marks.of("id")}-${marks.of("pid")}`,
    onFailure: ["/x", marks.of("id")],
  };
}

const encode = (path: string, record: string | undefined = "{}") =>
  encodeTemplate(
    {
      key: Buffer.from("key\0"),
      conditions: [{ kind: "absent", path: `/g/${marks.of("id")}` }],
      plan: encodePlan(markedPlan(path)),
      record,
      planFile: "/p",
    },
    marks,
  );

test("a mark is a valid ID, and becomes a gap of one byte", () => {
  assert.match(marks.of("id"), /^[a-z0-9]+$/);
  assert.deepEqual(marks.gaps(`a${marks.of("pid")}b${marks.of("pidFile")}`), Buffer.from("a\x02b\x05"));
});

test("each reference to a marked text is patched once, those of one text one after another", () => {
  const bytes = Buffer.from(encode(`${marks.of("id")}.example`)!);
  assert.equal(bytes.toString("latin1", 0, 8), TEMPLATE_MAGIC);
  assert.equal(bytes.readUInt32LE(12), bytes.length);
  const [at, count] = [bytes.readUInt32LE(40), bytes.readUInt32LE(44)];
  const patches = Array.from({ length: count }, (_, index) => ({
    position: bytes.readUInt32LE(at + index * 8),
    text: bytes.readUInt32LE(at + index * 8 + 4),
  }));
  // The failure's file, the list's second element, the register's label, the host name.
  assert.equal(count, 4);
  assert.equal(new Set(patches.map(({ position }) => position)).size, 4);
  assert.deepEqual(
    patches.map(({ text }) => text),
    patches.map(({ text }) => text).sort((one, other) => one - other),
  );
});

test("text that holds a gap's byte by itself makes no template", () => {
  assert.equal(encode(`${marks.of("id")}\x03`), undefined);
  assert.equal(encode("plain", "\x01"), undefined);
  // Where nothing is filled in the byte means itself.
  assert.notEqual(encode("\x03"), undefined);
});

test("tables are aligned and inside, whatever the texts are", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.string(), (path, record) => {
      fc.pre(!path.includes("\0"));
      const bytes = encode(path, record);
      if (bytes === undefined) return;
      const view = Buffer.from(bytes);
      for (const at of [24, 32, 40, 48]) {
        assert.equal(view.readUInt32LE(at) % 8, 0);
        assert.ok(view.readUInt32LE(at) <= view.length);
      }
    }),
  );
});
