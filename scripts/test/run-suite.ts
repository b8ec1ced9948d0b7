import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bun, root } from "../repository.ts";
import { parseJunitReport, type TestCase } from "./junit-report.ts";
import type { Suite } from "./suites.ts";

export type SuiteResult = {
  readonly suite: string;
  readonly cases: readonly TestCase[];
  /** Why the run itself went wrong, beside failing tests: it crashed, hung, or could not load a file. */
  readonly problem?: string;
  readonly seconds: number;
};

/** Whether a suite has any test file. Without one the runner must not start: it would take every file. */
export function hasTests({ folders }: Suite): boolean {
  return folders.some(
    (folder) =>
      existsSync(join(root, folder)) &&
      readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).some((name) =>
        name.endsWith(".test.ts"),
      ),
  );
}

/** Runs the test files of a suite; `arguments_` goes to the runner, e.g. `-t pattern`. */
export async function runSuite(suite: Suite, arguments_: readonly string[] = []): Promise<SuiteResult> {
  const folders = suite.folders.filter((folder) => existsSync(join(root, folder)));
  const started = performance.now();
  const scratch = mkdtempSync(join(tmpdir(), "corten-test-"));
  const report = join(scratch, "junit.xml");
  try {
    const end = await runBun(folders, report, suite.minutes, arguments_);
    const cases = existsSync(report) ? parseJunitReport(readFileSync(report, "utf8")) : [];
    const seconds = (performance.now() - started) / 1000;
    const problem = judge(end, cases);
    return { suite: suite.name, cases, seconds, ...(problem ? { problem } : {}) };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

type End = { readonly code: number | null; readonly signal: string | null; readonly output: string };

/** Bun's exit code is 1 for failing tests, for files that do not load, and for no tests at all. */
function judge({ code, signal, output }: End, cases: readonly TestCase[]): string | undefined {
  if (code === 0) return undefined;
  if (code === 1 && /did not match any test files|No tests found/i.test(output)) return undefined;
  const unloaded = [...output.matchAll(/^# Unhandled error between tests$/gm)].length;
  if (code === 1 && unloaded === 0 && cases.some(({ outcome }) => outcome === "failed")) return undefined;
  const how = signal ? `was killed by ${signal}` : `exited with ${code}`;
  return unloaded > 0
    ? `${unloaded} errors outside of tests, see the output above`
    : `the test runner ${how}, see the output above`;
}

function runBun(
  folders: readonly string[],
  report: string,
  minutes: number,
  extra: readonly string[],
): Promise<End> {
  const args = ["test", "--timeout", "120000", "--reporter=junit", `--reporter-outfile=${report}`];
  const child = spawn(bun, [...args, ...extra, ...folders.map((folder) => `./${folder}/`)], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
    // A process group of its own, so that what tests started ends with them when they hang or are interrupted.
    detached: true,
  });
  const killGroup = (): void => {
    const ended = child.exitCode !== null || child.signalCode !== null;
    if (child.pid !== undefined && !ended) process.kill(-child.pid, "SIGKILL");
  };
  const interrupt = (): void => {
    killGroup();
    process.exit(130);
  };
  process.on("SIGINT", interrupt);
  process.on("SIGTERM", interrupt);
  const timer = setTimeout(killGroup, minutes * 60_000);
  const kept: Buffer[] = [];
  const show = (chunk: Buffer): void => {
    kept.push(chunk);
    process.stdout.write(chunk);
  };
  child.stdout.on("data", show);
  child.stderr.on("data", show);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    // A daemon that a test left behind may hold the pipes open for ever.
    child.on("exit", () => {
      setTimeout(() => {
        child.stdout.destroy();
        child.stderr.destroy();
      }, 5000).unref();
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      process.off("SIGINT", interrupt);
      process.off("SIGTERM", interrupt);
      resolve({ code, signal, output: Buffer.concat(kept).toString() });
    });
  });
}
