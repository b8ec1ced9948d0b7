import type { FailureRecord } from "./failure.ts";

interface Hint {
  readonly when: (failure: FailureRecord) => boolean;
  readonly text: string;
}

const MOUNT_OPERATIONS = new Set([
  "createMount",
  "openTree",
  "openFilesystem",
  "moveMount",
  "setMountAttributes",
  "configure",
  "pivotRoot",
]);

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
    when: (failure) => MOUNT_OPERATIONS.has(failure.operation) && denied(failure),
    text: "mounting takes CAP_SYS_ADMIN; inside another container its seccomp or AppArmor profile may forbid it",
  },
  {
    when: ({ operation, symbol }) => MOUNT_OPERATIONS.has(operation) && symbol === "ENOSYS",
    text: "the kernel is older than 5.12, or a seccomp profile hides its mount interface",
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
    when: ({ operation, symbol }) => operation === "openProcess" && symbol === "ESRCH",
    text: "the container has ended",
  },
];

/** What a person can do about a failure. */
export function hintFor(failure: FailureRecord): string | undefined {
  return HINTS.find(({ when }) => when(failure))?.text;
}
