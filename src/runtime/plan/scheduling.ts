import type { RuntimeLinux, RuntimeProcess } from "../../spec/index.ts";
import { numberMask } from "../config/number-set.ts";
import {
  IO_CLASSES,
  MAX_CPU,
  MAX_NODE,
  MEMORY_FLAGS,
  MEMORY_MODES,
  POLICIES,
  SCHEDULER_FLAGS,
} from "../config/scheduling.ts";
import type { SectionBuilder } from "./builder.ts";
import * as k from "./constants.ts";

function combined(names: readonly string[], table: Readonly<Record<string, number>>): number {
  return names.reduce((flags, name) => flags | table[name]!, 0);
}

/**
 * Scheduling policy and I/O priority. They take CAP_SYS_NICE, so they precede the loss of privileges; a policy that
 * is not reset on fork also holds for startContainer hooks.
 */
export function compileScheduling(c: SectionBuilder, process: RuntimeProcess, at: string): void {
  const { scheduler, ioPriority } = process;
  if (scheduler !== undefined) {
    c.at(`${at}/scheduler`, () =>
      c.add("setScheduler", {
        policy: POLICIES[scheduler.policy]!,
        flags: combined(scheduler.flags ?? [], SCHEDULER_FLAGS),
        nice: scheduler.nice ?? 0,
        priority: scheduler.priority ?? 0,
        runtime: scheduler.runtime ?? 0,
        deadline: scheduler.deadline ?? 0,
        period: scheduler.period ?? 0,
      }),
    );
  }
  if (ioPriority !== undefined) {
    c.at(`${at}/ioPriority`, () =>
      c.add("setIoPriority", { class: IO_CLASSES[ioPriority.class]!, level: ioPriority.priority ?? 0 }),
    );
  }
}

/** One of the two CPU sets of `execCPUAffinity`; an empty one asks for nothing. */
export function compileAffinity(
  section: SectionBuilder,
  process: RuntimeProcess,
  which: "initial" | "final",
): void {
  const list = process.execCPUAffinity?.[which] ?? "";
  if (list === "") return;
  const at = `/process/execCPUAffinity/${which}`;
  section.at(at, () => section.add("setCpuAffinity", { cpus: numberMask(list, MAX_CPU, at) }));
}

/**
 * CPUs that the caller was bound to, such as those of a service with CPUAffinity=, are not the container's: it has what
 * its cpuset allows. A set of its own that a process of exec has stays.
 */
export function resetAffinity(c: SectionBuilder, process?: RuntimeProcess): void {
  const { initial = "", final = "" } = process?.execCPUAffinity ?? {};
  if (initial === "" && final === "") c.add("resetCpuAffinity", {});
}

/** Settings of the container that each of its processes has by inheritance, or, for exec, by setting them again. */
export function compilePersonality(c: SectionBuilder, linux: RuntimeLinux | undefined): void {
  const domain = linux?.personality?.domain;
  if (domain === undefined) return;
  c.at("/linux/personality", () =>
    c.add("setPersonality", { domain: domain === "LINUX32" ? k.PER_LINUX32 : k.PER_LINUX }),
  );
}

/** The NUMA policy, once the process is in its control groups: the kernel judges nodes by the cpuset. */
export function compileMemoryPolicy(c: SectionBuilder, linux: RuntimeLinux | undefined): void {
  const policy = linux?.memoryPolicy;
  if (policy === undefined) return;
  const { mode, flags = [], nodes = "" } = policy;
  c.at("/linux/memoryPolicy", () =>
    c.add("setMemoryPolicy", {
      mode: MEMORY_MODES[mode]! | combined(flags, MEMORY_FLAGS),
      nodes: nodes === "" ? new Uint8Array(0) : numberMask(nodes, MAX_NODE, "/linux/memoryPolicy/nodes"),
    }),
  );
}
