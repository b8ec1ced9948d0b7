import type { RuntimeDeviceRule } from "../../spec/index.ts";
import { type DeviceStep, deviceSteps } from "./device-policy.ts";
import { type CgroupPlan, groupOf } from "./layout.ts";
import { type CgroupWrite, missingController } from "./limit-write.ts";

/** The writes that give the devices controller of v1 its rules. */
export function deviceWrites(
  plan: CgroupPlan,
  rules: readonly RuntimeDeviceRule[] = [],
  steps: readonly DeviceStep[] = deviceSteps(rules),
): CgroupWrite[] {
  const group = groupOf(plan, "devices");
  if (group === undefined) {
    if (rules.length === 0) return [];
    throw missingController("devices", "/linux/resources/devices");
  }
  return steps.map(({ file, entry, at }) => ({
    file: `${group.path}/devices.${file}`,
    data: entry,
    at,
    ignore: 0,
  }));
}
