/**
 * The benchmarks: ours against peers, in turn, in one run.
 *
 *     npm run bench                     all
 *     npm run bench -- oci-run memory   only the named ones
 *
 * Results are printed as medians and ratios and stored in bench/results/latest.json.
 */
import { engineRun } from "./engine-run.ts";
import { firstOutput } from "./first-output.ts";
import { runBenches } from "./harness/run-benches.ts";
import { memory } from "./memory.ts";
import { ociExec } from "./oci-exec.ts";
import { ociLifecycle, ociNew, ociRow, ociRun } from "./oci-run.ts";
import { ociCrowd, ociScale } from "./oci-scale.ts";
import { pull, pullShapes } from "./pull.ts";
import { registryBenches } from "./registry.ts";
import { sharedCache, sharedStart } from "./shared-layers.ts";
import { throughputBenches } from "./throughput.ts";

const benches = [
  ...[ociRun, ociRow, ociNew, ociLifecycle, ociExec, ociScale, ociCrowd],
  ...[engineRun, memory, pull, ...pullShapes, firstOutput, sharedStart, sharedCache],
  ...registryBenches,
  ...throughputBenches,
];
const names = process.argv.slice(2);
const unknown = names.find((name) => !benches.some((bench) => bench.name === name));
if (unknown) {
  console.error(`no bench "${unknown}": there are ${benches.map(({ name }) => name).join(", ")}`);
  process.exitCode = 2;
} else {
  await runBenches(benches.filter(({ name }) => names.length === 0 || names.includes(name)));
}
