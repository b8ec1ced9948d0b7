import { join } from "node:path";
import { cortenOci, makeBundle } from "../test/support/index.ts";
import type { Bench } from "./harness/bench.ts";
import { type Contestant, timeInTurn } from "./harness/contest.ts";
import { mustRun } from "./harness/program.ts";
import { runBenches } from "./harness/run-benches.ts";

const budgets = [
  { ours: "corten-oci", peers: ["runc"], limit: 0.5 },
  { ours: "corten-oci", peers: ["crun"], limit: 1 },
];

/** The OCI runtimes by themselves: `run` of /bin/true in a bundle like the one `runc spec` writes. */
export const ociRun: Bench = {
  name: "oci-run",
  title: "OCI runtime: run /bin/true and delete, one start at a time",
  seconds: 20,
  budgets,
  measure: (scratch) => timeInTurn(contestants(scratch), { rounds: 60, warmUp: 3, pauseMs: 50 }),
};

/** The same, one start right after another of the same runtime, which some runtimes profit from and some do not. */
export const ociRow: Bench = {
  name: "oci-row",
  title: "OCI runtime: run /bin/true and delete, starts in a row",
  seconds: 15,
  budgets,
  measure: (scratch) => timeInTurn(contestants(scratch), { rounds: 10, pauseMs: 50, row: 11 }),
};

function contestants(scratch: string): Contestant[] {
  const bundle = join(scratch, "bundle");
  makeBundle(bundle, ["/bin/true"]);
  return [cortenOci, "crun", "runc"].map((program) => {
    const name = program === cortenOci ? "corten-oci" : program;
    const args = ["--root", `/run/bench-${name}`, "run", "-b", bundle, `bench-${name}`];
    return { name, run: () => mustRun(program, ...args) };
  });
}

if (import.meta.main) await runBenches([ociRun, ociRow]);
