import { basename, join } from "node:path";
import { repository } from "./programs.ts";

/** The OCI runtime that a suite is pointed at: a program, by path or by a name in $PATH. */
export const runtime = process.env["RUNTIME"] ?? join(repository, "dist/corten-oci");

/** Whether that is ours: what has no common command line, such as images and the engine, is tried only then. */
export const isOurs = basename(runtime).startsWith("corten");

const isCrun = basename(runtime) === "crun";

/**
 * crun 1.8 refuses hosts on which both versions of control groups are mounted: it sees the second one alone, in a
 * mount namespace, and is told to leave it alone.
 */
export const runtimePrefix: readonly string[] = isCrun
  ? [
      ...["unshare", "--mount", "--propagation", "slave", "sh", "-c"],
      'umount -R /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec "$@"',
      "sh",
    ]
  : [];
export const runtimeOptions: readonly string[] = isCrun ? ["--cgroup-manager=disabled"] : [];
