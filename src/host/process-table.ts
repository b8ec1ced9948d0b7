import { readFileSync } from "node:fs";

/** A process that cannot be confused with a later one of the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot (proc_pid_stat(5), field 22). */
  readonly startTime: number;
}

/** What /proc/PID/stat says that matters here. */
export interface ProcessStat extends ProcessIdentity {
  /** One letter: R running, S sleeping, Z zombie, X dead. */
  readonly state: string;
  readonly parent: number;
}

/** Reads /proc/PID/stat; undefined when there is no such process. */
export function readProcessStat(pid: number): ProcessStat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ESRCH") return undefined;
    throw error;
  }
  // The name in parentheses may hold blanks and parentheses: fields count from the last one.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { pid, state: fields[0] ?? "", parent: Number(fields[1]), startTime: Number(fields[19]) };
}

/** The start time of a process that still runs; undefined when it is gone or only waits to be reaped. */
export function processStartTime(pid: number): number | undefined {
  const stat = readProcessStat(pid);
  return stat === undefined || stat.state === "Z" || stat.state === "X" ? undefined : stat.startTime;
}

/** True while the very process that was recorded runs: its number may have gone to another since. */
export function isAlive(process: ProcessIdentity): boolean {
  return processStartTime(process.pid) === process.startTime;
}

/** "PID STARTTIME", the form in which processes are recorded in files. */
export function formatIdentity({ pid, startTime }: ProcessIdentity): string {
  return `${pid} ${startTime}`;
}

/** Reads {@link formatIdentity}'s form; undefined for anything else. */
export function parseIdentity(text: string): ProcessIdentity | undefined {
  const match = /^([1-9]\d{0,9}) (\d{1,20})\n?$/.exec(text);
  return match === null ? undefined : { pid: Number(match[1]), startTime: Number(match[2]) };
}

/** The calling process. */
export function selfIdentity(): ProcessIdentity {
  return { pid: process.pid, startTime: processStartTime(process.pid) ?? 0 };
}
