/**
 * The closed, versioned union of operations: the only seam between TypeScript, which decides, and
 * the executor in `native/`, which performs. An operation is close to one system call. It reads
 * and writes numbered registers that hold file descriptors, and carries in `at` the JSON pointer
 * of the setting that caused it.
 *
 * The executor itself runs with umask 0, so modes are exact, and with all signals blocked. An `out` register that is
 * occupied is closed first. In the cleanup section an operation that reads an empty register is skipped: what was
 * never made needs no cleaning up.
 *
 * `OPERATIONS` is the single source: the TypeScript types, the encoder's layout and
 * `native/common/plan.gen.h` all come from it. Codes are never reused; a changed meaning gets a
 * new code and a new {@link PLAN_VERSION}.
 */

/** Version of the union and of its encoding; the executor refuses any other. */
export const PLAN_VERSION = 1;

/** A numbered slot that holds a file descriptor while a plan runs. */
export type Register = number & { readonly register: unique symbol };

/**
 * What a field holds:
 * `in` a register that is read, `in?` one that may be absent, `out` a register that is written,
 * `int` a signed 64-bit number, `text` a NUL-free string, `text?` one that may be absent,
 * `data` bytes, `list` NUL-free strings, `section` the name of another section.
 */
export type FieldKind = "in" | "in?" | "out" | "int" | "text" | "text?" | "data" | "list" | "section";

interface Shape {
  /** The number on the wire. */
  readonly code: number;
  /** At most eight fields, in wire order. */
  readonly fields: Readonly<Record<string, FieldKind>>;
}

export const OPERATIONS = {
  // ── descriptors and paths ────────────────────────────────────────────────────────────────
  /** openat(dir, path, flags | O_CLOEXEC, mode). For trusted host paths only. Without `dir`: the working directory. */
  open: { code: 1, fields: { out: "out", dir: "in?", path: "text", flags: "int", mode: "int" } },
  /**
   * Opens `path` inside `root` as an O_PATH descriptor with openat2(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS),
   * retried on EAGAIN. `create`: 0 fails with ENOENT, 1 makes missing directories, 2 makes missing parents and
   * an empty file; each is made with mkdirat/openat(O_CREAT|O_EXCL|O_NOFOLLOW) on its parent's descriptor.
   * A dangling symlink is followed inside the root and its target made. `mode` is each made directory's, or the
   * file's, whose parents then get 0755.
   * `directory` 1 demands that the result is a real directory reached through no symlink in the last component;
   * 2 takes a symlink in the last component, where there is one, for the result. 4 may be added to either: the result
   * must not lie in a procfs, to which a symlink of the image may have led.
   */
  resolve: {
    code: 2,
    fields: { out: "out", root: "in", path: "text", create: "int", mode: "int", directory: "int" },
  },
  /** Closes the register's descriptor; an empty register is fine. */
  close: { code: 3, fields: { fd: "in" } },
  /**
   * Checks what a descriptor is. `kind`: 1 character device major:minor, 2 procfs root, 3 directory,
   * 4 cgroup2 root, 5 devpts, 6 block device major:minor. A mismatch is a safety violation, not an errno.
   */
  verify: { code: 4, fields: { fd: "in", kind: "int", major: "int", minor: "int" } },
  /** connect() to the unix stream socket at `path`; `seqpacket` 1 for SOCK_SEQPACKET. */
  connect: { code: 5, fields: { out: "out", path: "text", seqpacket: "int" } },
  /** Sends `fd` with SCM_RIGHTS and `message` as the data (a NUL when it is empty) over the socket. */
  sendDescriptor: { code: 6, fields: { socket: "in", fd: "in", message: "text" } },
  /** Sends `fd` over the section's own socket to the parent section. */
  passToParent: { code: 7, fields: { fd: "in" } },
  /** Receives a descriptor that the child section passes. */
  receiveFromChild: { code: 8, fields: { out: "out" } },
  /** pidfd_open(pid), then fails with ESRCH unless /proc/pid/stat field 22 equals `startTime` (0: not checked). */
  openProcess: { code: 9, fields: { out: "out", pid: "int", startTime: "int" } },

  // ── mounts ───────────────────────────────────────────────────────────────────────────────
  /** open_tree(dir, path, flags | OPEN_TREE_CLOEXEC). An empty path clones `dir` itself (AT_EMPTY_PATH is added). */
  openTree: { code: 20, fields: { out: "out", dir: "in?", path: "text", flags: "int" } },
  /** fsopen(type). */
  openFilesystem: { code: 21, fields: { out: "out", type: "text" } },
  /** fsconfig(SET_STRING), or SET_FLAG when `value` is absent. */
  configure: { code: 22, fields: { fs: "in", key: "text", value: "text?" } },
  /** fsconfig(SET_FD, key, fd). */
  configureDescriptor: { code: 23, fields: { fs: "in", key: "text", fd: "in" } },
  /** fsconfig(CMD_CREATE) and fsmount(attributes): a detached mount in `out`; closes `fs`. */
  createMount: { code: 24, fields: { out: "out", fs: "in", attributes: "int" } },
  /** mount_setattr(target, "", AT_EMPTY_PATH [| AT_RECURSIVE], {set, clear, propagation, usernsFd}). */
  setMountAttributes: {
    code: 25,
    fields: { target: "in", recursive: "int", set: "int", clear: "int", propagation: "int", userns: "in?" },
  },
  /** move_mount(from, "", to, path, F_EMPTY_PATH [| T_EMPTY_PATH when path is empty]). */
  moveMount: { code: 26, fields: { from: "in", to: "in", path: "text" } },
  /** The mounts at and above `path` in the private mount namespace become MS_PRIVATE where they were shared (pivot_root needs it). */
  privatizeParent: { code: 27, fields: { path: "text" } },
  /** fchdir(root); pivot_root(".", "."); old root made rslave and detached; chdir("/"). */
  pivotRoot: { code: 28, fields: { root: "in" } },
  /**
   * `--no-pivot`: the namespace's other procfs and sysfs are unmounted, or covered where they are locked, as they would
   * let a user namespace mount unmasked ones; then move_mount(root → "/"), chroot("."), chdir("/").
   */
  moveRoot: { code: 29, fields: { root: "in" } },
  /** No mount namespace: fchdir(root), chroot("."), chdir("/"). */
  changeRoot: { code: 30, fields: { root: "in" } },
  /**
   * maskedPaths: `path` in root is covered, a directory by `directory` (an empty read-only mount, detached: the first
   * use attaches it, later ones attach clones of it), anything else by a clone of `file` (a verified /dev/null). A
   * path that does not exist is left alone.
   */
  mask: { code: 31, fields: { root: "in", path: "text", file: "in", directory: "in" } },
  /** readonlyPaths: a recursive clone of `path` is made read-only while detached, then moved over it; ENOENT is left alone. */
  protect: { code: 32, fields: { root: "in", path: "text" } },
  /**
   * umount2(MNT_DETACH) of the mount whose root `mount` is, with all that is mounted in it. One that was never attached
   * is gone by itself.
   */
  unmount: { code: 33, fields: { mount: "in" } },
  /** fspick(target, "", FSPICK_EMPTY_PATH): the file system of a mount, to be configured anew. */
  pickFilesystem: { code: 126, fields: { out: "out", target: "in" } },
  /** fsconfig(CMD_RECONFIGURE): what was configured takes effect. */
  reconfigure: { code: 127, fields: { fs: "in" } },
  /**
   * fsconfig(SET_STRING, "source", D): D is a free loop device that shows `file` read-only, and goes with its last user;
   * until there is a mount that is `out`. For EROFS before Linux 6.12.
   */
  attachLoop: { code: 128, fields: { out: "out", fs: "in", file: "text" } },
  /**
   * A new user namespace with these mappings (lines of uid_map and gid_map), for {@link OPERATIONS.setMountAttributes}: a
   * child is cloned into it and ends once `out` holds the namespace.
   */
  openUserNamespace: { code: 125, fields: { out: "out", uids: "data", gids: "data" } },

  // ── layers that containers share ─────────────────────────────────────────────────────────
  /**
   * Enters the mount namespace in which layers are mounted once for all containers. The bind mount `directory`/namespace
   * keeps it; where there is none, a namespace with nothing but an empty tmpfs is made and bound there. Root and working
   * directory stay, so paths mean what they meant. `out` is the mount namespace that was left, `root` the root of the
   * one that was entered.
   */
  enterLayers: { code: 210, fields: { out: "out", root: "out", directory: "text" } },
  /**
   * In the namespace that was entered: a detached clone of the mount of the EROFS image `file`, which is mounted there,
   * read-only, if it is not yet: with `archive`, the file that it is an index of, or by a loop device with `loop` 1. On failure it goes back to `home` first.
   */
  shareLayer: {
    code: 215,
    fields: { out: "out", home: "in", root: "in", file: "text", archive: "text?", loop: "int" },
  },
  /** Unmounts there the layers that are none of `files`. Who holds clones keeps them. */
  keepLayers: { code: 212, fields: { home: "in", root: "in", files: "list" } },
  /** Goes back to the mount namespace `home`; both registers are closed. */
  leaveLayers: { code: 213, fields: { home: "in", root: "in" } },
  /** Takes the bind mount `directory`/namespace away, and with it the namespace unless someone is in it. */
  unpinLayers: { code: 214, fields: { directory: "text" } },

  // ── files ────────────────────────────────────────────────────────────────────────────────
  /**
   * mkdirat; an existing directory is fine. As in every operation of this group, what lies below a `dir` is reached
   * through no symlink; without `dir` the path is a trusted one of the host.
   */
  makeDirectory: { code: 40, fields: { dir: "in?", path: "text", mode: "int" } },
  /**
   * open(flags), one write of all of `data`, close: cgroup knobs, sysctls, /proc files. Below a `dir` with
   * openat2(RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV). `ignore`: errno number that is no failure, 0
   * for none.
   */
  write: { code: 41, fields: { dir: "in?", path: "text", data: "data", flags: "int", ignore: "int" } },
  /**
   * mknodat(dir, name) [EEXIST: the present node must match], then the node is opened O_PATH|O_NOFOLLOW, its type and
   * number verified, and its mode and owner set through the descriptor.
   */
  makeNode: {
    code: 42,
    fields: { dir: "in", path: "text", mode: "int", major: "int", minor: "int", uid: "int", gid: "int" },
  },
  /** symlinkat(target, dir, path). An equal link is fine; any other existing file is replaced when `replace` is 1, else left as it is. */
  makeSymlink: { code: 43, fields: { dir: "in", path: "text", target: "text", replace: "int" } },
  /** fchownat/fchmodat on the descriptor (AT_EMPTY_PATH); -1 leaves a part alone. */
  setOwner: { code: 44, fields: { fd: "in", uid: "int", gid: "int", mode: "int" } },
  /** mkfifoat(dir, path, mode), owner set. */
  makeFifo: { code: 45, fields: { dir: "in?", path: "text", mode: "int", uid: "int", gid: "int" } },
  /** unlinkat, also of an empty directory; ENOENT is fine. */
  remove: { code: 46, fields: { dir: "in?", path: "text" } },
  /** Removes the tree at `path` by descriptors, never crossing a mount and never following a symlink; ENOENT is fine. */
  removeTree: { code: 47, fields: { dir: "in?", path: "text" } },
  /** rmdir of a cgroup and of the cgroups below it, with back-off on EBUSY; `kill` 1 first kills its processes. ENOENT is fine. */
  removeCgroup: { code: 48, fields: { path: "text", kill: "int" } },
  /** cpuset (v1): copies cpus and mems from the nearest ancestor that has them, down from `top` to `path`. */
  inheritCpuset: { code: 49, fields: { top: "text", path: "text" } },
  /**
   * The permission bits of the directory `from` are set on `to`, the root of a mount that will cover it. For tmpfs,
   * which otherwise is 1777 whatever it covers.
   */
  copyMode: { code: 50, fields: { from: "in", to: "in" } },
  /**
   * Copies what is in the directory `from` into the directory `to`, the root of a new mount, with owners, modes, times
   * and extended attributes (of files and directories; those that `to` cannot hold are left out), and devices, FIFOs
   * and sockets as such. `owner` 1 also gives `to` the owner of `from`. No symlink is followed and no mount below
   * `from` is entered; holes stay holes, hard links become files of their own. More than 65536 entries, 64 levels or
   * 1 GiB of data is a safety violation.
   */
  copyTree: { code: 51, fields: { from: "in", to: "in", owner: "int" } },

  /**
   * Applies the stream of entries on stdin below `root`, one after the other, until the stream's end (stream.ts has the
   * format). Paths are resolved inside the root; what the stream holds can reach nothing else. Stops at the first entry
   * that fails, and says which.
   */
  applyStream: { code: 190, fields: { root: "in" } },
  /** In the container's section: its process ends with status `code`, having done its work as the executor. */
  exit: { code: 191, fields: { code: "int" } },

  // ── processes and sections ───────────────────────────────────────────────────────────────
  /**
   * clone3(flags [| CLONE_INTO_CGROUP cgroup]) with a pidfd; the child runs `section`, with a socket pair between the
   * two. On ENOSYS/E2BIG clone(2). The child is what later operations of this section call "the child".
   */
  clone: { code: 60, fields: { out: "out", section: "section", flags: "int", cgroup: "in?" } },
  /**
   * Tells the other side that step `event` is reached. Events and passed descriptors arrive in the order in which
   * they were sent, and the other side must take them in that order.
   */
  notify: { code: 61, fields: { event: "int" } },
  /**
   * Waits for the other side's `event`; its failure, its death, and in the host section a SIGINT, SIGTERM, SIGHUP or
   * SIGQUIT, is this section's failure.
   */
  await: { code: 62, fields: { event: "int" } },
  /** Waits until the child's exec has succeeded (its socket closes) or reports its failure. */
  awaitExec: { code: 63, fields: {} },
  /** Writes "PID STARTTIME\n" of the child to a file: temporary name, fsync-less rename. `plain` 1 writes the PID alone with no newline (--pid-file). */
  recordProcess: { code: 64, fields: { dir: "in?", path: "text", plain: "int" } },
  /**
   * Writes the child's PID, or "0" when run by the child itself, to a cgroup.procs or tasks descriptor. On v1 the child
   * should do it, with `tasks`: moving the calling thread alone takes 0.03 ms, any other move waits 6 to 17 ms for an
   * RCU grace period. On v2, a hybrid host's included, only `clone` into the group spares that wait.
   */
  joinCgroup: { code: 65, fields: { fd: "in" } },
  /**
   * Writes `data` to the child's `file` in /proc, or to its own while there is no child: uid_map, gid_map, setgroups,
   * oom_score_adj, timens_offsets. Through a descriptor of its directory in a /proc that is a procfs.
   */
  writeProcess: { code: 66, fields: { file: "text", data: "data" } },
  /** PR_SET_CHILD_SUBREAPER. */
  subreaper: { code: 67, fields: {} },
  /**
   * Waits for the child. Forwards signals to it, copies between a `terminal` (a pty master; absent: none) and stdin/stdout
   * with the caller's terminal in raw mode and its size followed. The child's status becomes the executor's exit code
   * (128 + signal). Reaps orphans.
   */
  supervise: { code: 68, fields: { terminal: "in?" } },
  /** Writes the ended child's exit record to a file: "CODE SIGNAL OOMKILLED SECONDS.NANOS\n" (CODE is 128 + SIGNAL after a signal). `events`: memory.events or memory.oom_control path, may be absent. */
  recordExit: { code: 69, fields: { dir: "in?", path: "text", events: "text?" } },
  /** pidfd_send_signal(process, signal). */
  signal: { code: 70, fields: { process: "in", signal: "int" } },
  /**
   * Runs a hook: execve(path, args, env) in its own process with `before` + PID + `after` (the container's state) on
   * stdin, what it prints captured for the failure's message. PID is the child's, in the container section the process's
   * own as it sees it, 0 once the child has ended. Its process group is killed and it fails after `timeout` ms (0: none); a non-zero exit fails unless `tolerate` is 1 (poststop: warned).
   */
  hook: {
    code: 71,
    fields: {
      path: "text",
      args: "list",
      env: "list",
      before: "data",
      after: "data",
      timeout: "int",
      tolerate: "int",
    },
  },

  // ── namespaces and identity ──────────────────────────────────────────────────────────────
  unshare: { code: 80, fields: { flags: "int" } },
  /** setns(fd, flags); `fd` is a namespace file or a pidfd with several flags. */
  join: { code: 81, fields: { fd: "in", flags: "int" } },
  setHostname: { code: 82, fields: { name: "text" } },
  setDomainname: { code: 83, fields: { name: "text" } },
  /** Brings the loopback interface up. */
  raiseLoopback: { code: 84, fields: {} },
  setsid: { code: 85, fields: {} },
  setUmask: { code: 86, fields: { mask: "int" } },
  /** prlimit(self, resource, {soft, hard}); -1 is RLIM_INFINITY. */
  setLimit: { code: 87, fields: { resource: "int", soft: "int", hard: "int" } },
  /** personality(domain). */
  setPersonality: { code: 88, fields: { domain: "int" } },
  /** PR_SET_DUMPABLE. */
  setDumpable: { code: 89, fields: { value: "int" } },
  /** keyctl(JOIN_SESSION_KEYRING, name); ENOSYS is fine. */
  joinKeyring: { code: 90, fields: { name: "text" } },
  setNoNewPrivileges: { code: 91, fields: {} },
  /** Drops from the bounding set each capability not in `mask`. */
  dropBounding: { code: 92, fields: { mask: "int" } },
  /**
   * setgroups (skipped when `setgroups` 0; when it is 2, EPERM is fine for an empty list), setresgid, setresuid with
   * PR_SET_KEEPCAPS. `groups`: decimal gids.
   */
  setUser: { code: 93, fields: { uid: "int", gid: "int", groups: "list", setgroups: "int" } },
  /** capset, then the ambient set is cleared and raised. Masks of capability numbers. */
  setCapabilities: {
    code: 94,
    fields: { effective: "int", permitted: "int", inheritable: "int", ambient: "int" },
  },
  /** seccomp(SET_MODE_FILTER, flags, program); `program` is an array of sock_filter. With SECCOMP_FILTER_FLAG_NEW_LISTENER: `out`. */
  setSeccomp: { code: 95, fields: { out: "out", program: "data", flags: "int" } },
  /** Lowers this process's soft limit to `soft` where it is higher (prlimit). The hard limit stays. */
  capLimit: { code: 97, fields: { resource: "int", soft: "int" } },
  /** chdir(path); a missing directory is made when `create` is 1; refused when getcwd is outside the root (CVE-2024-21626). */
  changeDirectory: { code: 96, fields: { path: "text", create: "int" } },

  // ── scheduling and memory placement ──────────────────────────────────────────────────────
  /** sched_setattr(self): policy, SCHED_FLAG_*, nice, real-time priority, and the times of a deadline in nanoseconds. */
  setScheduler: {
    code: 130,
    fields: {
      policy: "int",
      flags: "int",
      nice: "int",
      priority: "int",
      runtime: "int",
      deadline: "int",
      period: "int",
    },
  },
  /** ioprio_set(IOPRIO_WHO_PROCESS, self, class << 13 | level). */
  setIoPriority: { code: 131, fields: { class: "int", level: "int" } },
  /** sched_setaffinity(self): bit n of `cpus`, whose bytes are a multiple of 8, is CPU n. */
  setCpuAffinity: { code: 132, fields: { cpus: "data" } },
  /** set_mempolicy(mode with its flags, nodes): bit n of `nodes`, whose bytes are a multiple of 8, is node n; empty: none. */
  setMemoryPolicy: { code: 133, fields: { mode: "int", nodes: "data" } },

  // ── network devices ──────────────────────────────────────────────────────────────────────
  /** Opens the child's network namespace; holding it keeps it when the child ends. */
  openNetworkNamespace: { code: 134, fields: { out: "out" } },
  /**
   * Moves the device `name` from this network namespace into `namespace` as `newName`, gives it its permanent addresses
   * of global scope again, and sets it up. Where that fails half-way the device is brought back.
   */
  moveNetDevice: { code: 135, fields: { namespace: "in", name: "text", newName: "text" } },
  /** The way back, with the addresses it has then, up where it was up. A device that is not there is left alone. */
  returnNetDevice: { code: 136, fields: { namespace: "in", name: "text", newName: "text" } },

  // ── descriptors of security modules ──────────────────────────────────────────────────────
  /** One write of all of `data` to an open descriptor, e.g. an attribute of this process that was opened earlier. */
  writeDescriptor: { code: 137, fields: { fd: "in", data: "data" } },

  // ── agents of system call filters ────────────────────────────────────────────────────────
  /**
   * In the container: seccomp(SET_MODE_FILTER, flags | NEW_LISTENER, program). Tells the parent section the number of the
   * listener, waits until it notifies of `event`, and closes the listener. Between the filter and the event it
   * makes two system calls, write and read.
   */
  setSeccompListener: { code: 150, fields: { program: "data", flags: "int", event: "int" } },
  /** On the host: takes the listener from the child section with pidfd_getfd. */
  takeListener: { code: 151, fields: { out: "out" } },
  /** Sends `fd` with SCM_RIGHTS over the socket, together with `parts`, between which the child's PID is put. */
  sendState: { code: 152, fields: { socket: "in", fd: "in", parts: "list" } },

  // ── terminal and stdio ───────────────────────────────────────────────────────────────────
  /**
   * In the container: opens `devpts`/ptmx O_NOFOLLOW, verifies it is 5:2 on devpts, unlocks it, opens the peer with
   * TIOCGPTPEER, sets the window size where `rows` or `columns` is not 0 and the owner to uid. `relayed` 1: what is
   * written goes to the caller's stdout, and its line ends stay as they are unless that is a terminal.
   */
  openTerminal: {
    code: 110,
    fields: {
      master: "out",
      slave: "out",
      devpts: "in",
      rows: "int",
      columns: "int",
      uid: "int",
      relayed: "int",
    },
  },
  /** The slave becomes stdin, stdout and stderr and the controlling terminal. */
  attachTerminal: { code: 111, fields: { slave: "in" } },
  /** dup2 of the verified container's /dev/null over each standard descriptor that is a 1:3 device of the host. */
  refreshNull: { code: 112, fields: { root: "in" } },
  /** fchown of each standard descriptor that is not /dev/null and not a terminal master, as runc does. */
  ownStdio: { code: 113, fields: { uid: "int" } },
  /** Puts the descriptors over 0, 1 and 2; an absent one is left alone. */
  setStdio: { code: 114, fields: { stdin: "in?", stdout: "in?", stderr: "in?" } },

  // ── control groups of version 2 ──────────────────────────────────────────────────────────
  /**
   * Gives a cgroup's processes a device filter: BPF_PROG_LOAD (CGROUP_DEVICE, `program` an array of bpf_insn) and
   * BPF_PROG_ATTACH (ALLOW_MULTI). `replace` 1: the programs that were attached before are gone afterwards; at no moment
   * is there none.
   */
  attachDeviceFilter: { code: 160, fields: { cgroup: "in", program: "data", replace: "int" } },
  /**
   * Hands every controller that a cgroup has down to its children (cgroup.subtree_control): those not handed down yet
   * in one write, where that fails one by one. One that cannot be handed down is left: the limit that needs it tells.
   */
  enableControllers: { code: 161, fields: { path: "text" } },
  /**
   * A cgroup of v2 becomes that of the user `uid`: its directory, and those of the `files` in it that exist
   * (cgroups(7), delegation).
   */
  delegateCgroup: { code: 162, fields: { path: "text", uid: "int", files: "list" } },
  /** Writes `data[n]` to the first of `paths` that exists, `paths[n]`. */
  writeFirst: { code: 163, fields: { paths: "list", data: "list" } },
  /** Sleeps for `ms`, or until a signal ends the process: holds a place in a unit of systemd. */
  linger: { code: 164, fields: { ms: "int" } },

  // ── datagrams ────────────────────────────────────────────────────────────────────────────
  /** A unix datagram socket bound at `path` (0777: whoever reaches it may write to it), which must be free. */
  listenDatagram: { code: 170, fields: { out: "out", path: "text" } },
  /**
   * Waits for a datagram with the line READY=1 (sd_notify(3)) on `socket`, or for the end of `process`, and tells the
   * socket at `target` ("@name": an abstract one) READY=1 alone: whatever else a container says does not concern the
   * service manager. `pid` above 0: MAINPID=pid is told with it, -1: the child's PID. `background` 1: a process of its
   * own waits, which ends with this one. A target that is gone is no failure.
   */
  forwardReady: {
    code: 171,
    fields: { socket: "in", process: "in", target: "text", pid: "int", background: "int" },
  },
  /** Sends `data` to the unix datagram socket at `path`. */
  sendDatagram: { code: 172, fields: { path: "text", data: "data" } },
  // ── entering a PID namespace ─────────────────────────────────────────────────────────────
  /**
   * In the container section: clone3(flags | CLONE_PARENT). The new process goes on from here, in the namespaces that
   * `flags` make and in the PID and time namespaces that were joined, and this one ends. It waits for {@link adopt}.
   * Not for the first process of a PID namespace.
   */
  renew: { code: 180, fields: { flags: "int" } },
  /**
   * In the host section: takes the process that {@link renew} makes as its child, in the place of the one that ends;
   * `out` gets its pidfd.
   */
  adopt: { code: 181, fields: { out: "out" } },
  // ── user namespaces ──────────────────────────────────────────────────────────────────────
  /**
   * Runs the set-uid helper `program` (newuidmap or newgidmap) with the child's PID and `ids` as arguments, and fails
   * when it does not end with 0. For ranges of ids that this process may not map by itself.
   */
  mapIds: { code: 115, fields: { program: "text", ids: "list" } },
  /**
   * Raises the child's hard limit to `hard` (-1: RLIM_INFINITY) where it is lower, with prlimit; EPERM is fine, since
   * the child sets its limits itself and tells. Inside a user namespace no process may raise one.
   */
  raiseLimit: { code: 116, fields: { resource: "int", hard: "int" } },

  /** Opens the namespace `name` ("user", "net" …) of the child, while it lives: the namespace then outlives it. */
  childNamespace: { code: 200, fields: { out: "out", name: "text" } },

  /**
   * Finds the home of the user `uid` in the container's /etc/passwd, "/" where that has none, and keeps it for
   * {@link execute}.
   */
  findHome: { code: 119, fields: { uid: "int" } },

  // ── criu ─────────────────────────────────────────────────────────────────────────────────
  /**
   * The container section's last operation: execve(args[0], args, env) of criu as a servant of the host's section. Its
   * descriptor 3 is a socket to that, 4 to 6 are `first` to `third`, the standard streams stay. It dies with its parent.
   */
  becomeServant: {
    code: 234,
    fields: { args: "list", env: "list", first: "in?", second: "in?", third: "in?" },
  },
  /** In the host section: sends the child that becomes a servant `request`, a criu_req. */
  askServant: { code: 231, fields: { request: "data" } },
  /**
   * Agrees to what the servant tells of until it comes to `step`, which it waits at until {@link agreeServant}; the process
   * that it names there, which it has made as its sibling, takes its place as the child. Without a step: until it
   * says how it ended, and has ended. `terminal`: the master of a terminal that it has made on the way. Fails when the
   * servant does.
   */
  followServant: { code: 232, fields: { step: "text?", terminal: "out" } },
  /** Lets the servant go on from the step at which {@link followServant} has left it. */
  agreeServant: { code: 233, fields: {} },

  // ── the end ──────────────────────────────────────────────────────────────────────────────
  /** Resolves `name` through `path` (a PATH value) inside the container as execvp would; the answer is kept for {@link execute}. */
  findExecutable: { code: 120, fields: { name: "text", path: "text" } },
  /** close_range(first, ~0): `cloexec` 1 marks close-on-exec instead. The executor's own descriptors are among them. */
  closeFrom: { code: 121, fields: { first: "int", cloexec: "int" } },
  /**
   * From here on the container lives without the host section. Opens the exec FIFO (O_PATH register) for
   * writing, which blocks until `start` reads it, writes "0". It is opened as the user that the process has become, so
   * its mode must let others write (0622). All registers are emptied before it waits. Later failures go to stderr, and
   * as a failure's record through the FIFO, which `execute` closes.
   */
  awaitStart: { code: 122, fields: { fifo: "in" } },
  /**
   * sched_setaffinity to every CPU: what remains is what the cpuset allows. A system that refuses it keeps what was
   * inherited.
   */
  resetCpuAffinity: { code: 141, fields: {} },
  /**
   * Detaches: waits until the child has reached awaitStart or execute, then the parent section ends with exit status
   * `code` and its child lives on. The cleanup section does not run. A host section that ends without it kills what
   * is left of its child, then cleans up.
   */
  finish: { code: 123, fields: { code: "int" } },
  /** execve(found executable or args[0], args, env and the found HOME). The section's last operation. */
  execute: { code: 124, fields: { args: "list", env: "list" } },
} as const satisfies Readonly<Record<string, Shape>>;

/** The name of an operation. */
export type OperationName = keyof typeof OPERATIONS;

type FieldValue<K extends FieldKind> = K extends "in" | "out"
  ? Register
  : K extends "in?"
    ? Register | null
    : K extends "int"
      ? number
      : K extends "text"
        ? string
        : K extends "text?"
          ? string | null
          : K extends "data"
            ? string | Uint8Array
            : K extends "list"
              ? readonly string[]
              : SectionName;

type Fields<N extends OperationName> = {
  readonly [F in keyof (typeof OPERATIONS)[N]["fields"]]: (typeof OPERATIONS)[N]["fields"][F] extends FieldKind
    ? FieldValue<(typeof OPERATIONS)[N]["fields"][F]>
    : never;
};

/** One operation of the given name: its fields, and the setting that caused it (`at`, a JSON pointer; "" for none). */
export type OperationOf<N extends OperationName> = { readonly op: N; readonly at: string } & Fields<N>;

/** Any operation. */
export type Operation = { [N in OperationName]: OperationOf<N> }[OperationName];

/**
 * The parts of a plan. `host` runs first, in the host's namespaces, and clones `container`; `cleanup` runs
 * in the host's process after its last operation, also when that failed.
 */
export type SectionName = "host" | "container" | "cleanup";

export const SECTIONS: readonly SectionName[] = ["host", "container", "cleanup"];

/** A launch plan: what the executor will do, as data. */
export interface LaunchPlan {
  readonly version: typeof PLAN_VERSION;
  /** What each register holds, for messages and for `corten-oci plan`: index is the register. */
  readonly registers: readonly string[];
  readonly sections: Readonly<Record<SectionName, readonly Operation[]>>;
  /** Where the executor writes a failure's record; its directory exists and is the caller's own. */
  readonly failureFile: string;
  /** What the executor becomes after a failure (argv, the first element a path); empty: it exits with 125. */
  readonly onFailure: readonly string[];
}
