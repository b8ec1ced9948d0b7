import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { command, repository } from "../../support/index.ts";

const MODULE = "github.com/opencontainers/distribution-spec/conformance";
const programs = join(repository, ".cache/distribution-spec");

/** A version of the suite: the module has it by this name, and its content is what the sum says. */
interface Version {
  readonly version: string;
  readonly sum: string;
  readonly build: readonly string[];
  readonly program: string;
}

/** The suite that was rewritten in 2026, of the specification's main branch. */
export const currentSuite: Version = {
  version: "v0.0.0-20260831232431-97274622c111",
  sum: "h1:ppZPU0CrEPzyJhVggYwUIZrqh0w2lIT0esw+9ABNPA4=",
  build: ["build"],
  program: join(programs, "current"),
};

/** The suite of 1.1, which registries were certified with. */
export const ginkgoSuite: Version = {
  version: "v0.0.0-20231101194043-f2182352d4cc",
  sum: "h1:jL+CgYEEZluGb08ZcLpEyhn389kNMlwrWOHaIqXazq0=",
  build: ["test", "-c"],
  program: join(programs, "ginkgo"),
};

/** Builds the suite from the Go module of that name; Go's own cache makes a repeat cheap. */
export function buildSuite({ version, sum, build, program }: Version): void {
  mkdirSync(programs, { recursive: true });
  const environment = { ...process.env, CGO_ENABLED: "0", GOWORK: "off" };
  const downloaded = JSON.parse(
    execFileSync("go", ["mod", "download", "-json", `${MODULE}@${version}`], {
      cwd: programs,
      env: environment,
      encoding: "utf8",
    }),
  ) as { Dir: string; Sum: string };
  if (downloaded.Sum !== sum)
    throw new Error(`${MODULE}@${version} has the sum ${downloaded.Sum}, not ${sum}`);
  execFileSync("go", [...build, "-o", program, "."], {
    cwd: downloaded.Dir,
    env: environment,
    stdio: ["ignore", "ignore", "inherit"],
  });
}

/** Passed cases by name, and all results that are no pass, as `name: result`. */
export interface SuiteResult {
  readonly passed: Readonly<Record<string, number>>;
  readonly others: readonly string[];
}

/** Runs the current suite with everything on: main's additions, sparse manifests, sha512. */
export async function runCurrent(address: string, results: string): Promise<SuiteResult> {
  const { stdout, stderr } = await command(currentSuite.program, [], {
    cwd: results,
    env: {
      OCI_VERSION: "dev",
      OCI_REGISTRY: address,
      OCI_TLS: "disabled",
      OCI_REPO1: "conformance/one",
      OCI_REPO2: "conformance/two",
      OCI_DATA_SPARSE: "true",
      OCI_DATA_SHA512: "true",
      OCI_RESULTS_DIR: results,
    },
    timeoutMs: 240_000,
  });
  const passed: Record<string, number> = {};
  const others: string[] = [];
  for (const line of stdout.split("\n")) {
    const match = /^ *(OCI Conformance Test.*): (\w+)$/.exec(line);
    if (match === null) continue;
    const name = match[1]!.replace(/^OCI Conformance Test\/?/, "");
    if (match[2] === "Pass") passed[name] = (passed[name] ?? 0) + 1;
    else others.push(`${name}: ${match[2]}`);
  }
  // The totals count steps, too, that have no line of their own.
  for (const [, name, count] of stdout.matchAll(/^ *(Disabled|Skip|FAIL|Error)\.*: +(\d+)$/gm)) {
    if (count !== "0") others.push(`${name}: ${count}`);
  }
  if (Object.keys(passed).length === 0) throw new Error(`the suite did not run: ${stderr.slice(-2000)}`);
  return { passed, others };
}

/**
 * Cases of the 1.1 suite that are the other side of cases that run: for registries to which nothing can be
 * pushed, and for those that do not mount.
 */
const alternatives = [
  "Pull Setup Get tag name from environment",
  "Push Cross-Repository Blob Mount Cross-mounting of nonexistent blob should yield session id",
  "Push Cross-Repository Blob Mount Cross-mounting without from, and automatic content discovery disabled should return a 202",
  "Content Discovery Setup Populate registry with test tags (no push)",
];

/** One entry of Ginkgo's report in JSON. */
interface GinkgoSpec {
  readonly LeafNodeType: string;
  readonly ContainerHierarchyTexts: readonly string[] | null;
  readonly LeafNodeText: string;
  readonly State: string;
}

/** Runs the suite of 1.1 with all of its workflows. */
export async function runGinkgo(address: string, results: string): Promise<SuiteResult> {
  const report = join(results, "report.json");
  const { stdout } = await command(ginkgoSuite.program, [`-ginkgo.json-report=${report}`], {
    cwd: results,
    env: {
      OCI_ROOT_URL: `http://${address}`,
      OCI_NAMESPACE: "ginkgo/one",
      OCI_CROSSMOUNT_NAMESPACE: "ginkgo/two",
      OCI_AUTOMATIC_CROSSMOUNT: "1",
      OCI_TEST_PULL: "1",
      OCI_TEST_PUSH: "1",
      OCI_TEST_CONTENT_DISCOVERY: "1",
      OCI_TEST_CONTENT_MANAGEMENT: "1",
      OCI_REPORT_DIR: results,
    },
    timeoutMs: 240_000,
  });
  if (!existsSync(report)) throw new Error(`the suite did not run: ${stdout.slice(-2000)}`);
  const [suite] = JSON.parse(readFileSync(report, "utf8")) as { SpecReports: GinkgoSpec[] }[];
  const passed: Record<string, number> = {};
  const others: string[] = [];
  for (const { LeafNodeType, ContainerHierarchyTexts, LeafNodeText, State } of suite?.SpecReports ?? []) {
    if (LeafNodeType !== "It") continue;
    const name = [...(ContainerHierarchyTexts ?? []).slice(1), LeafNodeText].join(" ");
    if (State === "passed") passed[name] = (passed[name] ?? 0) + 1;
    else if (State !== "skipped" || !alternatives.includes(name)) others.push(`${name}: ${State}`);
  }
  return { passed, others };
}
