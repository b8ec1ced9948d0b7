/**
 * Runs the tests and ends with the line `N passed, N failed`.
 *
 *     npm test                        checks, then every suite; installs Debian packages when root
 *     npm run test:fast               checks and unit tests only
 *     npm test -- integration cve     only the named suites, without the checks
 *     npm test -- unit -t "tar"       the rest after a suite goes to Bun's test runner
 */
import { build } from "./build/build.ts";
import { runChecks } from "./check/checks.ts";
import { ensurePackages } from "./test/debian-packages.ts";
import { mendNullDevice } from "./test/null-device.ts";
import { hasTests, runSuite, type SuiteResult } from "./test/run-suite.ts";
import { fastSuites, suites } from "./test/suites.ts";
import { summarize } from "./test/summary.ts";

const words = process.argv.slice(2);
const firstOption = words.findIndex((word) => word.startsWith("-"));
const names = firstOption < 0 ? words : words.slice(0, firstOption);
const runnerArguments = firstOption < 0 ? [] : words.slice(firstOption);
const fast = names.includes("fast");
const wanted = fast ? fastSuites : names;
const unknown = wanted.find((name) => !suites.some((suite) => suite.name === name));
if (unknown) {
  console.error(`no suite "${unknown}": there are fast, ${suites.map(({ name }) => name).join(", ")}`);
  process.exit(2);
}
const chosen = suites.filter(({ name }) => wanted.length === 0 || wanted.includes(name)).filter(hasTests);

const problems: string[] = [];
const attempt = async (what: string, action: () => void | Promise<void>): Promise<boolean> => {
  try {
    await action();
    return true;
  } catch (error) {
    const problem = `${what}: ${(error as Error).message}`;
    console.log(`FAIL ${problem}`);
    problems.push(problem);
    return false;
  }
};

/** Suites must find, and leave, the machine's null device as it ought to be. */
const mend = (say: (found: string) => void): Promise<boolean> =>
  attempt("the null device", () => {
    const found = mendNullDevice();
    if (found !== undefined) say(found);
  });

if (!fast) {
  await mend((found) => console.log(`${found}: put right`));
  await attempt("Debian packages", () => ensurePackages());
}
const notBuilt = new Set<string>();
for (const name of new Set(chosen.flatMap((suite) => suite.build))) {
  if (!(await attempt(`build ${name}`, () => build([name])))) notBuilt.add(name);
}
const checks = fast || names.length === 0 ? runChecks() : [];
const results: SuiteResult[] = [];
for (const suite of chosen) {
  console.log(`\n── ${suite.name}`);
  const lacking = suite.build.filter((name) => notBuilt.has(name));
  if (lacking.length > 0 && !suite.mostlyWithoutBuild) {
    problems.push(`${suite.name}: did not run for lack of the build of ${lacking.join(", ")}`);
    continue;
  }
  results.push(await runSuite(suite, runnerArguments));
  if (!fast) await mend((found) => problems.push(`${suite.name}: after it ${found}`));
}

const summary = summarize(checks, problems, results);
console.log(`\n${summary.lines.join("\n")}`);
process.exitCode = summary.failed > 0 ? 1 : 0;
