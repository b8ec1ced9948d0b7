import { readdirSync, readFileSync } from "node:fs";

/** Linux counts in ticks of ten milliseconds (USER_HZ) for every program that it runs. */
const TICK_MS = 10;

/** Processor time that a process has used, in milliseconds. */
export function processorTimeOf(pid: number): number {
  const [user, system] = fieldsOf(pid);
  return (user! + system!) * TICK_MS;
}

/**
 * Processor time, in milliseconds, of all processes that /proc shows and of those that they have waited for: in the
 * bench's own PID namespace the contestants and their daemons. The kernel's threads, as those that write pages back, are
 * not in it.
 *
 * @param without processes that serve all contestants alike
 */
export function processorTimeOfAll(without: readonly number[] = []): number {
  let ticks = 0;
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name) || without.includes(Number(name))) continue;
    try {
      for (const field of fieldsOf(Number(name))) ticks += field;
    } catch (error) {
      // Gone since: its parent has its time now.
      if (!["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    }
  }
  return ticks * TICK_MS;
}

/** utime, stime, cutime and cstime (proc_pid_stat(5)). */
function fieldsOf(pid: number): number[] {
  // The name of the program stands in parentheses and may hold what it likes: the rest begins after the last one.
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields.slice(11, 15).map(Number);
}
