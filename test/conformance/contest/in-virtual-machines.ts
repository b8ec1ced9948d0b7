import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { command, cortenOci, temporaryDirectory } from "../../support/index.ts";
import { makeShare, startVirtualMachine, type VirtualMachine } from "../../support/vm/index.ts";
import type { CaseResult } from "../peer-suite/case-result.ts";
import { parseContest } from "./contest-output.ts";
import { type ContestPlace, runGroups } from "./place.ts";
import { LATE_START, MACHINES } from "./virtual-machines.ts";

const GROUP_SECONDS = 900;

/** Runs the groups of {@link MACHINES} whose name begins with `only`, each in its machine, with `runtime` inside. */
export async function* runInVirtualMachines(
  runtime: string,
  only: string,
  listFile: string,
): AsyncIterable<CaseResult> {
  for (const { groups, prepare } of MACHINES) {
    const wanted = groups.filter((group) => group.startsWith(only) || only.startsWith(`${group}::`));
    if (wanted.length === 0) continue;
    using scratch = temporaryDirectory("contest-share");
    const inside = await fillShare(scratch.path, runtime);
    await using vm = await startVirtualMachine({
      share: scratch.path,
      // One case wants nine processors; most of the time they idle.
      cpus: 9,
      megabytes: 2048,
      bootTimeoutMs: 300_000,
    });
    await vm.output(`cp -n /corten/lib/* /usr/lib/$(uname -m)-linux-gnu/; cp -rn /corten/bin/. /usr/sbin/
      mkdir /tmp/contest; cp /corten/suite/bundle.tar.gz /tmp/contest/; ${prepare}`);
    yield* runGroups(placeIn(vm, inside), only.includes("::") ? [only] : wanted, listFile);
  }
}

function placeIn(vm: VirtualMachine, runtime: string): ContestPlace {
  const environment = `CONTEST_RUNTIME=${runtime} RUNTIME_KIND=${basename(runtime)}`;
  const words = "run --runtime /corten/suite/runtime --runtimetest /corten/suite/runtimetest";
  return {
    async ask(what) {
      const { exitCode, stdout } = await vm.run(
        `cd /tmp/contest; ${environment} timeout -s KILL ${GROUP_SECONDS} /corten/suite/contest ${words} -t '${what}' 2> /tmp/contest.err`,
        { timeoutMs: (GROUP_SECONDS + 60) * 1000 },
      );
      const cases = parseContest(stdout);
      if (cases.length > 0) return { cases, detail: "" };
      const late = exitCode === 137 ? `not over after ${GROUP_SECONDS} s; ` : "";
      return { cases, detail: `${late}${(await vm.run("tail -c 400 /tmp/contest.err")).stdout}` };
    },
  };
}

/** Lays out what the machine needs below /corten; returns the path that the runtime has in it. */
async function fillShare(share: string, runtime: string): Promise<string> {
  makeShare(share);
  for (const folder of ["suite", "bin", "lib"]) mkdirSync(join(share, folder));
  const suite = { contest: "CONTEST", runtimetest: "RUNTIMETEST", "bundle.tar.gz": "CONTEST_BUNDLE" };
  for (const [name, variable] of Object.entries(suite)) {
    copyFileSync(process.env[variable]!, join(share, "suite", name));
  }
  writeFileSync(join(share, "suite/runtime"), LATE_START);
  chmodSync(join(share, "suite/runtime"), 0o755);
  const peer = runtime === cortenOci ? undefined : runtime;
  if (peer !== undefined) copyFileSync(peer, join(share, "bin", basename(peer)));
  for (const program of [process.env["CONTEST"]!, ...(peer === undefined ? [] : [peer])]) {
    for (const library of await librariesOf(program))
      copyFileSync(library, join(share, "lib", basename(library)));
  }
  return peer === undefined ? "/corten/dist/corten-oci" : join("/usr/sbin", basename(peer));
}

/** The shared libraries of a program, none for a static one. */
async function librariesOf(program: string): Promise<string[]> {
  const { stdout } = await command("ldd", [program]);
  return [...stdout.matchAll(/ => (\/\S+)/g)].map(([, path]) => path!);
}
