import { accessSync, constants, existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { HostFacts } from "../../host/index.ts";
import { CortenError, type RuntimeConfig } from "../../spec/index.ts";
import type { CgroupPlan, ContainerCgroup } from "../cgroup/layout.ts";
import { cgroupLimits } from "../cgroup/limits.ts";
import { readMountOptions } from "../plan/mount-options.ts";

/** What a user without rights over the machine can have of a configuration. */
export interface Reduced {
  readonly config: RuntimeConfig;
  readonly cgroups: CgroupPlan;
  /** One for each thing that was left out. */
  readonly warnings: readonly string[];
}

/** True for anyone but root of the machine: also for root of a user namespace, whose control groups are another's. */
export function isRootless(host: HostFacts): boolean {
  return host.uid !== 0 || !host.userNamespace.initial;
}

/**
 * Leaves the control groups out that may not be written, and what hangs on them.
 *
 * @throws failed-precondition for a limit that needs one of them, naming its pointer
 */
export function withoutUnwritable(config: RuntimeConfig, cgroups: CgroupPlan): Reduced {
  const groups = cgroups.groups.filter(isWritable);
  const left = cgroups.groups.filter((group) => !groups.includes(group));
  if (left.length === 0) return { config, cgroups, warnings: [] };
  refuseLimits(config, cgroups, left);
  const names = left.map(({ hierarchy }) => (hierarchy.version === 2 ? "cgroup2" : hierarchy.directory));
  const warnings = [
    `/linux/cgroupsPath: the control groups of ${names.join(", ")} are left out, since this user may not write them: ` +
      "they neither limit the container nor count what it uses",
  ];
  return {
    ...withoutGroups(config, groups.length === 0, left, warnings),
    cgroups: { ...cgroups, groups },
    warnings,
  };
}

function isWritable({ path, hierarchy }: ContainerCgroup): boolean {
  let at = path;
  while (!existsSync(at) && at.length > hierarchy.mountpoint.length) at = dirname(at);
  if (!mayWrite(at)) return false;
  if (hierarchy.version === 1) return true;
  // A process moves only if its mover may write to the nearest group above both (cgroups(7)).
  let common = join(hierarchy.mountpoint, hierarchy.own);
  while (common.length > hierarchy.mountpoint.length && !`${path}/`.startsWith(`${common}/`)) {
    common = dirname(common);
  }
  return mayWrite(join(common, "cgroup.procs"));
}

function mayWrite(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

const DEVICES = "/linux/resources/devices";

function refuseLimits({ linux }: RuntimeConfig, all: CgroupPlan, left: readonly ContainerCgroup[]): void {
  if (linux?.resources === undefined) return;
  for (const { file, at } of cgroupLimits(all, linux.resources).writes) {
    const group = left.find(({ path }) => file.startsWith(`${path}/`));
    if (group === undefined || at.startsWith(DEVICES)) continue;
    throw new CortenError(
      "failed-precondition",
      `config.json: ${at}: this user may not write the control group ${group.path}`,
      { pointer: at, hint: "leave the limit out, or have a group delegated to this user, e.g. by systemd" },
    );
  }
}

function withoutGroups(
  config: RuntimeConfig,
  all: boolean,
  left: readonly ContainerCgroup[],
  warnings: string[],
): Pick<Reduced, "config"> {
  const { resources, ...linux } = config.linux ?? {};
  const { devices = [], ...limits } = resources ?? {};
  const noDevices = left.some(
    ({ hierarchy }) => hierarchy.version === 2 || hierarchy.controllers.includes("devices"),
  );
  const dropped = noDevices && devices.length > 0;
  if (dropped)
    warnings.push(`${DEVICES} is left out: the nodes that the container has decide, and it can make none`);
  const mounts = config.mounts?.map((mount, index) => {
    const isView = (mount.type === "cgroup" || mount.type === "cgroup2") && !readMountOptions(mount).bind;
    if (!all || !isView) return mount;
    warnings.push(`/mounts/${index}: shows the host's /sys/fs/cgroup, read-only`);
    const options = ["rbind", "ro", "nosuid", "nodev", "noexec"];
    return { ...mount, type: "bind", source: "/sys/fs/cgroup", options };
  });
  return {
    config: {
      ...config,
      ...(mounts === undefined ? {} : { mounts }),
      linux: {
        ...linux,
        ...(resources === undefined ? {} : { resources: dropped ? limits : resources }),
      },
    },
  };
}
