/**
 * runc's integration tests (bats) against corten-oci.
 *
 *     RUNC_SUITE=/path/to/runc npm run test:runc-bats      # a checkout with its test programs built in tests/cmd/_bin
 */
import { cpSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { temporaryDirectory } from "../../support/index.ts";
import { type CaseResult, parseTap } from "../peer-suite/case-result.ts";
import { runWithPrivateMounts } from "../peer-suite/private-mounts.ts";
import { runPeerSuite } from "../peer-suite/run.ts";
import { makeImages } from "./images.ts";

// A limit for each case is no good: bats then has a child that counts the seconds, and cases that `wait` wait for it.
const FILE_TIMEOUT = 600_000;

async function* collect(runtime: string, only: string): AsyncIterable<CaseResult> {
  using scratch = temporaryDirectory("bats");
  const tests = join(scratch.path, "tests");
  cpSync(join(process.env["RUNC_SUITE"]!, "tests"), tests, { recursive: true, verbatimSymlinks: true });
  const integration = join(tests, "integration");
  mkdirSync(join(integration, "testdata"), { recursive: true });
  await makeImages(join(integration, "testdata"));
  const files = readdirSync(integration).filter((file) => file.endsWith(".bats") && file.startsWith(only));
  for (const file of files) {
    const { stdout, stderr, late } = await runWithPrivateMounts(["bats", "--tap", join(integration, file)], {
      cwd: scratch.path,
      env: { RUNC: runtime, TMPDIR: scratch.path },
      timeoutMs: FILE_TIMEOUT,
    });
    const cases = parseTap(file, stdout);
    yield* cases;
    if (late || cases.length === 0) {
      const detail = late ? `not over after ${FILE_TIMEOUT} ms` : stderr.slice(-400);
      yield { name: `${file}::(rest of the file)`, outcome: "failed", detail };
    }
  }
}

await runPeerSuite({
  title: "runc's integration suite",
  needs: { RUNC_SUITE: "a checkout of runc whose test programs are built in tests/cmd/_bin" },
  listFile: join(import.meta.dirname, "passing.json"),
  collect,
});
