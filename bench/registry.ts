import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Bench } from "./harness/bench.ts";
import { type Contestant, timeInTurn } from "./harness/contest.ts";
import { mustRun } from "./harness/program.ts";
import { runBenches } from "./harness/run-benches.ts";
import {
  type RegistryDaemon,
  type RegistryStart,
  type StartRegistry,
  startCortenRegistry,
  startDockerRegistry,
  startZot,
} from "./peers/registries.ts";
import { Connection } from "./registry/connection.ts";
import type { Operation, Round, Workload } from "./registry/workload.ts";
import { workloads } from "./registry/workloads.ts";

/** Those that can be a cache of another one. */
const caches: Readonly<Record<string, StartRegistry>> = {
  corten: startCortenRegistry,
  "docker-registry": startDockerRegistry,
};
const registries = process.env["ZOT"] === undefined ? caches : { ...caches, zot: startZot };

/** Connections that fill a registry. */
const FILLING = 4;

/** One bench for each workload: the time of all its operations, over connections that are open already. */
export const registryBenches: readonly Bench[] = workloads.map((workload) => ({
  name: `registry-${workload.name}`,
  title: `Registry: ${workload.title}`,
  seconds: 30,
  budgets: [{ ours: "corten", peers: ["docker-registry"], limit: workload.limit }],
  async measure(scratch) {
    await using stack = new AsyncDisposableStack();
    const begin = async (start: StartRegistry, name: string, how: RegistryStart): Promise<RegistryDaemon> => {
      const directory = join(scratch, name);
      stack.defer(() => rmSync(join(directory, "root"), { recursive: true, force: true }));
      return stack.use(await start(directory, how));
    };
    const contestants: Contestant[] = [];
    for (const [name, start] of Object.entries(workload.cache === true ? caches : registries)) {
      const upstream =
        workload.cache === true ? await begin(startDockerRegistry, `${name}-upstream`, {}) : undefined;
      const daemon = await begin(start, name, upstream === undefined ? {} : { upstream: upstream.port });
      contestants.push(await contestantOf(name, workload, daemon, upstream ?? daemon));
    }
    return await timeInTurn(contestants, { rounds: 3, warmUp: 1 });
  },
}));

async function contestantOf(
  name: string,
  workload: Workload,
  { port, processorTime }: RegistryDaemon,
  source: RegistryDaemon,
): Promise<Contestant> {
  const round = await filled(workload, port, source.port);
  let connections: readonly Connection[] = [];
  let operations: readonly Operation[] = [];
  return {
    name,
    processorTime,
    async prepare() {
      using made = await Connection.open(source.port);
      operations = await round(made);
      connections = await Promise.all(
        Array.from({ length: workload.connections }, () => Connection.open(port)),
      );
      mustRun("sync"); // what was written before is not this round's
    },
    async run() {
      let next = 0;
      await Promise.all(
        connections.map(async (connection) => {
          while (next < operations.length) await operations[next++]!(connection);
        }),
      );
    },
    finish() {
      for (const connection of connections) connection[Symbol.dispose]();
    },
  };
}

/** Connections end here: others are filled next, for longer than a server waits for a request. */
async function filled(workload: Workload, port: number, source: number): Promise<Round> {
  using stack = new DisposableStack();
  const open = async (to: number): Promise<Connection> => stack.use(await Connection.open(to));
  const first = await open(port);
  const others = await Promise.all(Array.from({ length: FILLING - 1 }, () => open(port)));
  return await workload.make({ connections: [first, ...others], source: await open(source) });
}

if (import.meta.main) await runBenches(registryBenches);
