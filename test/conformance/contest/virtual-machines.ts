/** A virtual machine for some groups of the suite. */
export type ContestMachine = {
  readonly groups: readonly string[];
  /** A shell script that makes the machine what the groups want; it has a unified control group hierarchy. */
  readonly prepare: string;
};

/** Hierarchies of v1 under the names that the suite knows. */
const V1 = [
  "memory",
  "cpu,cpuacct",
  "cpuset",
  "pids",
  "blkio",
  "devices",
  "freezer",
  "hugetlb",
  "net_cls,net_prio",
];

export const MACHINES: readonly ContestMachine[] = [
  {
    groups: ["update", "cgroup_v2_cpu", "net_devices", "exec", "process_capabilities"],
    // The suite looks for cpu.idle in a group called cpu, as if it were one of v1's hierarchies.
    prepare:
      "modprobe dummy && echo +cpu > /sys/fs/cgroup/cgroup.subtree_control && mkdir /sys/fs/cgroup/cpu",
  },
  {
    groups: [
      ...["cgroup_v1_cpu", "cgroup_v1_memory", "cgroup_v1_pids", "cgroup_v1_blkio"],
      "cgroup_v1_relative_network",
    ],
    // The suite throttles the disk 8:0, which is one in memory here.
    prepare: [
      "modprobe -a scsi_debug sd_mod",
      "umount /sys/fs/cgroup && mount -t tmpfs cgroups /sys/fs/cgroup && cd /sys/fs/cgroup",
      ...V1.map((name) => `mkdir ${name} && mount -t cgroup -o ${name} cgroup ${name}`),
      "ln -s cpu,cpuacct cpu",
    ].join(" && "),
  },
];

/**
 * Stands before the runtime. The suite starts a container one second after it has asked for it, and waits for ever when
 * that was too early; an emulated processor needs several seconds, so that a start waits here for the end of its create.
 */
export const LATE_START = `#!/bin/sh
case " $* " in
*" create "*)
	"$CONTEST_RUNTIME" "$@"
	status=$?
	: > "$2/../created"
	exit $status ;;
*" start "*)
	tries=0
	until [ -e "$2/../created" ] || [ $tries -gt 600 ]; do sleep 0.1; tries=$((tries + 1)); done ;;
esac
exec "$CONTEST_RUNTIME" "$@"
`;
