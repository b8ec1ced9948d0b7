/**
 * The system calls that every container may make, by purpose. Of calls that exist in several widths all are listed.
 * What is missing here is either tied to a capability ({@link CAPABILITY_CALLS}), limited by its arguments
 * (`default-profile.ts`), or denied to all: keyrings, io_uring, userfaultfd, kexec, swap, modules without the right to
 * load them, and what only old programs knew.
 */
export const COMMON_CALLS: Readonly<Record<string, string>> = {
  "open and close":
    "open openat openat2 creat close close_range dup dup2 dup3 fcntl fcntl64 flock ioctl memfd_create memfd_secret name_to_handle_at",
  "read and write":
    "read readv pread64 preadv preadv2 write writev pwrite64 pwritev pwritev2 lseek _llseek readahead sendfile sendfile64 copy_file_range splice tee vmsplice fadvise64 fadvise64_64 arm_fadvise64_64 fallocate truncate truncate64 ftruncate ftruncate64 sync syncfs fsync fdatasync sync_file_range arm_sync_file_range cachestat",
  "asynchronous input and output":
    "io_setup io_submit io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 ioprio_get ioprio_set",
  "names in directories":
    "link linkat unlink unlinkat symlink symlinkat readlink readlinkat rename renameat renameat2 mkdir mkdirat rmdir mknod mknodat chdir fchdir getcwd getdents getdents64 umask",
  "attributes of files":
    "access faccessat faccessat2 stat stat64 fstat fstat64 lstat lstat64 fstatat64 newfstatat statx statfs statfs64 fstatfs fstatfs64 statmount listmount chmod fchmod fchmodat fchmodat2 chown chown32 fchown fchown32 fchownat lchown lchown32 utime utimes futimesat utimensat utimensat_time64",
  "extended attributes":
    "getxattr lgetxattr fgetxattr getxattrat setxattr lsetxattr fsetxattr setxattrat listxattr llistxattr flistxattr listxattrat removexattr lremovexattr fremovexattr removexattrat",
  "waiting for files":
    "select _newselect pselect6 pselect6_time64 poll ppoll ppoll_time64 epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_wait epoll_wait_old epoll_pwait epoll_pwait2 eventfd eventfd2 inotify_init inotify_init1 inotify_add_watch inotify_rm_watch fanotify_mark",
  pipes: "pipe pipe2",
  sockets:
    "socketpair bind connect listen accept accept4 getsockname getpeername getsockopt setsockopt shutdown send sendto sendmsg sendmmsg recv recvfrom recvmsg recvmmsg recvmmsg_time64",
  "queues and shared memory":
    "ipc msgget msgctl msgsnd msgrcv semget semctl semop semtimedop semtimedop_time64 shmget shmctl shmat shmdt mq_open mq_unlink mq_notify mq_getsetattr mq_timedsend mq_timedsend_time64 mq_timedreceive mq_timedreceive_time64",
  memory:
    "brk mmap mmap2 munmap mremap mprotect madvise mincore msync mlock mlock2 mlockall munlock munlockall remap_file_pages mseal map_shadow_stack membarrier pkey_alloc pkey_free pkey_mprotect",
  "processes and threads":
    "fork vfork execve execveat exit exit_group wait4 waitid waitpid getpid getppid gettid set_tid_address getpgid setpgid getpgrp getsid setsid prctl arch_prctl modify_ldt get_thread_area set_thread_area set_tls rseq uretprobe restart_syscall pidfd_open pidfd_send_signal process_mrelease breakpoint cacheflush",
  tracing: "ptrace process_vm_readv process_vm_writev",
  locks: "futex futex_time64 futex_wait futex_waitv futex_wake futex_requeue get_robust_list set_robust_list",
  signals:
    "kill tkill tgkill pause alarm rt_sigaction rt_sigprocmask rt_sigpending rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_sigqueueinfo rt_tgsigqueueinfo rt_sigreturn sigaltstack sigprocmask sigreturn signalfd signalfd4",
  "users and capabilities":
    "getuid getuid32 geteuid geteuid32 getgid getgid32 getegid getegid32 getresuid getresuid32 getresgid getresgid32 getgroups getgroups32 setuid setuid32 setgid setgid32 setreuid setreuid32 setregid setregid32 setresuid setresuid32 setresgid setresgid32 setfsuid setfsuid32 setfsgid setfsgid32 setgroups setgroups32 capget capset",
  scheduling:
    "sched_yield sched_getaffinity sched_setaffinity sched_getattr sched_setattr sched_getparam sched_setparam sched_getscheduler sched_setscheduler sched_get_priority_max sched_get_priority_min sched_rr_get_interval sched_rr_get_interval_time64 getpriority setpriority getcpu",
  limits: "getrlimit ugetrlimit setrlimit prlimit64 getrusage",
  // Setting the clock by adjtimex needs CAP_SYS_TIME, which the kernel asks for itself; reading it does not.
  time: "time times gettimeofday nanosleep clock_gettime clock_gettime64 clock_getres clock_getres_time64 clock_nanosleep clock_nanosleep_time64 clock_adjtime clock_adjtime64 adjtimex getitimer setitimer timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64",
  "the system": "uname sysinfo getrandom",
  "giving up rights": "seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self",
};

/** Calls that a container may make when it has the capability which the kernel asks for. */
export const CAPABILITY_CALLS: Readonly<Record<string, string>> = {
  CAP_SYS_ADMIN:
    "mount umount umount2 mount_setattr move_mount open_tree open_tree_attr fsopen fsconfig fsmount fspick setns unshare clone clone3 sethostname setdomainname quotactl quotactl_fd fanotify_init lookup_dcookie bpf perf_event_open syslog lsm_get_self_attr lsm_set_self_attr lsm_list_modules",
  CAP_SYS_PTRACE: "kcmp pidfd_getfd process_madvise",
  CAP_SYS_MODULE: "init_module finit_module delete_module",
  CAP_SYS_TIME: "settimeofday stime clock_settime clock_settime64",
  CAP_SYS_CHROOT: "chroot",
  CAP_SYS_BOOT: "reboot",
  CAP_SYS_NICE: "get_mempolicy set_mempolicy mbind set_mempolicy_home_node",
  CAP_SYS_PACCT: "acct",
  CAP_SYS_RAWIO: "iopl ioperm",
  CAP_SYS_TTY_CONFIG: "vhangup",
  CAP_SYSLOG: "syslog",
  CAP_BPF: "bpf",
  CAP_PERFMON: "perf_event_open",
  CAP_DAC_READ_SEARCH: "open_by_handle_at",
};
