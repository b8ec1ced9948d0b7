import { copyFileSync } from "node:fs";
import { basename, join } from "node:path";
import { commandOutput, temporaryDirectory } from "../../support/index.ts";
import type { CaseResult } from "../peer-suite/case-result.ts";
import { runWithPrivateMounts } from "../peer-suite/private-mounts.ts";
import { parseContest } from "./contest-output.ts";
import { runGroups } from "./place.ts";

const GROUP_TIMEOUT = 120_000;

/** Runs every group whose name begins with `only` on this machine. */
export async function* runOnThisMachine(
  runtime: string,
  only: string,
  listFile: string,
): AsyncIterable<CaseResult> {
  const contest = process.env["CONTEST"]!;
  using scratch = temporaryDirectory("contest");
  // The suite looks for its root file system in the current directory.
  copyFileSync(process.env["CONTEST_BUNDLE"]!, join(scratch.path, "bundle.tar.gz"));
  const groups = (await commandOutput(contest, ["list"], { cwd: scratch.path }))
    .split("\n")
    .filter((group) => group.startsWith(only));
  const ask = async (what: string) => {
    const { stdout, stderr, late } = await runWithPrivateMounts(
      [contest, "run", "--runtime", runtime, "--runtimetest", process.env["RUNTIMETEST"]!, "-t", what],
      {
        cwd: scratch.path,
        // The suite leaves cases out for youki and for runc, and none for a kind that it does not know.
        env: { RUNTIME_KIND: basename(runtime), TMPDIR: scratch.path },
        timeoutMs: GROUP_TIMEOUT,
      },
    );
    const detail = late ? `not over after ${GROUP_TIMEOUT} ms` : stderr.slice(-400);
    return { cases: parseContest(stdout), detail };
  };
  yield* runGroups({ ask }, groups, listFile);
}
