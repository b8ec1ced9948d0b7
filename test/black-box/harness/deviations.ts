/** Titles of cases that a runtime is known to fail, each with the clause and why; of some it may hold or not. */
export type Deviations = Readonly<Record<string, string | { readonly byChance: string }>>;

const since = (version: string, title: string) =>
  `${title} came with runtime-spec ${version}, which it does not know`;
const twice = "config.md, POSIX process: rlimits listed twice MUST generate an error; it takes the last";
const startHook =
  "runtime.md, Lifecycle 7: a startContainer hook that fails MUST generate an error; start ends with 0";

/**
 * By the name of the program. Each was looked into: the standard, or a habit that its case names, is clear, and this
 * version of the runtime does something else. A deviation that goes away fails the run, and so does one whose case is
 * not there.
 */
export const deviations: Readonly<Record<string, Deviations>> = {
  // Debian 12: runc 1.1.5, which implements runtime-spec 1.0.2.
  runc: {
    "hooks: poststart hears of its container": "runtime.md, Lifecycle 9: it runs poststart hooks in create",
    "hooks: poststart that fails": "runtime.md, Lifecycle 9: it runs poststart hooks in create",
    "hooks: poststart that is late": "runtime.md, Lifecycle 9: it runs poststart hooks in create",
    "hooks: run in the order of their kinds, and as listed":
      "runtime.md, Lifecycle 7 to 9: it runs poststart hooks before startContainer hooks",
    "hooks: startContainer that fails": startHook,
    "inside: domain name": since("1.1", "domainname"),
    "life: SIGKILL reaches what is left of a container that shares the host's PIDs":
      "the habit of newer runc: it kills nothing once the first process has ended",
    "mounts: an ID-mapped bind shows other owners": since("1.1", "uidMappings of a mount"),
    "mounts: flags that are taken away from binds":
      "config.md, Linux mount options: suid, dev and exec clear a flag; it leaves binds that only clear flags alone",
    "mounts: rootfsPropagation":
      "config-linux.md, Rootfs Mount Propagation: of shared, the parent of the root is made shared and not the root",
    "mounts: tmpfs with a mode has it over a directory that is there, too":
      "config.md, Mounts: the mode of the directory below wins over the option mode",
    "process: I/O priority": since("1.1", "ioPriority"),
    "process: a limit twice is an error": twice,
    "process: memory policy": since("1.3", "memoryPolicy"),
    "process: personality": "config-linux.md, Personality (since 1.0.2): it ignores it",
    "process: scheduler": since("1.1", "scheduler"),
    "user namespaces: a program beside, and another container in the same namespaces":
      "config-linux.md, Namespaces: it wants uidMappings also where a user namespace is joined by its path",
    "user namespaces: clocks of its own": since("1.1", "the time namespace"),
  },
  // Debian 12: crun 1.8.1, called as oci-runtime.ts says.
  crun: {
    "hooks: a path that is not absolute is an error":
      "config.md, POSIX-platform Hooks: path MUST be absolute; it looks for it in its working directory",
    "hooks: createContainer hears of its container":
      "runtime.md, State: creating is the status until create ends; it says created",
    "hooks: createRuntime hears of its container":
      "runtime.md, State: creating is the status until create ends; it says created",
    "hooks: prestart hears of its container":
      "runtime.md, State: creating is the status until create ends; it says created",
    "hooks: startContainer hears of its container":
      "runtime.md, State: there is no status starting, and the bundle is not /",
    "hooks: poststart that fails": {
      byChance: "runtime.md, Lifecycle 9 (since 1.3): start may end with 0, as it does not wait for the hook",
    },
    "hooks: poststart that is late":
      "config.md, POSIX-platform Hooks: a poststart hook past its timeout is no error",
    "hooks: run in the order of their kinds, and as listed":
      "runtime.md, Lifecycle 7 to 9: poststart hooks do not wait for startContainer hooks",
    "hooks: startContainer that fails": startHook,
    "inside: a namespace type twice is an error":
      "config-linux.md, Namespaces: duplicates MUST generate an error",
    "inside: its control group, and a read-only view of it":
      "it has no control groups on a host of both versions",
    "life: SIGKILL reaches what is left of a container that shares the host's PIDs":
      "the habit of newer runc: it kills nothing once the first process has ended",
    "life: delete --force takes groups that the container made in its own with it":
      "it has no control groups on a host of both versions",
    "life: exec runs a program beside, with its own variables, directory and exit code":
      "the habit of runc: with --env the container's own variables, PATH among them, are gone",
    "life: pause stops every process, and resume lets them go on":
      "it has no control groups on a host of both versions",
    "life: ps tells the processes": "it has no control groups on a host of both versions",
    "mounts: recursive flags reach the mounts below": "config.md, Linux mount options: rnoatime is EINVAL",
    "mounts: tmpfs without a mode has that of the directory it covers":
      "the habit of runc and of newer crun: it has the kernel's mode, 1777",
    "process: I/O priority": since("1.1", "ioPriority"),
    "process: a limit twice is an error": twice,
    "process: memory policy": since("1.3", "memoryPolicy"),
    "process: scheduler": since("1.1", "scheduler"),
    "terminals: are passed on in the foreground, with the size of the caller's":
      "the habit of runc: the terminal has no size",
    "terminals: leave a hostile /dev/console inside the container": "CVE-2026-88264",
    "user namespaces: clocks of its own": since("1.1", "the time namespace"),
  },
};
