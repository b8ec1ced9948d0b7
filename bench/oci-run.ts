import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { bundleConfig, makeBundle } from "../test/support/index.ts";
import type { Bench } from "./harness/bench.ts";
import { type Contestant, timeInTurn } from "./harness/contest.ts";
import { mustRun, mustRunQuietly } from "./harness/program.ts";
import { runBenches } from "./harness/run-benches.ts";
import { rootOf, runtimes } from "./peers/runtimes.ts";

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

/** The same with a configuration that no runtime has seen before: Corten cannot use a plan that it knows. */
export const ociNew: Bench = {
  name: "oci-new",
  title: "OCI runtime: run /bin/true and delete, a new configuration each time",
  seconds: 20,
  budgets: [],
  measure(scratch) {
    let starts = 0;
    const fresh = contestants(scratch).map(({ name, run }) => ({
      name,
      run,
      prepare() {
        starts += 1;
        const config = { ...bundleConfig(["/bin/true"]), hostname: `start-${starts}` };
        writeFileSync(join(scratch, "bundle/config.json"), JSON.stringify(config));
      },
    }));
    return timeInTurn(fresh, { rounds: 40, warmUp: 3, pauseMs: 50 });
  },
};

/** What engines do: three calls for one container. */
export const ociLifecycle: Bench = {
  name: "oci-lifecycle",
  title: "OCI runtime: create, start and delete of /bin/true",
  seconds: 20,
  budgets: [],
  measure(scratch) {
    const bundle = join(scratch, "bundle");
    makeBundle(bundle, ["/bin/true"]);
    const rounds = runtimes.map(({ name, program }) => {
      const call = (...words: string[]) => mustRunQuietly(program, "--root", rootOf(name), ...words);
      const id = `bench-${name}`;
      return {
        name,
        run() {
          call("create", "-b", bundle, id);
          call("start", id);
          call("delete", "-f", id);
        },
      };
    });
    return timeInTurn(rounds, { rounds: 40, warmUp: 3, pauseMs: 50 });
  },
};

function contestants(scratch: string): Contestant[] {
  const bundle = join(scratch, "bundle");
  makeBundle(bundle, ["/bin/true"]);
  return runtimes.map(({ name, program }) => {
    const args = ["--root", rootOf(name), "run", "-b", bundle, `bench-${name}`];
    return { name, run: () => mustRun(program, ...args) };
  });
}

if (import.meta.main) await runBenches([ociRun, ociRow, ociNew, ociLifecycle]);
