import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { makeBusyboxImage } from "../test/support/index.ts";
import type { Bench } from "./harness/bench.ts";
import type { Entry } from "./harness/contest.ts";
import { processMemory } from "./harness/private-memory.ts";
import { mustRun } from "./harness/program.ts";
import { runBenches } from "./harness/run-benches.ts";
import { spreadOf } from "./harness/statistics.ts";
import { cortenWith } from "./peers/corten.ts";
import { docker, startDocker } from "./peers/docker.ts";
import { podmanArguments } from "./peers/podman.ts";

const image = "corten-bench/busybox:1";
const workload = "sleep";
const count = 3;
const options = ["--rm", "--network", "none", image, workload, "1000"];

/**
 * What stays in memory for each running container beside the workload: monitors, shims, clients. A daemon that
 * serves all containers is not counted, only what comes with each.
 */
export const memory: Bench = {
  name: "memory",
  title: `Private memory beside the workload, per container, mean of ${count}`,
  seconds: 20,
  budgets: [
    { ours: "corten detached", peers: ["docker detached", "podman detached"], limit: 1 },
    { ours: "corten foreground", peers: ["docker foreground", "podman foreground"], limit: 1 },
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
    const entries: Entry[] = [];
    for (const { name, program, args } of engines) {
      for (const mode of ["detached", "foreground"] as const) {
        const entry = `${name} ${mode}`;
        try {
          mustRun(program, ...args, "load", "-i", archive);
          entries.push({ name: entry, ...(await measureEngine(program, args, mode)) });
        } catch (error) {
          entries.push({ name: entry, failure: (error as Error).message });
        }
      }
    }
    return entries;
  },
};

async function measureEngine(program: string, args: readonly string[], mode: "detached" | "foreground") {
  const before = new Set(processMemory().map(({ pid }) => pid));
  const clients: ChildProcess[] = [];
  for (let index = 0; index < count; index++) {
    const name = `--name=bench-${mode}-${index}`;
    if (mode === "detached") mustRun(program, ...args, "run", "--detach", name, ...options);
    else clients.push(spawn(program, [...args, "run", name, ...options], { stdio: "ignore" }));
  }
  try {
    await until(() => newProcesses(before).filter(({ name }) => name === workload).length === count);
    // Runtimes that only help to start are gone by then.
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const beside = newProcesses(before).filter(({ name }) => name !== workload);
    const total = beside.reduce((sum, { privateKiB }) => sum + privateKiB, 0);
    const names = [...new Set(beside.map(({ name }) => name))].join(", ") || "nothing";
    console.log(`  ${program} ${mode}: ${names} stays`);
    return { unit: "KiB", spread: spreadOf([total / count]) };
  } finally {
    for (let index = 0; index < count; index++) {
      spawnQuietly(program, [...args, "rm", "-f", `bench-${mode}-${index}`]);
    }
    for (const client of clients) client.kill("SIGKILL");
    await until(() => newProcesses(before).every(({ name }) => name !== workload));
  }
}

const newProcesses = (before: ReadonlySet<number>) => processMemory().filter(({ pid }) => !before.has(pid));

/** Removes a container that may never have come to be; what fails shows in the wait that follows. */
function spawnQuietly(program: string, args: readonly string[]): void {
  spawn(program, args, { stdio: "ignore" }).on("error", (error) => console.log(`  ${error.message}`));
}

async function until(holds: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 20_000; !holds(); ) {
    if (Date.now() > deadline) throw new Error(`${count} containers did not start or stop within 20 s`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

if (import.meta.main) await runBenches([memory]);
