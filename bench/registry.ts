import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Bench } from "./harness/bench.ts";
import { type Contestant, timeInTurn } from "./harness/contest.ts";
import { mustRun } from "./harness/program.ts";
import { runBenches } from "./harness/run-benches.ts";
import { type RegistryDaemon, startCortenRegistry, startDockerRegistry } from "./peers/registries.ts";
import { Connection } from "./registry/connection.ts";
import { type Workload, workloads } from "./registry/workloads.ts";

const registries = { corten: startCortenRegistry, "docker-registry": startDockerRegistry };

/** One bench for each workload: the time of all its operations, over connections that are open already. */
export const registryBenches: readonly Bench[] = workloads.map((workload) => ({
  name: `registry-${workload.name}`,
  title: `Registry: ${workload.title}`,
  seconds: 30,
  budgets: [{ ours: "corten", peers: ["docker-registry"], limit: workload.limit }],
  async measure(scratch) {
    await using stack = new AsyncDisposableStack();
    const contestants: Contestant[] = [];
    for (const [name, start] of Object.entries(registries)) {
      const directory = join(scratch, name);
      const daemon = stack.use(await start(directory));
      stack.defer(() => rmSync(join(directory, "root"), { recursive: true, force: true }));
      contestants.push(await contestantOf(name, daemon, workload, stack));
    }
    return await timeInTurn(contestants, { rounds: 3, warmUp: 1 });
  },
}));

async function contestantOf(
  name: string,
  { port }: RegistryDaemon,
  workload: Workload,
  stack: AsyncDisposableStack,
): Promise<Contestant> {
  const connections: Connection[] = [];
  for (let index = 0; index < workload.connections; index++) {
    connections.push(stack.use(await Connection.open(port)));
  }
  const operations = await workload.make(connections[0]!);
  let round: ReturnType<typeof operations> = [];
  return {
    name,
    prepare() {
      round = operations();
      mustRun("sync"); // what was written before is not this round's
    },
    async run() {
      let next = 0;
      await Promise.all(
        connections.map(async (connection) => {
          while (next < round.length) await round[next++]!(connection);
        }),
      );
    },
  };
}

if (import.meta.main) await runBenches(registryBenches);
