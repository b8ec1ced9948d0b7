import { existsSync } from "node:fs";
import { join } from "node:path";
import { bun, capture, root } from "../repository.ts";
import { checkImports, checkStartUp } from "./imports.ts";
import { checkLicences } from "./licences.ts";
import { checkWords } from "./words.ts";

/** A check returns what is wrong, one finding a string; nothing means it passed. */
type Check = () => string[];

/** Runs a tool whose output is the finding. */
function tool(command: string, ...args: string[]): Check {
  return () => {
    const { exitCode, stdout, stderr } = capture(command, args);
    return exitCode === 0 ? [] : [`${stdout}${stderr}`.trim() || `${command} exited with ${exitCode}`];
  };
}

const bin = (name: string) => join(root, "node_modules/.bin", name);

const checks: Readonly<Record<string, Check>> = {
  style: tool(bin("biome"), "check", "--error-on-warnings", "--max-diagnostics=50", "."),
  types: tool(bin("tsc"), "--noEmit"),
  "page-types": tool(bin("tsc"), "--noEmit", "-p", "src/registry/web/page"),
  imports: checkImports,
  startup: checkStartUp,
  words: checkWords,
  licences: checkLicences,
  generated: () =>
    existsSync(join(root, "scripts/generate.ts")) ? tool(bun, "scripts/generate.ts", "--check")() : [],
};

export type CheckResult = { readonly name: string; readonly findings: readonly string[] };

/** Runs the named checks, or all, printing a line for each and its findings. */
export function runChecks(names: readonly string[] = []): CheckResult[] {
  const unknown = names.find((name) => !(name in checks));
  if (unknown) throw new Error(`no check "${unknown}": there are ${Object.keys(checks).join(", ")}`);
  return Object.entries(checks)
    .filter(([name]) => names.length === 0 || names.includes(name))
    .map(([name, check]) => {
      const started = performance.now();
      const findings = check();
      const mark = findings.length === 0 ? "ok  " : "FAIL";
      console.log(`${mark} check ${name} (${Math.round(performance.now() - started)} ms)`);
      for (const finding of findings) console.log(finding.replace(/^/gm, "     "));
      return { name, findings };
    });
}

export function failed(results: readonly CheckResult[]): number {
  return results.filter(({ findings }) => findings.length > 0).length;
}
