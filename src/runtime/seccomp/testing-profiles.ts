import type { RuntimeSeccomp } from "../../spec/index.ts";

const INTEL = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"];
const ALL = [...INTEL, "SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM", "SCMP_ARCH_S390X"];

const EVERYDAY =
  "accept accept4 access brk chdir close dup2 epoll_wait execve exit exit_group fcntl fstat futex getpid gettid ipc mmap mmap2 munmap nanosleep open openat openat2 pipe pipe2 poll pselect6 read readv recv recvfrom recvmsg rt_sigaction rt_sigreturn select semget semop send sendmsg sendto set_tls setsockopt shmat shmget socketcall sync_file_range sync_file_range2 arm_sync_file_range breakpoint wait4 waitpid write writev faccessat2 epoll_pwait2 process_mrelease".split(
    " ",
  );

const allow = (names: readonly string[]) => ({ names, action: "SCMP_ACT_ALLOW" });

/** Profiles of the shapes that engines write. Numbers above 2^53 are text here, and numbers in JSON. */
export const PROFILES: Readonly<Record<string, RuntimeSeccomp>> = {
  "an allow-list with conditions, as docker's": {
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: 1,
    architectures: INTEL,
    syscalls: [
      allow(EVERYDAY.filter((name) => name !== "socketcall")),
      { ...allow(["socket"]), args: [{ index: 0, value: 40, op: "SCMP_CMP_NE" }] },
      ...[0, 8, 0x2_0000, 0x2_0008, 0xffff_ffff].map((value) => ({
        ...allow(["personality"]),
        args: [{ index: 0, value, op: "SCMP_CMP_EQ" }],
      })),
      {
        ...allow(["clone"]),
        args: [{ index: 0, value: 0x7e02_0000, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }],
      },
      { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: 38 },
    ],
  },
  "a list of what is denied": {
    defaultAction: "SCMP_ACT_ALLOW",
    architectures: ALL,
    syscalls: [
      {
        names: ["bpf", "keyctl", "mount", "socket", "msgget", "nothing_of_the_kind"],
        action: "SCMP_ACT_ERRNO",
      },
      { names: ["ptrace", "semtimedop", "recvmmsg"], action: "SCMP_ACT_KILL_PROCESS" },
      { names: ["reboot"], action: "SCMP_ACT_KILL" },
      { names: ["swapon"], action: "SCMP_ACT_TRAP" },
      { names: ["swapoff"], action: "SCMP_ACT_TRACE", errnoRet: 77 },
      { names: ["kexec_load"], action: "SCMP_ACT_LOG" },
    ],
  },
  "every operator with 64 bits": {
    defaultAction: "SCMP_ACT_KILL_PROCESS",
    architectures: ALL,
    syscalls: ["NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"].flatMap((op, index) =>
      ["read", "lseek", "prctl", "ioctl", "kcmp", "futex", "mremap"].slice(index, index + 1).map((name) => ({
        names: [name],
        action: "SCMP_ACT_ERRNO",
        errnoRet: 20 + index,
        args: [
          {
            index: index % 6,
            value: "18446744069414584321",
            valueTwo: "18446744069414584320",
            op: `SCMP_CMP_${op}`,
          },
          { index: (index + 2) % 6, value: 40, valueTwo: 8, op: `SCMP_CMP_${op}` },
        ],
      })),
    ),
  },
  "two conditions on one argument": {
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: 13,
    architectures: ALL,
    syscalls: [
      {
        ...allow(["socket", "personality", "shmat"]),
        args: [
          { index: 0, value: 1, op: "SCMP_CMP_EQ" },
          { index: 0, value: 2, op: "SCMP_CMP_EQ" },
          { index: 1, value: 8, op: "SCMP_CMP_GE" },
        ],
      },
    ],
  },
  "rules for one call": {
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: 1,
    architectures: ALL,
    syscalls: [
      // The same as the default: nothing.
      { names: ["read"], action: "SCMP_ACT_ERRNO", errnoRet: 1 },
      { names: ["openat"], action: "SCMP_ACT_ERRNO", args: [{ index: 0, value: 1, op: "SCMP_CMP_EQ" }] },
      { names: ["write"], action: "SCMP_ACT_TRAP", args: [{ index: 0, value: 1, op: "SCMP_CMP_EQ" }] },
      allow(["read", "openat", "write", "close"]),
      { names: ["close", "close_range"], action: "SCMP_ACT_KILL" },
      { names: ["close_range"], action: "SCMP_ACT_LOG", args: [{ index: 0, value: 3, op: "SCMP_CMP_GE" }] },
    ],
  },
  "calls for an agent": {
    defaultAction: "SCMP_ACT_ALLOW",
    architectures: ALL,
    listenerPath: "/run/agent",
    syscalls: [{ names: ["mkdir", "mount", "mknodat", "connect", "sendmsg"], action: "SCMP_ACT_NOTIFY" }],
  },
  "nothing but a default": { defaultAction: "SCMP_ACT_LOG" },
};
