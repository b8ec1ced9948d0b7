import { join } from "node:path";
import { makeBusyboxImage } from "../test/support/index.ts";
import type { Bench } from "./harness/bench.ts";
import { timeInTurn } from "./harness/contest.ts";
import { mustRun } from "./harness/program.ts";
import { runBenches } from "./harness/run-benches.ts";
import { cortenWith } from "./peers/corten.ts";
import { docker, startDocker } from "./peers/docker.ts";
import { podmanArguments } from "./peers/podman.ts";

const image = "corten-bench/busybox:1";

/** What a user types: `run --rm` of a local image without network, from the command line to its prompt. */
export const engineRun: Bench = {
  name: "engine-run",
  title: "Engine: run --rm --network none IMAGE /bin/true",
  seconds: 40,
  budgets: [
    { ours: "corten", peers: ["docker"], limit: 0.2 },
    { ours: "corten", peers: ["podman"], limit: 0.4 },
  ],
  async measure(scratch) {
    const archive = join(scratch, "image.tar");
    await makeBusyboxImage(archive, image);
    await using daemon = await startDocker(join(scratch, "docker"));
    const engines = [
      { name: "corten", ...cortenWith(join(scratch, "corten")) },
      { name: "docker", program: docker, args: daemon.args },
      { name: "podman", program: "podman", args: podmanArguments(join(scratch, "podman")) },
    ];
    const contestants = engines.map(({ name, program, args }) => {
      let loaded = false;
      return {
        name,
        prepare() {
          if (!loaded) mustRun(program, ...args, "load", "-i", archive);
          loaded = true;
        },
        run: () => mustRun(program, ...args, "run", "--rm", "--network", "none", image, "/bin/true"),
      };
    });
    return await timeInTurn(contestants, { rounds: 30, warmUp: 2, pauseMs: 50 });
  },
};

if (import.meta.main) await runBenches([engineRun]);
