import type { RuntimeSeccomp, RuntimeSeccompArgument, RuntimeSeccompRule } from "../../../spec/index.ts";
import { CAPABILITY_CALLS, COMMON_CALLS } from "./calls.ts";

const EPERM = 1;
const EINVAL = 22;
const ENOSYS = 38;

const AF_NETLINK = 16;
const AF_ALG = 38;
const AF_NFC = 39;
/** AF_KCM, AF_QIPCRTR, AF_SMC, AF_XDP, AF_MCTP: those after AF_VSOCK, 40. */
const LATER_FAMILIES = [41, 42, 43, 44, 45];
const NETLINK_AUDIT = 9;
const INT = 0xffff_ffff;

/** CLONE_NEWNS, _NEWCGROUP, _NEWUTS, _NEWIPC, _NEWUSER, _NEWPID and _NEWNET. */
const NEW_NAMESPACES = 0x7e02_0000;

/** PER_LINUX, PER_LINUX32, each also with UNAME26, and the question which one is set. */
const PERSONALITIES = [0, 8, 0x2_0000, 0x2_0008, 0xffff_ffff];

/**
 * The profile of a container that asks for none: what is not listed answers EPERM, and what is newer than the list
 * ENOSYS. What needs a capability anyway is allowed with that capability only, so that a bug in the kernel's own
 * check, or one behind a user namespace, is not in reach.
 *
 * @param capabilities the container's bounding set, "CAP_…"
 * @param machine as Node.js names it
 */
export function defaultProfile(
  capabilities: readonly string[],
  machine: string = process.arch,
): RuntimeSeccomp {
  const has = (name: string) => capabilities.includes(name);
  const granted = Object.entries(CAPABILITY_CALLS).flatMap(([name, calls]) =>
    has(name) ? calls.split(" ") : [],
  );
  const common = Object.values(COMMON_CALLS).flatMap((calls) => calls.split(" "));
  return {
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: EPERM,
    architectures:
      machine === "arm64" ? ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"] : ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
    syscalls: [
      allow([...common, ...new Set(granted)]),
      ...PERSONALITIES.map((value) => allow(["personality"], [equal(0, value)])),
      ...socketRules(has("CAP_AUDIT_WRITE") || has("CAP_AUDIT_CONTROL")),
      ...(has("CAP_SYS_ADMIN") ? [] : cloneRules()),
    ],
  };
}

/**
 * Sockets of all families but AF_VSOCK, which reaches the machine's hypervisor past every network namespace, and AF_ALG,
 * the kernel's cryptography (CVE-2026-31431). The kernel takes the family as an int and forgets the upper half of the
 * register, while a filter sees all of it: families are therefore listed, not excluded. i386's socketcall has its
 * arguments in memory, where no filter sees them; programs fall back to the single calls.
 */
function socketRules(audit: boolean): RuntimeSeccompRule[] {
  const noAudit = fail(["socket"], EINVAL, [int(0, AF_NETLINK), int(2, NETLINK_AUDIT)]);
  return [
    ...(audit ? [] : [noAudit]),
    allow(["socket"], [{ index: 0, value: AF_ALG, op: "SCMP_CMP_LT" }]),
    ...[AF_NFC, ...LATER_FAMILIES].map((family) => allow(["socket"], [equal(0, family)])),
    fail(["socketcall"], ENOSYS),
  ];
}

/** Processes and threads, but no namespaces. clone3 has its flags in memory: libraries fall back to clone on ENOSYS. */
function cloneRules(): RuntimeSeccompRule[] {
  const none = { index: 0, value: NEW_NAMESPACES, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" };
  return [allow(["clone"], [none]), fail(["clone3"], ENOSYS)];
}

function allow(names: readonly string[], args?: readonly RuntimeSeccompArgument[]): RuntimeSeccompRule {
  return { names, action: "SCMP_ACT_ALLOW", ...(args === undefined ? {} : { args }) };
}

function fail(
  names: readonly string[],
  errnoRet: number,
  args?: readonly RuntimeSeccompArgument[],
): RuntimeSeccompRule {
  return { names, action: "SCMP_ACT_ERRNO", errnoRet, ...(args === undefined ? {} : { args }) };
}

function equal(index: number, value: number): RuntimeSeccompArgument {
  return { index, value, op: "SCMP_CMP_EQ" };
}

/** Equality of what the kernel takes of a register for an int. */
function int(index: number, value: number): RuntimeSeccompArgument {
  return { index, value: INT, valueTwo: value, op: "SCMP_CMP_MASKED_EQ" };
}
