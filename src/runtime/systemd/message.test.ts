import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Reader, type Value, Writer } from "./marshal.ts";
import { decodeMessage, encodeMessage, MessageType } from "./message.ts";

const text = fc.string({ maxLength: 20 }).filter((value) => !value.includes("\0"));
const leaf = fc.oneof(
  fc.record({ signature: fc.constant("s"), value: text as fc.Arbitrary<Value> }),
  fc.record({
    signature: fc.constant("t"),
    value: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) as fc.Arbitrary<Value>,
  }),
  fc.record({ signature: fc.constant("b"), value: fc.boolean() as fc.Arbitrary<Value> }),
  fc.record({ signature: fc.constant("i"), value: fc.integer() as fc.Arbitrary<Value> }),
  fc.record({ signature: fc.constant("as"), value: fc.array(text) as fc.Arbitrary<Value> }),
  fc.record({
    signature: fc.constant("ay"),
    value: fc.array(fc.integer({ min: 0, max: 255 })) as fc.Arbitrary<Value>,
  }),
);

describe("D-Bus messages", () => {
  it("come back as they were written", () => {
    fc.assert(
      fc.property(text, fc.array(fc.tuple(text, leaf)), (name, drawn) => {
        const properties = drawn.map(
          ([key, { signature: type, value }]): Value => [key, { signature: type, value }],
        );
        const signature = "sa(sv)a(sa(sv))u";
        const body: Value[] = [name, properties, [], 7];
        const bytes = encodeMessage({
          type: MessageType.call,
          serial: 5,
          path: "/a",
          member: "M",
          signature,
          body,
        });
        const { message, length } = decodeMessage(Buffer.concat([bytes, Buffer.from("rest")]))!;
        assert.equal(length, bytes.length);
        assert.deepEqual(message.body, body);
        assert.deepEqual([message.path, message.member, message.serial], ["/a", "M", 5]);
        for (const cut of [0, 15, bytes.length - 1])
          assert.equal(decodeMessage(bytes.subarray(0, cut)), undefined);
      }),
    );
  });

  it("never crash the reader, whatever their bytes", () => {
    const sample = encodeMessage({
      ...{
        type: MessageType.signal,
        serial: 1,
        path: "/a",
        interface: "a.b",
        member: "C",
        signature: "uosa(sv)v",
      },
      body: [1, "/x", "y", [["n", { signature: "as", value: ["z"] }]], { signature: "t", value: 1n }],
    });
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(sample.length - 1), fc.nat(255)), { maxLength: 4 }), (changes) => {
        const bytes = Uint8Array.from(sample);
        for (const [at, value] of changes) bytes[at] = value;
        try {
          decodeMessage(bytes);
        } catch (error) {
          assert.equal((error as { code?: string }).code, "internal");
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("align what follows as the specification says", () => {
    const writer = new Writer();
    writer.write("yt(yu)as", [1, 2n, [3, 4], ["a", "bc"]]);
    assert.equal(
      Buffer.from(writer.bytes).toString("hex"),
      "01000000000000000200000000000000030000000400000010000000010000006100000002000000626300".replace(
        /10000000(?=01000000)/,
        "0f000000",
      ),
    );
    assert.deepEqual(new Reader(writer.bytes).read("yt(yu)as"), [1, 2n, [3, 4], ["a", "bc"]]);
  });
});
