import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeBusyboxRootfs } from "../test/support/index.ts";
import type { Bench } from "./harness/bench.ts";
import { type Entry, timeInTurn } from "./harness/contest.ts";
import { mustRun } from "./harness/program.ts";
import { runBenches } from "./harness/run-benches.ts";
import { spreadOf } from "./harness/statistics.ts";
import { cortenWith } from "./peers/corten.ts";

const image = "corten-bench/large:1";
const MEGABYTES = 64;

/** One image of one layer with a file that is read whole, in a store of its own. */
function prepare(scratch: string, { program, args }: ReturnType<typeof cortenWith>) {
  const rootfs = join(scratch, "rootfs");
  mkdirSync(rootfs);
  makeBusyboxRootfs(rootfs);
  writeFileSync(join(rootfs, "large"), Buffer.alloc(MEGABYTES * 1e6, "corten"));
  mustRun("tar", "-C", rootfs, "-cf", join(scratch, "image.tar"), ".");
  mustRun(program, ...args, "import", join(scratch, "image.tar"), image);
  return (share: "always" | "never", ...words: string[]) =>
    mustRun(program, ...args, "--share-layers", share, ...words);
}

const modes = [
  { name: "mounted once", share: "always" },
  { name: "mounted by each container", share: "never" },
] as const;

/** What mounting layers once for all containers does to a start. */
export const sharedStart: Bench = {
  name: "shared-start",
  title: "Engine: run --rm, layers mounted once or by each container",
  seconds: 20,
  budgets: [{ ours: "mounted once", peers: ["mounted by each container"], limit: 1.05 }],
  async measure(scratch) {
    const corten = prepare(scratch, cortenWith(join(scratch, "corten")));
    const contestants = modes.map(({ name, share }) => ({
      name,
      run: () => void corten(share, "run", "--rm", "--network", "none", image, "/bin/true"),
    }));
    const entries = await timeInTurn(contestants, { rounds: 60, warmUp: 3, pauseMs: 50 });
    corten("always", "system", "release");
    return entries;
  },
};

/**
 * A hundred containers of one image that read the same file. A page is charged to the memory group of who reads it first,
 * so the groups' sum is the page cache that they take, whatever else the machine does.
 */
export const sharedCache: Bench = {
  name: "shared-cache",
  title: `Page cache of 100 containers that each read the same ${MEGABYTES} MB`,
  seconds: 60,
  budgets: [{ ours: "mounted once", peers: ["mounted by each container"], limit: 0.1 }],
  async measure(scratch) {
    const ours = cortenWith(join(scratch, "corten"));
    const corten = prepare(scratch, ours);
    return modes.map(({ name, share }): Entry => {
      mustRun("sync");
      writeFileSync("/proc/sys/vm/drop_caches", "3");
      const names = Array.from({ length: 100 }, (_, index) => `bench-${share}-${index}`);
      const command = ["sh", "-c", "cat /large > /dev/null; echo > /read; sleep 1000"];
      for (const container of names) {
        corten(share, "run", "-d", "--network", "none", "--name", container, image, ...command);
        corten(share, "exec", container, "sh", "-c", "until [ -e /read ]; do sleep 0.01; done");
      }
      const charged = names.map((container) => {
        const found = execFileSync(ours.program, [...ours.args, "inspect", container], { encoding: "utf8" });
        const [{ State }] = JSON.parse(found) as [{ State: { Pid: number } }];
        return pageCacheOf(State.Pid);
      });
      const spread = spreadOf([charged.reduce((sum, bytes) => sum + bytes, 0) / 2 ** 20]);
      corten(share, "rm", "-f", ...names);
      return { name, unit: "MiB", spread };
    });
  },
};

function pageCacheOf(pid: number): number {
  const groups = readFileSync(`/proc/${pid}/cgroup`, "utf8");
  const v1 = /^\d+:[^:]*\bmemory\b[^:]*:(.*)$/m.exec(groups)?.[1];
  const base =
    v1 === undefined ? `/sys/fs/cgroup${/^0::(.*)$/m.exec(groups)![1]}` : `/sys/fs/cgroup/memory${v1}`;
  return Number(/^(?:cache|file) (\d+)$/m.exec(readFileSync(`${base}/memory.stat`, "utf8"))![1]);
}

if (import.meta.main) await runBenches([sharedStart, sharedCache]);
