import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isCortenError } from "../../spec/index.ts";
import { parseChallenges } from "./challenge.ts";

const plain = (header: string) =>
  parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);

test("challenges are read by the grammar", () => {
  const cases: [header: string, challenges: unknown][] = [
    [
      'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push"',
      [
        [
          "bearer",
          {
            realm: "https://auth.docker.io/token",
            service: "registry.docker.io",
            scope: "repository:a/b:pull,push",
          },
        ],
      ],
    ],
    ['Basic realm="a \\"b\\", c"', [["basic", { realm: 'a "b", c' }]]],
    ["Basic", [["basic", {}]]],
    ["Negotiate YII=", [["negotiate", {}]]],
    [
      "Negotiate , Basic REALM = x ,, Bearer a=b",
      [
        ["negotiate", {}],
        ["basic", { realm: "x" }],
        ["bearer", { a: "b" }],
      ],
    ],
    [
      'Bearer a="1" , b="2", Basic realm="r"',
      [
        ["bearer", { a: "1", b: "2" }],
        ["basic", { realm: "r" }],
      ],
    ],
    ["", []],
  ];
  for (const [header, challenges] of cases) assert.deepEqual(plain(header), challenges, header);
});

test("a header outside the grammar is refused", () => {
  const bad = [
    'Bearer realm="a",realm="b"',
    'Bearer realm="a',
    'Bearer realm="a" service="b"',
    "Bearer realm=https://x/y",
    'Bearer realm="a"b',
    "=x",
    'Bearer ="x"',
    'Bearer realm="a\r\nb"',
    `Bearer realm="${"x".repeat(9000)}"`,
  ];
  for (const header of bad) {
    assert.throws(
      () => parseChallenges(header),
      (error) => isCortenError(error, "unauthenticated"),
      header.slice(0, 40),
    );
  }
});

test("what is printed by the grammar is read back", () => {
  const name = fc.stringMatching(/^[a-z]{1,8}$/);
  const value = fc.string({
    unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
  });
  const challenge = fc.tuple(name, fc.dictionary(name, value, { minKeys: 1, maxKeys: 4 }));
  fc.assert(
    fc.property(fc.array(challenge, { maxLength: 3 }), (challenges) => {
      const header = challenges
        .map(([scheme, parameters]) => {
          const list = Object.entries(parameters).map(
            ([key, text]) => `${key}="${text.replace(/["\\]/g, "\\$&")}"`,
          );
          return `${scheme} ${list.join(", ")}`;
        })
        .join(", ");
      assert.deepEqual(
        plain(header),
        challenges.map(([scheme, parameters]) => [scheme, { ...parameters }]),
      );
    }),
  );
});

test("no text makes the parser fail in another way, or slow", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'aB="\\, =/\t') }), (header) => {
      try {
        parseChallenges(header);
      } catch (error) {
        assert.ok(isCortenError(error, "unauthenticated"));
      }
    }),
    { numRuns: 2000 },
  );
  assert.throws(() => parseChallenges(`B ${"\\".repeat(8000)}`));
  assert.throws(() => parseChallenges(`B a="${"\\\\".repeat(4000)}`));
});
