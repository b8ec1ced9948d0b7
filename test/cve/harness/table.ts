/**
 * Runs the suite on several runtimes and prints the table of docs/cve.md.
 *
 *     scripts/bun test/cve/harness/table.ts dist/corten-oci runc crun
 *     scripts/bun test/cve/harness/table.ts --json runc
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { repository, temporaryDirectory } from "../../support/index.ts";
import type { AttackResult } from "./attack.ts";

type RuntimeResults = {
  readonly runtime: string;
  readonly version: string;
  readonly results: readonly AttackResult[];
};

function runOn(name: string): RuntimeResults {
  const runtime = name.includes("/") ? join(process.cwd(), name) : name;
  using scratch = temporaryDirectory("cve-table");
  const file = join(scratch.path, "results");
  const bun = join(repository, "scripts/bun");
  spawnSync(bun, ["test", "--timeout", "120000", "./test/cve/"], {
    cwd: repository,
    env: { ...process.env, RUNTIME: runtime, CVE_RESULTS: file },
    stdio: "ignore",
  });
  const lines = existsSync(file) ? readFileSync(file, "utf8").trimEnd().split("\n") : [];
  const first = spawnSync(runtime, ["--version"], { encoding: "utf8" }).stdout.split("\n")[0] ?? "";
  return {
    runtime: basename(name),
    version: first.replace("version ", "").trim(),
    results: lines.map((line) => JSON.parse(line) as AttackResult),
  };
}

/** `held`, or which cases were not. */
function verdict(results: readonly AttackResult[]): string {
  const broken = results.filter((result) => result.verdict === "broken");
  if (broken.length > 0) {
    return `**broken** (${broken.length} of ${results.length}): ${broken.map((each) => each.case).join("; ")}`;
  }
  const held = results.filter((result) => result.verdict === "held");
  return held.length > 0 ? `held (${held.length})` : "no such part";
}

function markdown(runs: readonly RuntimeResults[]): string {
  const rows = new Map<string, AttackResult>();
  for (const { results } of runs) for (const result of results) rows.set(result.ids.join(", "), result);
  const cell = (text: string) => text.replaceAll("|", "\\|");
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(" | ")} |`;
  const head = ["attack", "mechanism", "why Corten is immune", ...runs.map(({ version }) => version)];
  const body = [...rows].sort(([one], [other]) => one.localeCompare(other, "en", { numeric: true }));
  return [
    line(head),
    line(head.map(() => "---")),
    ...body.map(([ids, { mechanism, immune }]) =>
      line([
        ids,
        mechanism,
        immune,
        ...runs.map(({ results }) => verdict(results.filter((result) => result.ids.join(", ") === ids))),
      ]),
    ),
  ].join("\n");
}

const words = process.argv.slice(2);
const runs = words.filter((word) => word !== "--json").map(runOn);
console.log(words.includes("--json") ? JSON.stringify(runs, null, 2) : markdown(runs));
