import { join } from "node:path";
import { cortenOci, makeBundle } from "../test/support/index.ts";
import type { Bench } from "./harness/bench.ts";
import { timeInTurn } from "./harness/contest.ts";
import { mustRun } from "./harness/program.ts";
import { runBenches } from "./harness/run-benches.ts";

/** The OCI runtimes by themselves: `run` of /bin/true in a bundle like the one `runc spec` writes. */
export const ociRun: Bench = {
  name: "oci-run",
  title: "OCI runtime: run /bin/true and delete",
  seconds: 10,
  budgets: [
    { ours: "corten-oci", peers: ["runc"], limit: 0.5 },
    { ours: "corten-oci", peers: ["crun"], limit: 1 },
  ],
  measure(scratch) {
    const bundle = join(scratch, "bundle");
    makeBundle(bundle, ["/bin/true"]);
    const contestants = [cortenOci, "crun", "runc"].map((program) => {
      const name = program === cortenOci ? "corten-oci" : program;
      const args = ["--root", join(scratch, `state-${name}`), "run", "-b", bundle, `bench-${name}`];
      return { name, run: () => mustRun(program, ...args) };
    });
    return timeInTurn(contestants, { rounds: 100, warmUp: 3 });
  },
};

if (import.meta.main) await runBenches([ociRun]);
