import assert from "node:assert/strict";
import { test } from "node:test";
import { formatLine } from "./progress.ts";
import { createStyle, printable, wantsColour } from "./style.ts";
import { formatTable } from "./table.ts";

test("colours follow NO_COLOR, FORCE_COLOR and the terminal", () => {
  assert.equal(wantsColour(true, {}), true);
  assert.equal(wantsColour(false, {}), false);
  assert.equal(wantsColour(true, { NO_COLOR: "1" }), false);
  assert.equal(wantsColour(true, { NO_COLOR: "" }), true);
  assert.equal(wantsColour(true, { TERM: "dumb" }), false);
  assert.equal(wantsColour(false, { FORCE_COLOR: "1" }), true);
  assert.equal(wantsColour(true, { FORCE_COLOR: "0" }), false);
  assert.equal(createStyle(false).red("x"), "x");
  assert.equal(createStyle(true).red("x"), "\x1b[31mx\x1b[39m");
});

test("control characters of a hostile name do not reach the terminal", () => {
  assert.equal(printable("a\x1b[2Jb\u202ec"), "a\\u001b[2Jb\\u202ec");
});

test("a table is as wide as its cells, without blanks at the end", () => {
  const columns = [
    { heading: "ID", cell: (row: { id: string }) => row.id },
    { heading: "NAME", cell: () => "" },
  ];
  assert.equal(formatTable(columns, [{ id: "abc" }]), "ID    NAME\nabc\n");
  assert.equal(formatTable(columns, [{ id: "a\nb" }], { minimum: 9 }), "ID          NAME\na\\u000ab\n");
});

test("a progress line fills the terminal and never wraps", () => {
  const plain = createStyle(false);
  const line = { name: "a3ed95caeb02", status: "Downloading", done: 5_000_000, total: 10_000_000 };
  for (const width of [60, 80, 200]) {
    const text = formatLine(line, width, plain);
    assert.ok(text.length <= width, `${text.length} of ${width}`);
    assert.match(text, /^a3ed95caeb02: Downloading \[=+> +\] +5MB\/10MB$/);
  }
  assert.equal(formatLine({ name: "x", status: "Already exists" }, 80, plain), "x: Already exists");
});
