import assert from "node:assert/strict";
import { test } from "node:test";
import { fillTemplate, parseFormat, templateHeadings } from "./format.ts";

function fill(template: string, row: object): string {
  const format = parseFormat(template);
  assert.equal(format.kind, "template");
  return format.kind === "template" ? fillTemplate(format.parts, row) : "";
}

test("fields, nested fields and json are filled in", () => {
  const row = { ID: "abc", State: { Pid: 7 }, Labels: { a: "b" }, Args: ["x", "y"], None: null };
  assert.equal(fill("{{.ID}}\\t{{ .State.Pid }}!", row), "abc\t7!");
  assert.equal(fill("{{json .Labels}} {{json .}}", row), `{"a":"b"} ${JSON.stringify(row)}`);
  assert.equal(fill("{{.Args}} {{.None}}", row), "[x y] <no value>");
});

test("what is not supported is refused with the way out", () => {
  assert.throws(
    () => parseFormat("{{range .}}x{{end}}"),
    /template action \{\{range \.\}\} is not supported/,
  );
  assert.throws(() => parseFormat("yaml"), /unknown format "yaml"/);
  assert.throws(() => fill("{{.Nope}}", { ID: 1 }), /no field \.Nope: there are ID/);
  assert.throws(() => fill("{{.constructor}}", { ID: 1 }), /no field \.constructor/);
});

test("table and json are told apart from templates", () => {
  assert.deepEqual(parseFormat(undefined), { kind: "table" });
  assert.deepEqual(parseFormat("json"), { kind: "json" });
  const table = parseFormat("table {{.ID}}\t{{.Names}}");
  assert.ok(table.kind === "template" && table.table);
  assert.equal(table.kind === "template" && templateHeadings(table.parts), "ID\tNAMES");
});
