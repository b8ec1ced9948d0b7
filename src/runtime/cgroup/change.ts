import type { RuntimeResources } from "../../spec/index.ts";
import type { CgroupDirectory } from "./control.ts";
import { type DeviceStep, devicePolicy, deviceSteps, deviceTransition } from "./device-policy.ts";
import { deviceWrites } from "./devices-v1.ts";
import type { CgroupPlan } from "./layout.ts";
import type { CgroupWrite } from "./limit-write.ts";
import { cgroupLimits } from "./limits.ts";
import { mergeResources } from "./merge-resources.ts";

/** What a change of limits comes to. */
export interface LimitChange {
  /** All limits afterwards. */
  readonly resources: RuntimeResources;
  readonly writes: readonly CgroupWrite[];
  /** v1, where the device rules change: the writes, and those that bring the present rules back. */
  readonly devices?: { readonly change: readonly CgroupWrite[]; readonly restore: readonly CgroupWrite[] };
  /** v2, where the device rules change: the program that takes the present one's place. */
  readonly deviceFilter?: Uint8Array;
  readonly warnings: readonly string[];
}

/** mov r0, 1; exit: takes the place of a filter where everything is allowed from now on. */
const ALLOW_ALL = new Uint8Array([0xb7, 0, 0, 0, 1, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0]);

const isDevice = ({ at }: CgroupWrite) => at.startsWith("/linux/resources/devices");

/**
 * Decides how `given` is laid over the limits of a container that runs.
 *
 * @throws what {@link cgroupLimits} throws
 */
export function changeLimits(
  groups: readonly CgroupDirectory[],
  before: RuntimeResources,
  given: RuntimeResources,
): LimitChange {
  const plan = planOf(groups);
  const change = withoutSwapLimit(given);
  const resources = mergeResources(before, change);
  const limits = cgroupLimits(plan, withPartners(change, resources));
  const writes = limits.writes.filter((write) => !isDevice(write));
  const { warnings } = limits;
  if (change.devices === undefined) return { resources, writes, warnings };
  if (plan.mode === "unified") {
    return { resources, writes, warnings, deviceFilter: limits.deviceFilter ?? ALLOW_ALL };
  }
  const [present, wanted] = [deviceSteps(before.devices), deviceSteps(change.devices)];
  const written = (steps: readonly DeviceStep[]) => deviceWrites(plan, change.devices, steps);
  const devices = {
    change: written(deviceTransition(devicePolicy(present), wanted)),
    restore: written(present),
  };
  return { resources, writes, warnings, devices };
}

/** Memory without a limit has none together with swap either: runc's rule, on which `docker update` relies. */
function withoutSwapLimit(change: RuntimeResources): RuntimeResources {
  const { memory } = change;
  return memory?.limit === -1 && memory.swap === undefined
    ? { ...change, memory: { ...memory, swap: -1 } }
    : change;
}

/** Some settings are written, or checked, together: those that the change leaves out are taken from what holds. */
function withPartners(change: RuntimeResources, merged: RuntimeResources): RuntimeResources {
  const { memory, cpu } = change;
  const pick = (from: Readonly<Record<string, unknown>> | undefined, ...names: readonly string[]) =>
    Object.fromEntries(names.filter((name) => from?.[name] !== undefined).map((name) => [name, from![name]]));
  const sizes = memory?.limit !== undefined || memory?.swap !== undefined;
  const times = cpu?.quota !== undefined || cpu?.period !== undefined;
  return {
    ...change,
    ...(sizes ? { memory: { ...pick({ ...merged.memory }, "limit", "swap"), ...memory } } : {}),
    ...(times ? { cpu: { ...pick({ ...merged.cpu }, "quota", "period"), ...cpu } } : {}),
  };
}

/** The layout of groups that are there already; no path is computed from it any more. */
function planOf(groups: readonly CgroupDirectory[]): CgroupPlan {
  const unified = groups.length > 0 && groups.every(({ version }) => version === 2);
  return {
    mode: groups.length === 0 ? "none" : unified ? "unified" : "hybrid",
    groups: groups.map(({ controllers, version, path }) => ({
      path,
      hierarchy: { controllers, version, mountpoint: "", directory: "", own: "/" },
    })),
  };
}
