import assert from "node:assert/strict";
import { test } from "node:test";
import { isCortenError } from "../../../spec/index.ts";
import { parseFilters } from "./filters.ts";

const all = ["until", "label", "dangling"] as const;

test("labels are had or lacked, with a value or any", () => {
  const { filter } = parseFilters(["label=a", "label=b=1=2", "label!=c", "label!=d=x"], all);
  assert.deepEqual(filter.labels, [
    { name: "a", not: false },
    { name: "b", value: "1=2", not: false },
    { name: "c", not: true },
    { name: "d", value: "x", not: true },
  ]);
});

test("of several times the earliest counts", () => {
  const { filter } = parseFilters(["until=2026-01-31", "until=2020-01-01", "until=1h"], all);
  assert.equal(filter.until?.toISOString(), "2020-01-01T00:00:00.000Z");
});

test("dangling is true or false", () => {
  assert.equal(parseFilters(["dangling=true"], all).dangling, true);
  assert.equal(parseFilters(["dangling=0"], all).dangling, false);
  assert.equal(parseFilters([], all).dangling, undefined);
});

test("what is unknown, or not known to this command, is refused", () => {
  for (const text of ["until!=1h", "until=", "until=soon", "size=1", "label", "dangling=maybe", ""]) {
    assert.throws(
      () => parseFilters([text], all),
      (error: unknown) => isCortenError(error, "invalid-argument") && error.message.includes(`"${text}"`),
      text,
    );
  }
  assert.throws(() => parseFilters(["dangling=true"], ["until", "label"]), /one of until, label, label!$/);
});
