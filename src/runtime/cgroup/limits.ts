import { CortenError, type RuntimeResources } from "../../spec/index.ts";
import type { CgroupPlan } from "./layout.ts";
import type { CgroupLimits } from "./limit-write.ts";
import { limitsV1 } from "./limits-v1.ts";
import { limitsV2 } from "./limits-v2.ts";

const AT = "/linux/resources";

/**
 * The writes that give a new control group its limits, in the order in which the kernel accepts them.
 *
 * @throws failed-precondition for a limit that this host's control groups do not have, naming its pointer
 */
export function cgroupLimits(plan: CgroupPlan, resources: RuntimeResources = {}): CgroupLimits {
  checkMemory(resources);
  return plan.mode === "unified" ? limitsV2(plan, resources) : limitsV1(plan, resources);
}

function checkMemory({ memory }: RuntimeResources): void {
  if (memory?.swap === undefined || memory.swap <= 0) return;
  if (memory.limit === undefined || memory.limit <= 0) {
    throw new CortenError("invalid-argument", `config.json: ${AT}/memory/swap needs ${AT}/memory/limit`, {
      pointer: `${AT}/memory/swap`,
      hint: "swap counts memory and swap together",
    });
  }
  if (memory.swap < memory.limit) {
    throw new CortenError(
      "invalid-argument",
      `config.json: ${AT}/memory/swap (${memory.swap}) is below ${AT}/memory/limit (${memory.limit})`,
      { pointer: `${AT}/memory/swap`, hint: "swap counts memory and swap together" },
    );
  }
}
