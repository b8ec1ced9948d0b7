import { join } from "node:path";
import { pause } from "../../host/index.ts";
import { CortenError } from "../../spec/index.ts";
import { type CgroupDirectory, readKnob } from "../cgroup/control.ts";
import { flatKeyed } from "../cgroup/knob-format.ts";
import { type ContainerStatistics, readStatistics } from "../cgroup/statistics.ts";
import type { ContainerRecord } from "./container.ts";

/** What `events` tells: statistics, or that memory ran out. */
export type ContainerEvent =
  | { readonly type: "stats"; readonly id: string; readonly data: ContainerStatistics }
  | { readonly type: "oom"; readonly id: string };

export interface EventOptions {
  /** Milliseconds between two looks at the statistics. Default 5000. */
  readonly intervalMs?: number;
  readonly signal?: AbortSignal;
}

/** How often the counter of what was killed is looked at, in milliseconds: v1 offers nothing that one could wait for. */
const OOM_INTERVAL = 100;

/** Tells statistics and OOM kills until the container ends, which `alive` sees, or the signal comes. */
export async function* watchContainer(
  { id, cgroups }: ContainerRecord,
  alive: () => boolean,
  { intervalMs = 5000, signal }: EventOptions,
): AsyncGenerator<ContainerEvent, void, undefined> {
  if (!(intervalMs > 0)) {
    throw new CortenError("invalid-argument", "the interval of statistics must be longer than 0");
  }
  let killed = outOfMemory(cgroups);
  let due = performance.now() + intervalMs;
  while (signal?.aborted !== true && isThere(alive)) {
    const wait = Math.max(1, Math.min(OOM_INTERVAL, due - performance.now()));
    // An abort ends the wait, and with it the loop: it is no failure.
    await pause(wait, signal).catch((error: unknown) => {
      if (signal?.aborted !== true) throw error;
    });
    const now = outOfMemory(cgroups);
    if (now > killed) yield { type: "oom", id };
    killed = Math.max(now, killed);
    if (performance.now() < due) continue;
    due += intervalMs;
    if (isThere(alive)) yield { type: "stats", id, data: readStatistics(cgroups) };
  }
}

/** A container that is deleted while it is watched has ended, too. */
function isThere(alive: () => boolean): boolean {
  try {
    return alive();
  } catch (error) {
    if (error instanceof CortenError && error.code === "not-found") return false;
    throw error;
  }
}

/** How many processes the kernel has killed for want of memory. */
function outOfMemory(groups: readonly CgroupDirectory[]): number {
  const memory = groups.find(({ controllers }) => controllers.includes("memory"));
  const path = memory?.path ?? groups.find(({ version }) => version === 2)?.path;
  if (path === undefined) return 0;
  const file = memory === undefined ? "memory.events" : "memory.oom_control";
  return flatKeyed(readKnob(join(path, file)))["oom_kill"] ?? 0;
}
