import type { FailureRecord } from "./failure.ts";

interface Hint {
  readonly when: (failure: FailureRecord) => boolean;
  readonly text: string;
}

const MOUNT_OPERATIONS = new Set([
  "createMount",
  "enterLayers",
  "shareLayer",
  "openTree",
  "openFilesystem",
  "moveMount",
  "setMountAttributes",
  "configure",
  "pivotRoot",
]);

/** Clearing a flag that a more privileged user namespace has set. */
const keepsLocked = ({ operation, message }: FailureRecord) =>
  operation === "setMountAttributes" && /, clear 0x[0-9a-f]*[1-9a-f]/.test(message);

const denied = ({ symbol }: FailureRecord) => symbol === "EPERM" || symbol === "EACCES";

/** Failures that people meet often, and what helps. The first that fits is told. */
const HINTS: readonly Hint[] = [
  {
    when: (failure) => failure.operation === "setLimit" && denied(failure),
    text: "raising a limit takes CAP_SYS_RESOURCE, which this process lacks; lower the hard limit in process.rlimits",
  },
  {
    when: (failure) => failure.at.endsWith("/oomScoreAdj") && denied(failure),
    text: "lowering the OOM score takes CAP_SYS_RESOURCE, which this process lacks",
  },
  {
    when: ({ operation, symbol }) => operation === "openTree" && symbol === "ENOENT",
    text: "the source does not exist on the host",
  },
  {
    when: ({ operation, at, symbol }) =>
      operation === "moveMount" && at.startsWith("/mounts/") && symbol === "ENOTDIR",
    text: "a directory cannot be mounted on a file, nor a file on a directory",
  },
  {
    when: ({ operation, symbol }) => operation === "openFilesystem" && symbol === "ENODEV",
    text: "the kernel does not know this file system; it may be a module that is not loaded",
  },
  {
    when: ({ operation, symbol }) =>
      (operation === "configure" || operation === "createMount") && symbol === "EINVAL",
    text: "the file system does not take this option",
  },
  {
    when: ({ operation, message, symbol }) =>
      operation === "setMountAttributes" && symbol === "EINVAL" && message.includes("userns"),
    text: "the kernel cannot map the owners of this file system: each has had to learn it (tmpfs with Linux 6.3)",
  },
  {
    when: ({ operation, symbol }) =>
      (operation === "createMount" || operation === "shareLayer") && symbol === "ENOTBLK",
    text: "this kernel mounts no EROFS image from a file, which takes CONFIG_EROFS_FS_BACKED_BY_FILE",
  },
  {
    when: ({ operation, message }) =>
      operation === "attachLoop" || (operation === "shareLayer" && message.includes("/dev/loop")),
    text: "before Linux 6.12 an EROFS image takes a loop device: /dev/loop-control, and the right to use it",
  },
  {
    when: (failure) => keepsLocked(failure) && failure.symbol === "EPERM",
    text: "in a user namespace a mount keeps the flags that its source had outside: leave the option out that clears one",
  },
  {
    when: (failure) => MOUNT_OPERATIONS.has(failure.operation) && denied(failure),
    text: "mounting takes CAP_SYS_ADMIN; inside another container its seccomp or AppArmor profile may forbid it",
  },
  {
    when: (failure) => failure.operation === "clone" && denied(failure),
    text: "new namespaces take CAP_SYS_ADMIN",
  },
  {
    when: ({ operation, symbol }) => operation === "clone" && symbol === "ENOSPC",
    text: "the limit of namespaces is reached: see /proc/sys/user/max_*_namespaces",
  },
  {
    when: ({ operation, at, symbol }) =>
      operation === "write" && at.startsWith("/linux/sysctl/") && symbol === "ENOENT",
    text: "the kernel has no such parameter",
  },
  {
    when: ({ operation, at, symbol }) =>
      operation === "write" && at.startsWith("/linux/resources/") && symbol === "ENOENT",
    text: "this kernel's control groups do not have this limit",
  },
  {
    when: ({ operation, symbol }) => operation === "resolve" && symbol === "EROFS",
    text: "the mount point is missing in a root file system that cannot be written",
  },
  {
    when: ({ operation, symbol }) =>
      operation === "resolve" && (symbol === "EACCES" || symbol === "EOVERFLOW"),
    text: "the root file system must belong to ids that the user namespace maps, such as its root",
  },
  {
    when: (failure) =>
      failure.operation === "writeProcess" && /_map$|Mappings$/.test(failure.at) && denied(failure),
    text: "only ids that the calling user namespace has, and that the user may map, can be mapped: see /etc/subuid",
  },
  {
    when: (failure) =>
      failure.operation === "writeProcess" && failure.at === "/linux/timeOffsets" && denied(failure),
    text: "setting clocks takes CAP_SYS_TIME; in a user namespace of its own the container has it",
  },
  {
    when: ({ operation, symbol }) => operation === "openProcess" && symbol === "ESRCH",
    text: "the container has ended",
  },
];

/** The oldest kernel of calls that have no safe substitute: docs/kernel-features.md. */
const SINCE: Readonly<Record<string, string>> = {
  openat2: "5.6",
  open_tree: "5.2",
  move_mount: "5.2",
  fsopen: "5.2",
  fsconfig: "5.2",
  fsmount: "5.2",
  fspick: "5.2",
  mount_setattr: "5.12",
  pidfd_send_signal: "5.1",
};

function missingCall({ symbol, message }: FailureRecord): string | undefined {
  const call = symbol === "ENOSYS" ? message.slice(0, message.indexOf("(")) : "";
  if (!Object.hasOwn(SINCE, call)) return undefined;
  return `${call} takes Linux ${SINCE[call]}: the kernel is older, or a sandbox or seccomp profile hides the call, which has no safe substitute`;
}

/** What a person can do about a failure. */
export function hintFor(failure: FailureRecord): string | undefined {
  const missing = missingCall(failure);
  if (missing !== undefined) return missing;
  return HINTS.find(({ when }) => when(failure))?.text;
}
