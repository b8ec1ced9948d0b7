import { rmSync } from "node:fs";
import { isAlive, type ProcessIdentity, pause, readHostFacts } from "../../host/index.ts";
import { CortenError } from "../../spec/index.ts";
import { killAll, removeGroup, removeGroups, setFrozen } from "../cgroup/control.ts";
import { isSystemds } from "../cgroup/layout.ts";
import { StateFile } from "../plan/launch-input.ts";
import type { ContainerRecord } from "./container.ts";
import { runPoststopHooks } from "./host-hooks.ts";
import { removeRdt } from "./resctrl.ts";
import { readIdentity, readRecord, removeStateDirectory } from "./state-directory.ts";
import { type Observed, observe } from "./status.ts";

/** How long a killed process may take to end, in milliseconds. */
const KILL_TIMEOUT = 10_000;

/**
 * Ends what runs of a container and removes everything that is left of it. The order lets any later call repeat it:
 * the state, which knows what there is to remove, goes last. Returns the errors of poststop hooks: the container is
 * deleted all the same.
 */
export async function destroy(
  root: string,
  { record, status, init, maker }: Observed,
  unmount: (id: string, path: string) => Promise<void>,
): Promise<CortenError[]> {
  // While its maker lives it could make more than what is removed here; a supervisor ends with its container.
  if (status === "creating" && maker !== undefined && maker.pid !== process.pid) await killProcess(maker);
  if (status === "paused") await setFrozen(record.cgroups, false);
  if (init !== undefined) await killProcess(init);
  await killAll(record.cgroups);
  if (record.systemd !== undefined) await (await import("../systemd/scope.ts")).stopScope(record.systemd);
  await removeGroups(record.cgroups);
  removeRdt(record.rdt);
  if (coversRoot(record)) await unmount(record.id, record.rootfs);
  for (const path of record.cleanupPaths) rmSync(path, { recursive: true, force: true });
  removeStateDirectory(root, record.id);
  return runPoststopHooks(record);
}

/** True while the mount of a container without a mount namespace lies over its root directory. */
function coversRoot({ rootfs, rootMounts }: ContainerRecord): boolean {
  if (rootMounts === undefined) return false;
  return readHostFacts().mounts.filter(({ mountpoint }) => mountpoint === rootfs).length > rootMounts;
}

/**
 * Removes what is left of a container whose maker died before it was made: its process died with it, so only empty
 * control groups and files are left. False for a container that is more than that.
 */
export function removeUnfinished(root: string, id: string): boolean {
  if (readIdentity(root, id, StateFile.init) !== undefined) return false;
  const record = readRecord(root, id);
  if (record === undefined) return true;
  const { status, init } = observe(root, id);
  if (status !== "stopped" || init !== undefined || coversRoot(record)) return false;
  for (const group of record.cgroups) {
    // A scope that is empty goes by itself.
    if (record.systemd !== undefined && isSystemds(group)) continue;
    if (!removeGroup(group.path)) return false;
  }
  removeRdt(record.rdt);
  for (const path of record.cleanupPaths) rmSync(path, { recursive: true, force: true });
  removeStateDirectory(root, id);
  return true;
}

async function killProcess(target: ProcessIdentity): Promise<void> {
  const deadline = Date.now() + KILL_TIMEOUT;
  for (let wait = 1; isAlive(target); wait = Math.min(wait * 2, 50)) {
    try {
      process.kill(target.pid, "SIGKILL");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
    if (Date.now() > deadline) {
      throw new CortenError("unavailable", `process ${target.pid} does not end after SIGKILL`);
    }
    await pause(wait);
  }
}
