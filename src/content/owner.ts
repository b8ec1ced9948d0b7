import { readFileSync, readlinkSync } from "node:fs";

/**
 * Who holds a lease or a partial blob: a process, told apart from a later one with the same id by
 * its start time, the boot and the PID namespace. Kept in the database as one string.
 */
export type Owner = string & { readonly owner: unique symbol };

/** `unknown`: the owner lives in another PID namespace, where its id says nothing to us. */
export type OwnerState = "alive" | "dead" | "unknown";

interface Identity {
  readonly pid: number;
  readonly startTime: string;
  readonly namespace: string;
  readonly boot: string;
}

let self: Identity | undefined;

/** This process. */
export function thisProcess(): Owner {
  const { pid, startTime, namespace, boot } = identity();
  return `${pid}/${startTime}/${namespace}/${boot}` as Owner;
}

/** Whether the process behind `owner` still runs. */
export function ownerState(owner: string): OwnerState {
  const [pid = "", startTime = "", namespace = "", boot = ""] = owner.split("/");
  const own = identity();
  if (boot !== own.boot) return "dead";
  if (namespace !== own.namespace) return "unknown";
  if (own.startTime !== "") return startTimeOf(pid) === startTime ? "alive" : "dead";
  return isRunning(Number(pid)) ? "alive" : "dead";
}

/** Tells this boot of the host from others; empty where the system does not say (macOS, Windows). */
export function bootID(): string {
  return identity().boot;
}

function identity(): Identity {
  self ??= {
    pid: process.pid,
    startTime: startTimeOf(String(process.pid)) ?? "",
    namespace: attempt(() => readlinkSync("/proc/self/ns/pid")).replace(/\D/g, ""),
    boot: attempt(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()),
  };
  return self;
}

/** Field 22 of proc_pid_stat(5). The name in field 2 may hold spaces and parentheses; fields are counted after it. */
function startTimeOf(pid: string): string | undefined {
  if (!/^[1-9]\d*$/.test(pid)) return undefined;
  const stat = attempt(() => readFileSync(`/proc/${pid}/stat`, "latin1"));
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // A zombie (field 3) will never write again, and its parent may take long to reap it.
  return stat === "" || fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function attempt(read: () => string): string {
  try {
    return read();
  } catch {
    return ""; // no /proc here (macOS, Windows), or the process is gone
  }
}
