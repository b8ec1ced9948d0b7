/**
 * crun's tests in Python against corten-oci.
 *
 *     CRUN_SUITE=/path/to/crun/tests CRUN_INIT=/path/init npm run test:crun-tests
 */
import { cpSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { temporaryDirectory } from "../../support/index.ts";
import { type CaseResult, parseTap } from "../peer-suite/case-result.ts";
import { runWithPrivateMounts } from "../peer-suite/private-mounts.ts";
import { runPeerSuite } from "../peer-suite/run.ts";

const FILE_TIMEOUT = 240_000;

async function* collect(runtime: string, only: string): AsyncIterable<CaseResult> {
  using scratch = temporaryDirectory("crun");
  const tests = join(scratch.path, "tests");
  cpSync(process.env["CRUN_SUITE"]!, tests, { recursive: true, verbatimSymlinks: true });
  const files = readdirSync(tests).filter((file) => /^test_.*\.py$/.test(file) && file.startsWith(only));
  for (const file of files) {
    const { stdout, stderr, late } = await runWithPrivateMounts(["python3", "-u", join(tests, file)], {
      cwd: scratch.path,
      env: { OCI_RUNTIME: runtime, INIT: process.env["CRUN_INIT"]!, TMPDIR: scratch.path },
      timeoutMs: FILE_TIMEOUT,
    });
    // Its failures are told on stderr, in the order of the cases.
    const cases = parseTap(file, stdout).map((result) => withError(result, stderr));
    yield* cases;
    if (late || cases.length === 0) {
      const detail = late ? `not over after ${FILE_TIMEOUT} ms` : stderr.slice(-400);
      yield { name: `${file}::(rest of the file)`, outcome: "failed", detail };
    }
  }
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
  listFile: join(import.meta.dirname, "passing.json"),
  collect,
});
