import type { Finding } from "./finding.ts";
import type { ProbeResults } from "./probe.ts";

/** What is known about one probe. */
interface Subject {
  readonly probe: string;
  readonly group: string;
  readonly name: string;
  /** Who cannot do without it. */
  readonly needed: "all" | "root" | "user" | "none";
  /** What still works without it. */
  readonly without: string;
  /** What gives it. Left out: {@link refusal} finds it out. */
  readonly remedy?: string;
}

const root = (probe: string, name: string, without: string): Subject => ({
  ...{ probe, group: "namespaces", name, needed: "root", without },
});

const SUBJECTS: readonly Subject[] = [
  {
    ...{ probe: "userns", group: "namespaces", name: "user namespaces", needed: "user" },
    without: "containers of the superuser, without remapped users",
  },
  {
    ...{
      probe: "rootless-all",
      group: "namespaces",
      name: "namespaces inside a user namespace",
      needed: "user",
    },
    without: "containers of the superuser",
  },
  root("mount", "mount namespaces", "nothing: a container is one"),
  root("pid", "PID namespaces", "containers that see the host's processes"),
  root("network", "network namespaces", "containers with --network host"),
  root("ipc", "IPC namespaces", "containers that share the host's IPC"),
  root("uts", "UTS namespaces", "containers with the host's name"),
  {
    ...{ probe: "cgroup", group: "namespaces", name: "cgroup namespaces", needed: "none" },
    without: "containers that see the host's group names",
  },
  {
    ...{ probe: "time", group: "namespaces", name: "time namespaces", needed: "none" },
    without: "everything but clock offsets",
    remedy: "Linux 5.6 with CONFIG_TIME_NS",
  },
  {
    ...{
      probe: "mount-api",
      group: "mounts",
      name: "new mount interface (fsopen, mount_setattr)",
      needed: "all",
    },
    without: "nothing: mounts are made with it",
  },
  {
    ...{ probe: "open-tree", group: "mounts", name: "detached bind mounts (open_tree)", needed: "all" },
    without: "containers without bind mounts",
  },
  {
    ...{ probe: "openat2", group: "mounts", name: "paths resolved inside a root (openat2)", needed: "all" },
    without: "nothing: paths are never resolved by name alone",
    remedy: "Linux 5.6, and a seccomp profile that knows openat2",
  },
  {
    ...{ probe: "idmap", group: "mounts", name: "id-mapped mounts", needed: "none" },
    without: "volumes with the host's owners",
  },
  {
    ...{ probe: "overlay", group: "mounts", name: "overlay", needed: "none" },
    without: "read-only roots of one layer, and copies of layers",
  },
  {
    ...{ probe: "erofs", group: "mounts", name: "EROFS images mounted from files", needed: "none" },
    without: "layers unpacked into directories, or mounted by a loop device",
  },
  {
    ...{ probe: "fuse", group: "mounts", name: "FUSE", needed: "none" },
    without: "file systems of the kernel",
    remedy: "modprobe fuse, and pass /dev/fuse into the sandbox (--device /dev/fuse)",
  },
  {
    ...{ probe: "pidfd", group: "processes", name: "pidfd", needed: "all" },
    without: "nothing: processes are named by it",
    remedy: "Linux 5.3, and a seccomp profile that knows pidfd_open",
  },
  {
    ...{ probe: "clone3", group: "processes", name: "clone3", needed: "none" },
    without: "everything; processes enter their v2 group after they are made",
    remedy: "a seccomp profile that knows clone3",
  },
  {
    ...{ probe: "close-range", group: "processes", name: "close_range", needed: "none" },
    without: "everything; descriptors are closed one by one",
    remedy: "Linux 5.11",
  },
  {
    ...{ probe: "seccomp", group: "security", name: "seccomp filters", needed: "all" },
    without: "containers without system call filters",
    remedy: "a kernel with CONFIG_SECCOMP_FILTER",
  },
  {
    ...{ probe: "seccomp-notify", group: "security", name: "seccomp notification", needed: "none" },
    without: "everything but seccomp agents",
    remedy: "Linux 5.0; a filter around this process that has a listener already forbids a second one",
  },
  {
    ...{ probe: "bpf-devices", group: "security", name: "eBPF device rules (cgroup v2)", needed: "none" },
    without: "device rules on cgroup v1; on v2, containers that cannot make devices",
    remedy: "CAP_BPF or CAP_SYS_ADMIN, and a seccomp profile that allows bpf",
  },
  {
    ...{ probe: "landlock", group: "security", name: "Landlock", needed: "none" },
    without: "everything that Corten does today",
    remedy: "add landlock to lsm= on the kernel's command line",
  },
];

/** What of a kernel explains that something is refused. */
export interface KernelSettings {
  readonly uid: number;
  /** 2 where a seccomp filter is in force around this process. */
  readonly seccomp: number;
  /** Values of /proc/sys by name; absent where the kernel has no such setting. */
  readonly sysctl: (name: string) => string | undefined;
}

/** Says what each probe's result means for this user. */
export function examineKernel(results: ProbeResults, settings: KernelSettings): Finding[] {
  return SUBJECTS.map((subject) => {
    const { group, name, without } = subject;
    const works = results.has(subject.probe) && results.get(subject.probe) === undefined;
    const errno = results.has(subject.probe) ? results.get(subject.probe)! : "not tried";
    const needed = subject.needed === "all" || subject.needed === (settings.uid === 0 ? "root" : "user");
    if (works) return { group, name, works, needed, detail: "works" };
    return { group, name, works, needed, detail: errno, without, remedy: refusal(subject, errno, settings) };
  });
}

function refusal({ probe, group, remedy }: Subject, errno: string, settings: KernelSettings): string {
  const { sysctl, seccomp, uid } = settings;
  const denied = errno === "EPERM" || errno === "EACCES";
  if (errno === "ENOSPC") return "raise the limit: sysctl -w user.max_user_namespaces=15000 (and its kin)";
  const users = probe === "userns" || probe === "rootless-all" || group === "mounts";
  if (users && denied) {
    if (sysctl("user/max_user_namespaces") === "0") return "sysctl -w user.max_user_namespaces=15000";
    if (sysctl("kernel/unprivileged_userns_clone") === "0") {
      return "sysctl -w kernel.unprivileged_userns_clone=1";
    }
    if (sysctl("kernel/apparmor_restrict_unprivileged_userns") === "1") {
      return "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile that allows userns";
    }
  }
  if (denied && seccomp === 2 && probe !== "bpf-devices") {
    return "a seccomp filter is in force around this process: start the sandbox with --security-opt seccomp=unconfined, or a profile that allows the call";
  }
  if (remedy !== undefined) return remedy;
  if (errno === "ENODEV") return `modprobe ${probe}, or a kernel that has it built in`;
  if (errno === "ENOSYS") return "Linux 5.12 or newer, and a seccomp profile that knows the call";
  if (errno === "ENOTBLK") return "Linux 6.12 or newer; before that an image takes a loop device";
  if (denied && uid !== 0) return "run as root, or use what a user namespace gives";
  return "CAP_SYS_ADMIN; in a container: --privileged, or --cap-add SYS_ADMIN with a matching seccomp profile";
}
