import { spawnSync } from "node:child_process";

const marker = "CORTEN_BENCH_INSIDE";

/** Whether this process already runs in namespaces of the bench's own. */
export function isInside(): boolean {
  return process.env[marker] === "1";
}

/**
 * Runs this program again in mount and PID namespaces of its own and returns its exit code.
 *
 * Daemons, mounts and containers that a bench leaves die with the namespaces; /proc shows only what the bench
 * started. On a hybrid cgroup host the second, unified hierarchy is hidden: crun refuses to run beside it.
 */
export function runInside(): number {
  const script =
    'if mountpoint -q /sys/fs/cgroup/unified; then umount /sys/fs/cgroup/unified; fi; mount -t tmpfs -o mode=755 tmpfs /run; "$@"; exit $?';
  const child = spawnSync(
    "unshare",
    [
      "--mount",
      "--pid",
      "--fork",
      "--kill-child",
      "--mount-proc",
      "sh",
      "-c",
      script,
      "sh",
      process.execPath,
      ...process.argv.slice(1),
    ],
    { stdio: "inherit", env: { ...process.env, [marker]: "1" } },
  );
  if (child.error) throw child.error;
  return child.status ?? 128;
}
