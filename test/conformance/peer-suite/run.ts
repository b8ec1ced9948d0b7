import { existsSync, writeFileSync } from "node:fs";
import { cortenOci } from "../../support/index.ts";
import type { CaseResult } from "./case-result.ts";
import { judge, type KnownCases, readKnownCases, updateKnownCases } from "./known-cases.ts";

export type PeerSuite = {
  /** What the suite is called in messages. */
  readonly title: string;
  /** Environment variables that the run cannot do without, each with what it names. */
  readonly needs: Readonly<Record<string, string>>;
  readonly listFile: string;
  /** Runs the cases whose file or group begins with `only` (empty: all), one part at a time. */
  readonly collect: (runtime: string, only: string) => AsyncIterable<CaseResult>;
};

/**
 * Runs another project's suite and compares with its committed list.
 *
 * Environment: the variables that the suite needs; `RUNTIME` (dist/corten-oci unless set; with another runtime the
 * results are only told), `ONLY` (part of the suite), `UPDATE=1` (adds to the list), `RESULTS` (a file to write every
 * result to). Ends with the line `N passed, N failed, N skipped`.
 */
export async function runPeerSuite(suite: PeerSuite): Promise<void> {
  const missing = Object.entries(suite.needs).filter(([name]) => !existsSync(process.env[name] ?? ""));
  if (missing.length > 0) {
    console.error(`${suite.title} is not part of Corten and no package installs it; set`);
    for (const [name, what] of missing) console.error(`  ${name}  ${what}`);
    process.exitCode = 2;
    return;
  }
  if (process.getuid?.() !== 0) {
    console.error(`${suite.title} needs root`);
    process.exitCode = 2;
    return;
  }
  const runtime = process.env["RUNTIME"] ?? cortenOci;
  if (!existsSync(runtime)) {
    console.error(`${runtime} is missing: run \`npm run build\`, or give RUNTIME an absolute path`);
    process.exitCode = 2;
    return;
  }
  const only = process.env["ONLY"] ?? "";
  const results: CaseResult[] = [];
  for await (const result of suite.collect(runtime, only)) {
    results.push(result);
    const detail =
      result.outcome === "passed" ? "" : ` — ${result.detail.replaceAll(/\s+/g, " ").slice(0, 400)}`;
    console.log(`${result.outcome.padEnd(8)}${result.name}${detail}`);
  }
  const listed = readKnownCases(suite.listFile);
  const known: KnownCases = { ...listed, passing: listed.passing.filter((name) => name.startsWith(only)) };
  const judgement = judge(known, results);
  if (process.env["RESULTS"])
    writeFileSync(process.env["RESULTS"], `${JSON.stringify(results, undefined, 1)}\n`);
  if (process.env["RUNTIME"] === undefined && process.env["UPDATE"] === "1") {
    updateKnownCases(suite.listFile, listed, results);
  }
  console.log();
  for (const name of judgement.lost) console.log(`LISTED AS PASSING, DID NOT PASS  ${name}`);
  if (process.env["RUNTIME"] === undefined) {
    for (const name of judgement.unexplained) console.log(`FAILED, NO REASON LISTED  ${name}`);
    for (const name of judgement.gained) console.log(`passes and is not listed  ${name}`);
    if (judgement.lost.length + judgement.unexplained.length > 0) process.exitCode = 1;
  }
  const count = (outcome: CaseResult["outcome"]) =>
    results.filter((result) => result.outcome === outcome).length;
  console.log(`${count("passed")} passed, ${count("failed")} failed, ${count("skipped")} skipped`);
}
