/**
 * crun's tests in Python against corten-oci.
 *
 *     CRUN_SUITE=/path/to/crun/tests CRUN_INIT=/path/init npm run test:crun-tests
 */
import { cpSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { temporaryDirectory } from "../../support/index.ts";
import { type CaseResult, parseTap } from "../peer-suite/case-result.ts";
import { readKnownCases } from "../peer-suite/known-cases.ts";
import { runWithPrivateMounts } from "../peer-suite/private-mounts.ts";
import { runPeerSuite } from "../peer-suite/run.ts";

const FILE_TIMEOUT = 240_000;
const CASE_TIMEOUT = 60_000;
const LIST = join(import.meta.dirname, "passing.json");

async function* collect(runtime: string, only: string): AsyncIterable<CaseResult> {
  using scratch = temporaryDirectory("crun");
  const tests = join(scratch.path, "tests");
  cpSync(process.env["CRUN_SUITE"]!, tests, { recursive: true, verbatimSymlinks: true });
  const files = readdirSync(tests).filter((file) => /^test_.*\.py$/.test(file) && file.startsWith(only));
  const ask = async (file: string, timeoutMs: number, name?: string) => {
    const { stdout, stderr, late } = await runWithPrivateMounts(["python3", "-u", join(tests, file)], {
      cwd: scratch.path,
      env: {
        OCI_RUNTIME: runtime,
        INIT: process.env["CRUN_INIT"]!,
        TMPDIR: scratch.path,
        ...(name === undefined ? {} : { RUN_TESTS: name }),
      },
      timeoutMs,
    });
    // Its failures are told on stderr, in the order of the cases.
    const cases = parseTap(file, stdout).map((result) => withError(result, stderr));
    return { cases, detail: late ? `not over after ${timeoutMs} ms` : stderr.slice(-400), late };
  };
  for (const file of files) {
    const { cases, detail, late } = await ask(file, FILE_TIMEOUT);
    yield* cases;
    if (!late && cases.length > 0) continue;
    // One that hangs must not take those behind it along: each is asked alone then.
    const told = new Set(cases.map(({ name }) => name));
    const left = namesOf(file).filter((name) => !told.has(name));
    if (left.length === 0) yield { name: `${file}::(rest of the file)`, outcome: "failed", detail };
    for (const name of left) {
      const alone = await ask(file, CASE_TIMEOUT, name.slice(file.length + 2));
      if (alone.cases.length === 0) yield { name, outcome: "failed", detail: alone.detail };
      yield* alone.cases;
    }
  }
}

/** The cases of a file, as far as the list knows them and the suite can be asked for them: by a word. */
function namesOf(file: string): string[] {
  const { passing, others } = readKnownCases(LIST);
  return [...passing, ...Object.keys(others)].filter(
    (name) => name.startsWith(`${file}::`) && !/[ (]/.test(name),
  );
}

function withError(result: CaseResult, stderr: string): CaseResult {
  if (result.outcome !== "failed") return result;
  const name = result.name.split("::")[1]!;
  const start = stderr.indexOf(`Test '${name}' failed`);
  return start < 0 ? result : { ...result, detail: stderr.slice(start, start + 600) };
}

await runPeerSuite({
  title: "crun's suite",
  needs: {
    CRUN_SUITE: "crun's folder tests/",
    CRUN_INIT: "its static program `init`, which runs in containers",
  },
  listFile: LIST,
  collect,
});
