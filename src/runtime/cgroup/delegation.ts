import type { RuntimeConfig } from "../../spec/index.ts";
import type { CgroupPlan } from "./layout.ts";

/**
 * The user of the host that is to own the container's control group: runtime-spec 1.1, "Cgroup ownership". Only where
 * the container can use it, and cannot reach beyond it: on v2, with a cgroup namespace of its own, the group mounted
 * writable, and a user namespace that maps the process's user; undefined otherwise.
 */
export function cgroupOwner({ mode }: CgroupPlan, config: RuntimeConfig): number | undefined {
  const { linux, mounts = [], process } = config;
  const own = (type: string) =>
    linux?.namespaces?.some((namespace) => namespace.type === type && (namespace.path ?? "") === "") === true;
  if (mode !== "unified" || !own("cgroup") || !own("user")) return undefined;
  const mount = mounts.findLast(({ destination }) => destination === "/sys/fs/cgroup");
  if (mount === undefined || (mount.type !== "cgroup" && mount.type !== "cgroup2")) return undefined;
  if (mount.options?.findLast((option) => option === "ro" || option === "rw") === "ro") return undefined;
  const uid = process?.user.uid ?? 0;
  const mapping = linux?.uidMappings?.find(
    ({ containerID, size }) => uid >= containerID && uid < containerID + size,
  );
  return mapping === undefined ? undefined : mapping.hostID + uid - mapping.containerID;
}

/** What is delegated where the kernel does not tell (before 4.15 /sys/kernel/cgroup/delegate does not exist). */
export const DELEGATED_FILES = ["cgroup.procs", "cgroup.subtree_control", "cgroup.threads"];
