import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type BundleConfig, bundleConfig, makeBundle } from "../test/support/index.ts";
import type { Bench } from "./harness/bench.ts";
import { type Contestant, type Entry, timeInTurn } from "./harness/contest.ts";
import { mustRun, mustRunQuietly } from "./harness/program.ts";
import { runBenches } from "./harness/run-benches.ts";
import { rootOf, runtimes } from "./peers/runtimes.ts";

/** What grows from one measurement to the next. */
interface Growth {
  readonly of: string;
  readonly counts: readonly number[];
  readonly change: (config: BundleConfig, count: number, scratch: string) => void;
}

const growths: readonly Growth[] = [
  {
    of: "bind mounts",
    counts: [1, 10, 100],
    change(config, count, scratch) {
      for (let index = 0; index < count; index++) {
        const source = join(scratch, `source-${index}`);
        mkdirSync(source, { recursive: true });
        config.mounts.push({ destination: `/mnt/${index}`, source, type: "bind", options: ["bind", "ro"] });
      }
    },
  },
  {
    of: "seccomp rules",
    counts: [1, 10, 100],
    change(config, count) {
      const rule = (index: number) => ({
        names: ["personality"],
        action: "SCMP_ACT_ERRNO",
        args: [{ index: 0, value: 1000 + index, op: "SCMP_CMP_EQ" }],
      });
      config.linux["seccomp"] = {
        defaultAction: "SCMP_ACT_ALLOW",
        architectures: ["SCMP_ARCH_X86_64"],
        syscalls: Array.from({ length: count }, (_, index) => rule(index)),
      };
    },
  },
];

/** How the time of a start grows with what the bundle asks for. */
export const ociScale: Bench = {
  name: "oci-scale",
  title: "OCI runtime: run /bin/true with more mounts and more rules",
  seconds: 60,
  budgets: [],
  async measure(scratch) {
    const bundle = join(scratch, "bundle");
    makeBundle(bundle, ["/bin/true"]);
    const entries: Entry[] = [];
    for (const { of, counts, change } of growths) {
      for (const count of counts) {
        const config = bundleConfig(["/bin/true"]);
        // Mount points are made in the root.
        config.root["readonly"] = false;
        change(config, count, scratch);
        writeFileSync(join(bundle, "config.json"), JSON.stringify(config));
        const times = await timeInTurn(contestants(bundle), { rounds: 15, warmUp: 3, pauseMs: 30 });
        entries.push(...times.map((entry) => ({ ...entry, name: `${entry.name}, ${count} ${of}` })));
      }
    }
    return entries;
  },
};

/** How the time of a start grows with what runs already. */
export const ociCrowd: Bench = {
  name: "oci-crowd",
  title: "OCI runtime: run /bin/true beside other running containers",
  seconds: 400,
  budgets: [],
  async measure(scratch) {
    const sleeper = join(scratch, "sleeper");
    const bundle = join(scratch, "bundle");
    makeBundle(sleeper, ["/bin/sleep", "3600"]);
    makeBundle(bundle, ["/bin/true"]);
    const entries: Entry[] = [];
    // Each runtime has as many of its own: its state directory's share is measured, and the kernel's is the same for all.
    let made = 0;
    try {
      for (const count of [1, 10, 100, 500]) {
        for (; made < count; made++) {
          for (const { name, program } of runtimes) {
            mustRunQuietly(program, "--root", rootOf(name), "run", "-d", "-b", sleeper, idOf(name, made));
          }
        }
        const times = await timeInTurn(contestants(bundle), { rounds: 15, warmUp: 3, pauseMs: 30 });
        entries.push(...times.map((entry) => ({ ...entry, name: `${entry.name}, ${count} running` })));
      }
    } finally {
      for (let index = 0; index < made; index++) {
        for (const { name, program } of runtimes) {
          mustRun(program, "--root", rootOf(name), "delete", "-f", idOf(name, index));
        }
      }
    }
    return entries;
  },
};

const idOf = (runtime: string, index: number) => `crowd-${runtime}-${index}`;

function contestants(bundle: string): Contestant[] {
  return runtimes.map(({ name, program }) => ({
    name,
    run: () => mustRun(program, "--root", rootOf(name), "run", "-b", bundle, `bench-${name}`),
  }));
}

if (import.meta.main) await runBenches([ociScale, ociCrowd]);
