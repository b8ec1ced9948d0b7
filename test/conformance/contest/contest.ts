/**
 * youki's contest against corten-oci.
 *
 *     CONTEST=/path/contest RUNTIMETEST=/path/runtimetest CONTEST_BUNDLE=/path/bundle.tar.gz npm run test:contest
 */
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { commandOutput, temporaryDirectory } from "../../support/index.ts";
import type { CaseResult } from "../peer-suite/case-result.ts";
import { runWithPrivateMounts } from "../peer-suite/private-mounts.ts";
import { runPeerSuite } from "../peer-suite/run.ts";
import { parseContest } from "./contest-output.ts";

const GROUP_TIMEOUT = 120_000;

async function* collect(runtime: string, only: string): AsyncIterable<CaseResult> {
  const contest = process.env["CONTEST"]!;
  using scratch = temporaryDirectory("contest");
  // The suite looks for its root file system in the current directory.
  copyFileSync(process.env["CONTEST_BUNDLE"]!, join(scratch.path, "bundle.tar.gz"));
  const groups = (await commandOutput(contest, ["list"], { cwd: scratch.path }))
    .split("\n")
    .filter((group) => group.startsWith(only));
  // A group each: one that hangs must not take the others with it.
  for (const group of groups) {
    const { stdout, stderr, late } = await runWithPrivateMounts(
      [contest, "run", "--runtime", runtime, "--runtimetest", process.env["RUNTIMETEST"]!, "-t", group],
      {
        cwd: scratch.path,
        // Makes the suite leave out what only youki's own command line has.
        env: { RUNTIME_KIND: "runc", TMPDIR: scratch.path },
        timeoutMs: GROUP_TIMEOUT,
      },
    );
    const cases = parseContest(stdout);
    if (cases.length === 0) {
      const detail = late ? `not over after ${GROUP_TIMEOUT} ms` : stderr.slice(-400);
      yield { name: `${group}::(whole group)`, outcome: "failed", detail };
    }
    yield* cases;
  }
}

await runPeerSuite({
  title: "youki's contest",
  needs: {
    CONTEST: "the suite's program `contest`",
    RUNTIMETEST: "its static program `runtimetest`, which runs in containers",
    CONTEST_BUNDLE: "its bundle.tar.gz, a root file system",
  },
  listFile: join(import.meta.dirname, "passing.json"),
  collect,
});
