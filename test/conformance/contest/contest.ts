/**
 * youki's contest against corten-oci.
 *
 *     CONTEST=/path/contest RUNTIMETEST=/path/runtimetest CONTEST_BUNDLE=/path/bundle.tar.gz npm run test:contest
 */
import { copyFileSync } from "node:fs";
import { basename, join } from "node:path";
import { commandOutput, temporaryDirectory } from "../../support/index.ts";
import type { CaseResult } from "../peer-suite/case-result.ts";
import { readKnownCases } from "../peer-suite/known-cases.ts";
import { runWithPrivateMounts } from "../peer-suite/private-mounts.ts";
import { runPeerSuite } from "../peer-suite/run.ts";
import { parseContest } from "./contest-output.ts";

const GROUP_TIMEOUT = 120_000;
const LIST = join(import.meta.dirname, "passing.json");

async function* collect(runtime: string, only: string): AsyncIterable<CaseResult> {
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
  // A group each: one that hangs must not take the others with it.
  for (const group of groups) {
    const { cases, detail } = await ask(group);
    yield* cases;
    if (cases.length > 0) continue;
    // One case that panics or hangs keeps the results of its whole group back: each is asked alone then.
    const names = namesOf(group);
    if (names.length === 0) yield { name: `${group}::(whole group)`, outcome: "failed", detail };
    for (const name of names) {
      const alone = await ask(name);
      if (alone.cases.length === 0) yield { name, outcome: "failed", detail: alone.detail };
      yield* alone.cases;
    }
  }
}

/** The cases of a group, as far as the list knows them; the suite itself lists groups only. */
function namesOf(group: string): string[] {
  const { passing, others } = readKnownCases(LIST);
  return [...passing, ...Object.keys(others)].filter((name) => name.startsWith(`${group}::`)).sort();
}

await runPeerSuite({
  title: "youki's contest",
  needs: {
    CONTEST: "the suite's program `contest`",
    RUNTIMETEST: "its static program `runtimetest`, which runs in containers",
    CONTEST_BUNDLE: "its bundle.tar.gz, a root file system",
  },
  listFile: LIST,
  collect,
});
