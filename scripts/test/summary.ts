import type { CheckResult } from "../check/checks.ts";
import type { SuiteResult } from "./run-suite.ts";

export type Summary = { readonly passed: number; readonly failed: number; readonly lines: readonly string[] };

/**
 * Adds up a run. A check and a build count as one test each; a suite that went wrong beside its tests counts as
 * one failure; a run without any test at all is a failure, since it proves nothing.
 */
export function summarize(
  checks: readonly CheckResult[],
  problems: readonly string[],
  suites: readonly SuiteResult[],
): Summary {
  const cases = suites.flatMap(({ suite, cases }) => cases.map((test) => ({ suite, ...test })));
  const failures = [
    ...problems,
    ...checks
      .filter(({ findings }) => findings.length > 0)
      .map(({ name, findings }) => `check ${name}: ${findings.length} findings`),
    ...suites.flatMap(({ suite, problem }) => (problem ? [`${suite}: ${problem}`] : [])),
    ...cases
      .filter(({ outcome }) => outcome === "failed")
      .map(({ suite, file, name, failure }) => `${suite}: ${file}: ${name}\n${indent(failure)}`),
    ...(cases.some(({ outcome }) => outcome !== "skipped") ? [] : ["no test ran"]),
  ];
  const skipped = cases.filter(({ outcome }) => outcome === "skipped");
  const passed =
    checks.filter(({ findings }) => findings.length === 0).length +
    cases.filter(({ outcome }) => outcome === "passed").length;
  const lines = [
    ...suites.map(
      ({ suite, cases, seconds }) => `${suite}: ${cases.length} tests in ${seconds.toFixed(1)} s`,
    ),
    ...skipped.map(({ suite, file, name }) => `skipped ${suite}: ${file}: ${name}`),
    ...failures.map((failure) => `FAILED ${failure}`),
    `${passed} passed, ${failures.length} failed`,
  ];
  return { passed, failed: failures.length, lines };
}

function indent(text: string): string {
  return text
    .split("\n")
    .slice(0, 12)
    .map((line) => `    ${line}`)
    .join("\n");
}
