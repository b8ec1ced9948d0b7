import type { RuntimeScheduler } from "../../spec/index.ts";
import { type Check, configFault, integer, list, nonEmpty, object, oneOf, shown, text } from "./check.ts";
import { numberSet } from "./number-set.ts";

/** Scheduling policies by the standard's name: their numbers in sched(7). */
export const POLICIES: Readonly<Record<string, number>> = {
  SCHED_OTHER: 0,
  SCHED_FIFO: 1,
  SCHED_RR: 2,
  SCHED_BATCH: 3,
  SCHED_ISO: 4,
  SCHED_IDLE: 5,
  SCHED_DEADLINE: 6,
};

/** Flags of sched_setattr(2). */
export const SCHEDULER_FLAGS: Readonly<Record<string, number>> = {
  SCHED_FLAG_RESET_ON_FORK: 0x01,
  SCHED_FLAG_RECLAIM: 0x02,
  SCHED_FLAG_DL_OVERRUN: 0x04,
  SCHED_FLAG_KEEP_POLICY: 0x08,
  SCHED_FLAG_KEEP_PARAMS: 0x10,
  SCHED_FLAG_UTIL_CLAMP_MIN: 0x20,
  SCHED_FLAG_UTIL_CLAMP_MAX: 0x40,
};

/** Classes of ioprio_set(2). */
export const IO_CLASSES: Readonly<Record<string, number>> = {
  IOPRIO_CLASS_RT: 1,
  IOPRIO_CLASS_BE: 2,
  IOPRIO_CLASS_IDLE: 3,
};

/** Modes of set_mempolicy(2). */
export const MEMORY_MODES: Readonly<Record<string, number>> = {
  MPOL_DEFAULT: 0,
  MPOL_PREFERRED: 1,
  MPOL_BIND: 2,
  MPOL_INTERLEAVE: 3,
  MPOL_LOCAL: 4,
  MPOL_PREFERRED_MANY: 5,
  MPOL_WEIGHTED_INTERLEAVE: 6,
};

/** Flags of set_mempolicy(2). */
export const MEMORY_FLAGS: Readonly<Record<string, number>> = {
  MPOL_F_STATIC_NODES: 1 << 15,
  MPOL_F_RELATIVE_NODES: 1 << 14,
  MPOL_F_NUMA_BALANCING: 1 << 13,
};

/** CPUs and memory nodes above these are beyond any kernel's NR_CPUS and MAX_NUMNODES. */
export const MAX_CPU = 8191;
export const MAX_NODE = 1023;

/** Up to 104 days, which a number of JavaScript holds exactly. */
const nanoseconds = integer(0, Number.MAX_SAFE_INTEGER);

const REAL_TIME: ReadonlySet<string> = new Set(["SCHED_FIFO", "SCHED_RR"]);
const BY_NICE: ReadonlySet<string> = new Set(["SCHED_OTHER", "SCHED_BATCH"]);

/** `process.scheduler` (config.md "Linux Process"): settings of another policy are refused, since they would do nothing. */
export const schedulerCheck: Check = (value, at) => {
  object({
    "policy!": oneOf(...Object.keys(POLICIES)),
    nice: integer(-20, 19),
    priority: integer(0, 99),
    flags: list(oneOf(...Object.keys(SCHEDULER_FLAGS))),
    runtime: nanoseconds,
    deadline: nanoseconds,
    period: nanoseconds,
  })(value, at);
  const { policy, nice = 0, priority = 0, ...rest } = value as RuntimeScheduler;
  // The kernel takes 0 for what it does not use, and Go programs write it.
  if (nice !== 0 && !BY_NICE.has(policy)) {
    throw configFault(`${at}/nice`, `is for SCHED_OTHER and SCHED_BATCH, not for ${policy}`);
  }
  if (priority !== 0 && !REAL_TIME.has(policy)) {
    throw configFault(`${at}/priority`, `is for SCHED_FIFO and SCHED_RR, not for ${policy}`);
  }
  if (priority === 0 && REAL_TIME.has(policy)) {
    throw configFault(`${at}/priority`, `of ${policy} must be an integer from 1 to 99`);
  }
  for (const name of ["runtime", "deadline", "period"] as const) {
    if ((rest[name] ?? 0) !== 0 && policy !== "SCHED_DEADLINE") {
      throw configFault(`${at}/${name}`, `is for SCHED_DEADLINE, not for ${policy}`);
    }
  }
};

/** `process.ioPriority`. Level 0 is the highest. */
export const ioPriorityCheck: Check = object({
  "class!": oneOf(...Object.keys(IO_CLASSES)),
  priority: integer(0, 7),
});

const cpuList: Check = (value, at) => {
  text(value, at);
  if (value !== "") numberSet(value as string, MAX_CPU, at);
};

/** `process.execCPUAffinity`. */
export const affinityCheck: Check = object({ initial: cpuList, final: cpuList });

/** `linux.memoryPolicy` (config-linux.md "Memory policy"). */
export const memoryPolicyCheck: Check = (value, at) => {
  object({
    "mode!": oneOf(...Object.keys(MEMORY_MODES)),
    nodes: text,
    flags: list(oneOf(...Object.keys(MEMORY_FLAGS))),
  })(value, at);
  const { mode, nodes = "", flags = [] } = value as { mode: string; nodes?: string; flags?: string[] };
  if (nodes !== "") numberSet(nodes, MAX_NODE, `${at}/nodes`);
  if (mode === "MPOL_DEFAULT" || mode === "MPOL_LOCAL") {
    if (nodes !== "") throw configFault(`${at}/nodes`, `must be empty for ${mode}, not ${shown(nodes)}`);
  } else if (nodes === "" && mode !== "MPOL_PREFERRED") {
    throw configFault(`${at}/nodes`, `must name nodes for ${mode}`);
  }
  if (flags.includes("MPOL_F_STATIC_NODES") && flags.includes("MPOL_F_RELATIVE_NODES")) {
    throw configFault(`${at}/flags`, "cannot hold both MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES");
  }
};

/** `linux.personality`: the standard names no value for its flags. */
export const personalityCheck: Check = (value, at) => {
  object({ "domain!": oneOf("LINUX", "LINUX32"), flags: list(nonEmpty) })(value, at);
  const { flags = [] } = value as { flags?: readonly string[] };
  if (flags.length > 0) throw configFault(`${at}/flags`, `holds ${shown(flags[0])}, but no flag is defined`);
};
