import {
  CortenError,
  type RuntimeDevice,
  type RuntimeDeviceRule,
  type RuntimeResources,
} from "../../spec/index.ts";
import type { ContainerOptions } from "../container-options.ts";

const MIN_MEMORY = 512 * 1024;
/** Length of the scheduler's period in microseconds. */
const PERIOD = 100_000;

/** A device of the host that the container gets, with what it may do. */
export interface ContainerDevice {
  readonly node: RuntimeDevice;
  /** A subset of `rwm`. */
  readonly access: string;
}

/**
 * The limits of the container's control group; no rules for devices where `devices` is undefined: in a user namespace
 * nobody can make one, and an ordinary user cannot limit them.
 */
export function generateResources(
  options: Pick<ContainerOptions, "memory" | "cpus" | "pidsLimit" | "privileged">,
  devices: readonly ContainerDevice[] | undefined,
): RuntimeResources {
  const { memory, cpus, pidsLimit } = options;
  if (memory !== undefined && !(Number.isSafeInteger(memory) && memory >= MIN_MEMORY)) {
    throw invalid("memory", `a limit of ${memory} bytes is less than ${MIN_MEMORY}`);
  }
  if (cpus !== undefined && !(Number.isFinite(cpus) && cpus >= 0.01)) {
    throw invalid("cpus", `${cpus} CPUs are less than 0.01`);
  }
  if (pidsLimit !== undefined && !(Number.isSafeInteger(pidsLimit) && pidsLimit >= -1)) {
    throw invalid("pidsLimit", `${pidsLimit} processes`);
  }
  return {
    ...(devices === undefined
      ? {}
      : { devices: options.privileged === true ? [{ allow: true, access: "rwm" }] : deviceRules(devices) }),
    ...(memory === undefined ? {} : { memory: { limit: memory } }),
    ...(cpus === undefined ? {} : { cpu: { quota: Math.round(cpus * PERIOD), period: PERIOD } }),
    ...(pidsLimit === undefined ? {} : { pids: { limit: pidsLimit <= 0 ? -1 : pidsLimit } }),
  };
}

/** Nothing but what is listed; the runtime adds the devices of a usual /dev. */
function deviceRules(devices: readonly ContainerDevice[]): RuntimeDeviceRule[] {
  const rules = devices.map(
    ({ node, access }): RuntimeDeviceRule => ({
      allow: true,
      type: node.type === "b" ? "b" : "c",
      major: node.major!,
      minor: node.minor!,
      access,
    }),
  );
  return [{ allow: false, access: "rwm" }, ...rules];
}

function invalid(setting: string, why: string): CortenError {
  return new CortenError("invalid-argument", `${setting}: ${why}`, { pointer: "/linux/resources" });
}
