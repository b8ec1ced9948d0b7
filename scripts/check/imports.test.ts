import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { describeViolations } from "./imports.ts";
import { cruise } from "./module-graph.ts";
import { slowImports } from "./start-up-path.ts";

const scratch = mkdtempSync(join(tmpdir(), "corten-imports-"));
after(() => rmSync(scratch, { recursive: true, force: true }));

/** Lays out a small repository and returns the rules that it breaks, each with the import at fault. */
function judge(name: string, files: Readonly<Record<string, string>>): string[] {
  const directory = join(scratch, name);
  const all = { "package.json": "{}", "src/spec/index.ts": "export const spec = 1;\n", ...files };
  for (const [path, text] of Object.entries(all)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
  const folders = [...new Set(Object.keys(files).map((path) => path.split("/")[0]!))];
  const graph = cruise(directory, folders);
  return [
    ...describeViolations(graph).map((line) => line.replace(/ \(.*/, "")),
    ...slowImports(graph.modules).map((chain) => `slow: ${chain.join(" → ")}`),
  ].sort();
}

test("imports that go down through index.ts are fine", () => {
  const broken = judge("fine", {
    "src/content/index.ts":
      'import { spec } from "../spec/index.ts";\nimport { a } from "./a.ts";\nexport const c = [spec, a];\n',
    "src/content/a.ts": 'import { readFileSync } from "node:fs";\nexport const a = readFileSync;\n',
    "src/content/a.test.ts":
      'import { a } from "./a.ts";\nimport { spec } from "../spec/index.ts";\na(String(spec));\n',
    "src/engine/index.ts": 'import { c } from "../content/index.ts";\nexport const e = c;\n',
    "src/engine/using.ts":
      'import { c } from "../content/index.ts";\nexport async function u() {\n  using a = c();\n  await using b = await import("./index.ts");\n  return [a, b];\n}\n',
    "test/e2e/a.test.ts": 'import { e } from "../../src/engine/index.ts";\ne.length;\n',
  });
  assert.deepEqual(broken, []);
});

test("an import upward is refused, also of types and in tests", () => {
  const broken = judge("upward", {
    "src/engine/index.ts": "export type E = 1;\n",
    "src/image/index.ts": "export const i = 1;\n",
    "src/host/index.ts": 'import type { E } from "../engine/index.ts";\nexport type H = E;\n',
    "src/content/index.ts": 'export const c = (i: typeof import("../image/index.ts")): void => void i;\n',
    "src/spec/a.test.ts": 'import { i } from "../image/index.ts";\ni;\n',
  });
  assert.deepEqual(broken, [
    "no-upward-import-from-content: src/content/index.ts → src/image/index.ts",
    "no-upward-import-from-host: src/host/index.ts → src/engine/index.ts",
    "no-upward-import-from-spec: src/spec/a.test.ts → src/image/index.ts",
  ]);
});

test("the image half does not reach into the runtime half", () => {
  const broken = judge("halves", {
    "src/host/index.ts": "export const h = 1;\n",
    "src/registry/index.ts": 'export const r = () => import("../host/index.ts");\n',
  });
  assert.deepEqual(broken, [
    "no-image-half-to-runtime-half: src/registry/index.ts → src/host/index.ts",
    "no-upward-import-from-registry: src/registry/index.ts → src/host/index.ts",
  ]);
});

test("a room is entered by its index.ts only, by tests and scripts too", () => {
  const broken = judge("past-index", {
    "src/content/blobs.ts": "export const b = 1;\n",
    "src/image/index.ts": 'export { b } from "../content/blobs.ts";\n',
    "test/e2e/a.test.ts": 'import { b } from "../../src/content/blobs.ts";\nb;\n',
  });
  assert.deepEqual(broken, [
    "no-import-past-index: src/image/index.ts → src/content/blobs.ts",
    "no-outsider-past-index: test/e2e/a.test.ts → src/content/blobs.ts",
  ]);
});

test("cycles between rooms and between modules are refused", () => {
  const broken = judge("cycles", {
    "src/runtime/index.ts": 'import { s } from "../snapshot/index.ts";\nexport const r = () => s;\n',
    "src/snapshot/index.ts": 'import { r } from "../runtime/index.ts";\nexport const s = () => r;\n',
    "src/spec/a.ts": 'import { b } from "./b.ts";\nexport const a = () => b;\n',
    "src/spec/b.ts": 'import { a } from "./a.ts";\nexport const b = () => a;\n',
    "src/spec/c.ts": 'import type { D } from "./d.ts";\nexport const c = (d: D) => d;\n',
    "src/spec/d.ts": 'import { c } from "./c.ts";\nexport type D = 1;\nc(1);\n',
  });
  assert.ok(broken.some((line) => line.startsWith("no-cycle-between-rooms: src/runtime")));
  assert.ok(
    broken.some((line) => line.startsWith("no-cycle-between-modules: src/spec/a.ts → src/spec/b.ts")),
  );
  assert.ok(!broken.some((line) => line.includes("src/spec/c.ts")));
});

test("unknown rooms, Bun's modules, dead ends and tests in the product are refused", () => {
  const broken = judge("strays", {
    "src/misc/a.ts": 'import { readFileSync } from "node:fs";\nreadFileSync;\n',
    "src/spec/a.ts": 'import { file } from "bun";\nimport { b } from "./gone.ts";\nfile(b);\n',
    "src/spec/b.ts": 'import { t } from "./c.test.ts";\nt;\n',
    "src/spec/c.test.ts": "export const t = 1;\n",
  });
  for (const rule of ["no-unknown-room", "no-bun-module", "no-unresolvable", "no-test-in-product"]) {
    assert.ok(
      broken.some((line) => line.startsWith(`${rule}:`)),
      `${rule} in ${broken.join("\n")}`,
    );
  }
});

test("what a container start loads eagerly is followed to slow modules", () => {
  const broken = judge("start-up", {
    "src/cli/main.ts":
      'import { c } from "./command.ts";\nexport const m = [c, () => import("./slow.ts")];\n',
    "src/cli/command.ts":
      'import type { Hash } from "node:crypto";\nexport { z as c } from "../content/index.ts";\nexport type H = Hash;\n',
    "src/content/index.ts": 'export { z } from "./z.ts";\n',
    "src/content/z.ts": 'import { gunzipSync } from "node:zlib";\nexport const z = gunzipSync;\n',
    "src/cli/slow.ts": 'import { createHash } from "node:crypto";\nexport const s = createHash;\n',
  });
  assert.deepEqual(broken, [
    "slow: src/cli/main.ts → src/cli/command.ts → src/content/index.ts → src/content/z.ts → zlib",
    "slow: src/content/index.ts → src/content/z.ts → zlib",
  ]);
});
