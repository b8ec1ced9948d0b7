import { Registers, SectionBuilder } from "./builder.ts";
import { openGroup } from "./cgroup-operations.ts";
import { type LaunchPlan, PLAN_VERSION } from "./operation.ts";

/** The plan that puts a device program in the place of those that a control group of v2 has. */
export function compileFilterChange(
  group: string,
  program: Uint8Array,
  files: Pick<LaunchPlan, "failureFile" | "onFailure">,
): LaunchPlan {
  const registers = new Registers();
  const h = new SectionBuilder("host", registers);
  const cgroup = openGroup(h, group);
  h.at("/linux/resources/devices", () => h.add("attachDeviceFilter", { cgroup, program, replace: 1 }));
  h.add("finish", { code: 0 });
  return {
    version: PLAN_VERSION,
    registers: registers.labels,
    sections: { host: h.operations, container: [], cleanup: [] },
    ...files,
  };
}
