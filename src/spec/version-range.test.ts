import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isCortenError } from "./error.ts";
import { compareVersions, parseVersion, parseVersionRange } from "./version-range.ts";

test("ranges include and leave out", () => {
  const cases: [range: string, inside: string[], outside: string[]][] = [
    [">= 3.12.0", ["3.12.0", "3.12", "v3.13.1", "4"], ["3.11.9", "3.12.0-rc.1", "latest", "3.12.0.1", "3.x"]],
    [">=1.2, <2", ["1.2.0", "1.99.99"], ["1.1.9", "2.0.0"]],
    [">=1.2 <2 || 3", ["1.3.0", "3.7.1"], ["2.5.0", "4.0.0"]],
    ["1.2.3", ["1.2.3", "v1.2.3", "1.2.3+build"], ["1.2.4", "1.2.3-a"]],
    ["= 1.2", ["1.2.0", "1.2.9"], ["1.3.0"]],
    ["1.x", ["1.0.0", "1.9.0"], ["2.0.0", "0.9.0"]],
    ["1.2.*", ["1.2.5"], ["1.3.0"]],
    ["*", ["0.0.0", "9.9.9"], ["1.0.0-a"]],
    ["~1.2.3", ["1.2.3", "1.2.9"], ["1.3.0", "1.2.2"]],
    ["~1.2", ["1.2.0", "1.2.9"], ["1.3.0"]],
    ["~1", ["1.0.0", "1.9.0"], ["2.0.0"]],
    ["^1.2.3", ["1.2.3", "1.9.0"], ["2.0.0", "1.2.2"]],
    ["^0.2.3", ["0.2.3", "0.2.9"], ["0.3.0"]],
    ["^0.0.3", ["0.0.3"], ["0.0.4"]],
    ["^0.0", ["0.0.9"], ["0.1.0"]],
    ["^0", ["0.9.0"], ["1.0.0"]],
    ["1.2 - 2.0", ["1.2.0", "2.0.9"], ["2.1.0", "1.1.0"]],
    ["1.2.0 - 2.0.0", ["2.0.0"], ["2.0.1"]],
    [">1.2", ["1.3.0"], ["1.2.9"]],
    [">1", ["2.0.0"], ["1.9.9"]],
    ["<=1.2", ["1.2.9"], ["1.3.0"]],
    ["<1.2", ["1.1.9"], ["1.2.0"]],
    [">=1, !=1.5", ["1.4.0", "1.6.0"], ["1.5.0", "1.5.9"]],
    [">=1.0.0-0", ["1.0.0-rc.1", "1.0.0", "2.0.0-a"], ["0.9.0"]],
    ["~1.0.0-rc.2", ["1.0.0-rc.10", "1.0.0", "1.0.1"], ["1.0.0-rc.1", "1.0.0-alpha", "1.1.0"]],
  ];
  for (const [text, inside, outside] of cases) {
    const range = parseVersionRange(text);
    for (const version of inside) assert.ok(range.includes(version), `${version} in ${text}`);
    for (const version of outside) assert.ok(!range.includes(version), `${version} not in ${text}`);
  }
});

test("versions have the order of the standard's example", () => {
  const names =
    "1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0";
  const versions = names.split(" ").map((name) => parseVersion(name)!);
  for (const [at, left] of versions.entries()) {
    for (const [other, right] of versions.entries()) {
      assert.equal(Math.sign(compareVersions(left, right)), Math.sign(at - other));
    }
  }
});

test("a text that is no range is refused", () => {
  for (const text of ["", "||", "latest", "1.2.3.4", ">>1", "1 ||", "^", "1.2 -- 3", "01.2", "a || 1"]) {
    assert.throws(
      () => parseVersionRange(text),
      (error) => isCortenError(error, "invalid-argument"),
      text,
    );
  }
});

test("exact, caret and hyphen ranges agree with the order, any text is refused or read", () => {
  const number = fc.nat({ max: 3 });
  const version = fc.tuple(number, number, number).map((numbers) => numbers.join("."));
  fc.assert(
    fc.property(version, version, version, (low, high, candidate) => {
      const order = (a: string, b: string) => compareVersions(parseVersion(a)!, parseVersion(b)!);
      const between = order(low, candidate) <= 0 && order(candidate, high) <= 0;
      assert.equal(parseVersionRange(`${low} - ${high}`).includes(candidate), between);
      assert.equal(parseVersionRange(low).includes(candidate), order(low, candidate) === 0);
      assert.equal(parseVersionRange(`!=${low}`).includes(candidate), order(low, candidate) !== 0);
      if (parseVersionRange(`^${low}`).includes(candidate)) assert.ok(order(low, candidate) <= 0);
    }),
  );
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(..."0123.x*^~<>=!|-, v") }), (text) => {
      try {
        parseVersionRange(text).includes("1.2.3");
      } catch (error) {
        assert.ok(isCortenError(error, "invalid-argument"));
      }
    }),
  );
});
