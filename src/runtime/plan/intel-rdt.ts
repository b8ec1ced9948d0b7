import { posix } from "node:path";
import { CortenError, type RuntimeIntelRdt } from "../../spec/index.ts";
import { configFault } from "../config/check.ts";
import { isReserved, ROOT_GROUP } from "../config/intel-rdt.ts";
import type { SectionBuilder } from "./builder.ts";
import * as k from "./constants.ts";
import { type LaunchInput, Step } from "./launch-input.ts";
import { checkResources, schemataWrites } from "./rdt-schemata.ts";

const AT = "/linux/intelRdt";

/** The groups of resctrl that a container's processes are in. */
export interface RdtGroups {
  /** The control group. */
  readonly group: string;
  /** The monitoring group that belongs to this container alone. */
  readonly monitor?: string;
  /** The directories that are the container's own and go with it, the ones below first. */
  readonly own: readonly string[];
}

/** The name of a container's control group: its closID, or its own ID. */
export function rdtGroupName({ closID }: RuntimeIntelRdt, id: string): string {
  if (closID !== undefined && closID !== "") return closID;
  if (isReserved(id)) throw configFault(AT, `needs a closID: resctrl has a file of its own called ${id}`);
  return id;
}

/** Where the container's groups are below `mountpoint`. */
export function rdtGroups(rdt: RuntimeIntelRdt, id: string, mountpoint: string): RdtGroups {
  const name = rdtGroupName(rdt, id);
  const group = name === ROOT_GROUP ? mountpoint : posix.join(mountpoint, name);
  const monitor = rdt.enableMonitoring === true ? posix.join(group, "mon_groups", id) : undefined;
  // A group with a closID is shared with others, and its maker's to remove.
  const mine = rdt.closID === undefined || rdt.closID === "" ? [group] : [];
  return {
    group,
    ...(monitor === undefined ? {} : { monitor }),
    own: [...(monitor === undefined ? [] : [monitor]), ...mine],
  };
}

/**
 * Makes the container's groups, divides cache and memory bandwidth, and moves the child in (config-linux.md "IntelRdt").
 * What its processes start later is in the same groups.
 */
export function compileIntelRdt(h: SectionBuilder, { config, id, resctrl }: LaunchInput): void {
  const rdt = config.linux?.intelRdt;
  if (rdt === undefined) return;
  if (resctrl === undefined) {
    throw new CortenError(
      "failed-precondition",
      `config.json: ${AT}: this host has no resctrl file system mounted`,
      {
        pointer: AT,
        hint: "on a CPU with RDT or its like: mount -t resctrl resctrl /sys/fs/resctrl",
      },
    );
  }
  checkResources(rdt, resctrl);
  const { group, monitor } = rdtGroups(rdt, id, resctrl.mountpoint);
  h.at(AT, () => {
    if (resctrl.schemata === undefined) h.add("makeDirectory", { dir: null, path: group, mode: 0o755 });
  });
  for (const { at, data } of schemataWrites(rdt, group, resctrl)) {
    h.at(at, () =>
      h.add("write", { dir: null, path: `${group}/schemata`, data, flags: k.O_WRONLY, ignore: 0 }),
    );
  }
  h.at(AT, () => joinTasks(h, group));
  if (monitor !== undefined) {
    h.at(`${AT}/enableMonitoring`, () => {
      h.add("makeDirectory", { dir: null, path: monitor, mode: 0o755 });
      joinTasks(h, monitor);
    });
  }
  h.at(AT, () => h.add("notify", { event: Step.rdtJoined }));
}

/** In the container's section: what it starts is in the groups because it is. */
export function awaitIntelRdt(c: SectionBuilder, { config }: LaunchInput): void {
  if (config.linux?.intelRdt !== undefined) c.at(AT, () => c.add("await", { event: Step.rdtJoined }));
}

function joinTasks(h: SectionBuilder, group: string): void {
  const path = `${group}/tasks`;
  const fd = h.take(path);
  h.add("open", { out: fd, dir: null, path, flags: k.O_WRONLY, mode: 0 });
  h.add("joinCgroup", { fd });
  h.close(fd);
}

/** Moves one more process of a container into its groups: it does it itself, while it still sees the host's files. */
export function enterRdtGroups(c: SectionBuilder, { group, monitor }: RdtGroups): void {
  c.at(AT, () => {
    for (const directory of [group, ...(monitor === undefined ? [] : [monitor])]) {
      c.add("write", { dir: null, path: `${directory}/tasks`, data: "0", flags: k.O_WRONLY, ignore: 0 });
    }
  });
}

/** Removes what is the container's own. */
export function removeRdtGroups(section: SectionBuilder, { config, id, resctrl }: LaunchInput): void {
  const rdt = config.linux?.intelRdt;
  if (rdt === undefined || resctrl === undefined) return;
  section.at(AT, () => {
    for (const path of rdtGroups(rdt, id, resctrl.mountpoint).own) section.add("remove", { dir: null, path });
  });
}
