import { type ContainerCgroup, isSystemds } from "../cgroup/layout.ts";
import type { SectionBuilder } from "./builder.ts";
import * as k from "./constants.ts";
import { compileHooks } from "./hooks.ts";
import { removeRdtGroups } from "./intel-rdt.ts";
import type { LaunchInput } from "./launch-input.ts";
import { returnNetDevices } from "./net-devices.ts";
import type { Register } from "./operation.ts";

/** Descriptors of the host's section that cleaning up needs. */
export interface HeldByHost {
  /** A mount over the container's root directory. */
  readonly cover: Register | undefined;
  /** The network namespace that devices of the host were moved into. */
  readonly devices: Register | undefined;
  /** The user namespace that files to be removed belong to. */
  readonly namespace: Register | undefined;
}

/** What is removed when a container ends, or could not be made. */
export function compileCleanup(
  section: SectionBuilder,
  input: LaunchInput,
  { cover, devices, namespace }: HeldByHost,
): void {
  if (devices !== undefined) returnNetDevices(section, input, devices);
  if (input.keep === true) return;
  if (cover !== undefined) section.add("unmount", { mount: cover });
  for (const group of input.cgroups.groups) {
    if (input.holder !== undefined && isSystemds(group.hierarchy)) endInScope(section, group);
    else section.add("removeCgroup", { path: group.path, kill: 1 });
  }
  removeRdtGroups(section, input);
  // What the container has written belongs to subordinate ids: only in its user namespace may their user remove it.
  if (namespace !== undefined) section.add("join", { fd: namespace, flags: k.CLONE_NEWUSER });
  for (const path of input.cleanupPaths ?? []) section.add("removeTree", { dir: null, path });
  section.add("removeTree", { dir: null, path: input.stateDirectory });
  compileHooks(section, input, "poststop", "stopped", true);
}

/**
 * A scope's own group is systemd's to remove, when it is empty: were it gone before systemd looks, the unit would seem
 * to run for ever.
 */
function endInScope(section: SectionBuilder, { hierarchy, path }: ContainerCgroup): void {
  if (hierarchy.version !== 2) return;
  const file = `${path}/cgroup.kill`;
  section.add("write", { dir: null, path: file, data: "1", flags: k.O_WRONLY, ignore: k.ENOENT });
}
