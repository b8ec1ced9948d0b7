/** Who sets up control groups: Corten itself through cgroupfs, or nobody (`disabled`). */
export const CGROUP_MANAGERS: readonly string[] = ["cgroupfs", "disabled", "systemd"];
