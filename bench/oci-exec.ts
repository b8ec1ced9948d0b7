import { join } from "node:path";
import { makeBundle } from "../test/support/index.ts";
import type { Bench } from "./harness/bench.ts";
import { timeInTurn } from "./harness/contest.ts";
import { mustRun, mustRunQuietly } from "./harness/program.ts";
import { runBenches } from "./harness/run-benches.ts";
import { rootOf, runtimes } from "./peers/runtimes.ts";

/** What the probes of a Kubernetes node do all day: one more short process in a running container. */
export const ociExec: Bench = {
  name: "oci-exec",
  title: "OCI runtime: exec of /bin/true in a running container",
  seconds: 15,
  budgets: [
    { ours: "corten-oci", peers: ["crun"], limit: 1 },
    { ours: "corten-oci", peers: ["runc"], limit: 1 },
  ],
  async measure(scratch) {
    const bundle = join(scratch, "bundle");
    makeBundle(bundle, ["/bin/sleep", "1000"]);
    const call = (name: string, program: string, ...words: string[]) =>
      mustRun(program, "--root", rootOf(name), ...words);
    try {
      for (const { name, program } of runtimes) {
        mustRunQuietly(program, "--root", rootOf(name), "run", "-d", "-b", bundle, name);
      }
      const contestants = runtimes.map(({ name, program }) => ({
        name,
        run: () => call(name, program, "exec", name, "/bin/true"),
      }));
      return await timeInTurn(contestants, { rounds: 60, warmUp: 3, pauseMs: 20 });
    } finally {
      for (const { name, program } of runtimes) call(name, program, "delete", "-f", name);
    }
  },
};

if (import.meta.main) await runBenches([ociExec]);
