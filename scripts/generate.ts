/** Writes the generated files; with `--check` it compares instead and fails on a difference. */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { commandReference, manual } from "../src/cli/index.ts";
import { generateDefaultFilter } from "../src/engine/spec/seccomp/generated-filter.ts";
import { generateHeader } from "../src/runtime/plan/header.ts";
import { generateWebPage } from "./web-page.ts";

const root = join(import.meta.dirname, "..");
const generated: ReadonlyArray<{ path: string; text: string }> = [
  { path: "native/common/plan.gen.h", text: generateHeader() },
  { path: "src/engine/spec/seccomp/default-filter.gen.ts", text: generateDefaultFilter() },
  { path: "src/registry/web/page.gen.ts", text: generateWebPage() },
  { path: "docs/commands.md", text: commandReference() },
  ...manual().map(({ file, text }) => ({ path: `docs/man/${file}`, text })),
];

const check = process.argv.includes("--check");
let stale = 0;
for (const { path, text } of generated) {
  const file = join(root, path);
  let present = "";
  try {
    present = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  if (present === text) continue;
  if (check) {
    console.error(`${path} is stale: run \`npm run generate\``);
    stale++;
    continue;
  }
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  console.log(`wrote ${path}`);
}
process.exitCode = stale > 0 ? 1 : 0;
