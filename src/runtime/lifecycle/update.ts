import { join } from "node:path";
import { CortenError, type RuntimeResources } from "../../spec/index.ts";
import { applyWrites, putBack, writeLimit } from "../cgroup/apply.ts";
import { changeLimits } from "../cgroup/change.ts";
import { type CgroupDirectory, readKnob } from "../cgroup/control.ts";
import { checkResources } from "../config/parse.ts";
import { StateFile } from "../plan/launch-input.ts";
import type { ContainerRecord } from "./container.ts";
import { replaceStateFile } from "./state-directory.ts";
import type { Observed } from "./status.ts";

/** Puts a program in the place of the device filter of a group of v2. */
export type ReplaceFilter = (group: string, program: Uint8Array) => Promise<void>;

/**
 * Changes the limits of a container: those that `change` names, all of them or none. Its record tells them
 * afterwards. Returns warnings about what was left out on purpose.
 *
 * @throws failed-precondition `container not running`; for a limit that the kernel refuses, naming its pointer, when
 *   the others hold what they held before; with `memory.checkBeforeUpdate`, for one below what is in use
 */
export async function updateLimits(
  root: string,
  { record, status }: Observed,
  change: RuntimeResources,
  replaceFilter: ReplaceFilter,
): Promise<readonly string[]> {
  if (status === "stopped" || status === "creating") {
    throw new CortenError("failed-precondition", "container not running");
  }
  const before = record.config.linux?.resources ?? {};
  const limits = changeLimits(record.cgroups, before, checkResources(change));
  checkUsage(record.cgroups, limits.resources);
  const undo = applyWrites(limits.writes);
  try {
    if (limits.devices !== undefined) changeDevices(limits.devices);
    if (limits.deviceFilter !== undefined) {
      const group = record.cgroups.find(({ version }) => version === 2)!;
      await replaceFilter(group.path, limits.deviceFilter);
    }
    await tellSystemd(record, limits.resources);
  } catch (error) {
    putBack(undo);
    throw error;
  }
  store(root, record, limits.resources);
  return limits.warnings;
}

/** What systemd knows of it would put the old limits back when it reloads. */
async function tellSystemd(
  { systemd, cgroups }: ContainerRecord,
  resources: RuntimeResources,
): Promise<void> {
  if (systemd === undefined || cgroups.some(({ version }) => version === 1)) return;
  const { setProperties } = await import("../systemd/scope.ts");
  const { limitProperties } = await import("../systemd/properties.ts");
  await setProperties(systemd, limitProperties(resources));
}

function changeDevices({ change, restore }: NonNullable<ReturnType<typeof changeLimits>["devices"]>): void {
  try {
    for (const write of change) writeLimit(write);
  } catch (error) {
    putBack(restore);
    throw error;
  }
}

function store(root: string, record: ContainerRecord, resources: RuntimeResources): void {
  const config = { ...record.config, linux: { ...record.config.linux, resources } };
  replaceStateFile(root, record.id, StateFile.record, JSON.stringify({ ...record, config }));
}

/** On v2 a limit below the usage makes the kernel reclaim and kill; checkBeforeUpdate asks for a refusal instead. */
function checkUsage(groups: readonly CgroupDirectory[], { memory }: RuntimeResources): void {
  if (memory?.checkBeforeUpdate !== true) return;
  const unified = groups.find(({ controllers }) => controllers.includes("memory")) === undefined;
  const path = groups.find(({ version, controllers }) =>
    unified ? version === 2 : controllers.includes("memory"),
  )?.path;
  if (path === undefined) return;
  const read = (name: string) => Number(readKnob(join(path, name)) ?? 0);
  const used = read(unified ? "memory.current" : "memory.usage_in_bytes");
  const both = unified ? used + read("memory.swap.current") : read("memory.memsw.usage_in_bytes");
  const refuse = (name: string, limit: number, usage: number): never => {
    const pointer = `/linux/resources/memory/${name}`;
    throw new CortenError(
      "failed-precondition",
      `${pointer}: ${limit} is below what the container uses, ${usage} bytes`,
      { pointer, hint: "nothing was changed: memory.checkBeforeUpdate is set" },
    );
  };
  const { limit = 0, swap = 0 } = memory;
  if (limit > 0 && used > limit) refuse("limit", limit, used);
  if (swap > 0 && both > swap) refuse("swap", swap, both);
}
