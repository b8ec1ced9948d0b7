import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { CortenError } from "../../spec/index.ts";
import { groupProcesses, readKnob } from "./control.ts";
import { DELEGATED_FILES } from "./delegation.ts";
import type { CgroupPlan, ContainerCgroup } from "./layout.ts";

/**
 * Looks at what is there already where a container's groups are to be made.
 *
 * @throws failed-precondition for a group that has processes: two containers in one would be limited, frozen and
 *   killed together (a holder is none); that is frozen: the new one would never run; or that the kernel lets no process enter
 */
export function checkGroups({ groups, mode }: CgroupPlan, holder?: number): void {
  for (const group of groups) {
    const { path } = group;
    const present = existsSync(path);
    if (present && groupProcesses(path).some((pid) => pid !== holder))
      throw refused(`container's cgroup is not empty: ${path} has processes`);
    if (mode === "unified") checkType(group, present);
    // Of v1 only the freezer's groups have that file.
    if (present && readKnob(join(path, "freezer.state"))?.trim() === "FROZEN") {
      throw refused(`container's cgroup unexpectedly frozen: ${path}`, "write THAWED to its freezer.state");
    }
    if (mode === "unified" && present && readKnob(join(path, "cgroup.freeze"))?.trim() === "1") {
      throw refused(`container's cgroup unexpectedly frozen: ${path}`, "write 0 to its cgroup.freeze");
    }
  }
}

/** A group below a threaded one is "domain invalid": it takes no process until it is made threaded, too. */
function checkType({ path, hierarchy }: ContainerCgroup, present: boolean): void {
  for (let at = present ? path : dirname(path); at.length > hierarchy.mountpoint.length; at = dirname(at)) {
    const type = readKnob(join(at, "cgroup.type"))?.trim();
    if (type === undefined) continue;
    if (type === "domain" || (type === "domain threaded" && at === path)) return;
    throw refused(
      `${at} is ${type === "domain invalid" ? "in an invalid state" : `of the type "${type}"`}, so no process can enter ${path}`,
      "a threaded group hands no domain controllers down; choose a path outside of it",
    );
  }
}

function refused(what: string, hint?: string): CortenError {
  const pointer = "/linux/cgroupsPath";
  return new CortenError("failed-precondition", `config.json: ${pointer}: ${what}`, {
    pointer,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** The files of a control group that belong to whom it is delegated to, as the kernel lists them. */
export function delegatedFiles(): readonly string[] {
  const listed = readKnob("/sys/kernel/cgroup/delegate")?.split("\n").filter(Boolean) ?? [];
  return listed.length === 0 ? DELEGATED_FILES : listed;
}
