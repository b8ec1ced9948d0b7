import { readdirSync, readFileSync } from "node:fs";

/** A process and the memory that only it has. */
export type ProcessMemory = {
  readonly pid: number;
  /** As in /proc/PID/comm: at most 15 bytes of the program's name. */
  readonly name: string;
  /** Private_Clean + Private_Dirty of smaps_rollup. */
  readonly privateKiB: number;
};

/** Reads every process of this PID namespace; those that end meanwhile and kernel threads are left out. */
export function processMemory(): ProcessMemory[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
        const name = readFileSync(`/proc/${pid}/comm`, "utf8").trim();
        return [{ pid: Number(pid), name, privateKiB: privateKiB(rollup) }];
      } catch (error) {
        if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return [];
        throw error;
      }
    });
}

/** Sums the private lines of an smaps_rollup file; huge pages of hugetlbfs are not memory of a runtime. */
export function privateKiB(rollup: string): number {
  return [...rollup.matchAll(/^Private_(?:Clean|Dirty):\s+(\d+) kB$/gm)].reduce(
    (sum, [, value]) => sum + Number(value),
    0,
  );
}
