/** Capabilities of capabilities(7); a name's place is its number. */
const NAMES = [
  "CHOWN",
  "DAC_OVERRIDE",
  "DAC_READ_SEARCH",
  "FOWNER",
  "FSETID",
  "KILL",
  "SETGID",
  "SETUID",
  "SETPCAP",
  "LINUX_IMMUTABLE",
  "NET_BIND_SERVICE",
  "NET_BROADCAST",
  "NET_ADMIN",
  "NET_RAW",
  "IPC_LOCK",
  "IPC_OWNER",
  "SYS_MODULE",
  "SYS_RAWIO",
  "SYS_CHROOT",
  "SYS_PTRACE",
  "SYS_PACCT",
  "SYS_ADMIN",
  "SYS_BOOT",
  "SYS_NICE",
  "SYS_RESOURCE",
  "SYS_TIME",
  "SYS_TTY_CONFIG",
  "MKNOD",
  "LEASE",
  "AUDIT_WRITE",
  "AUDIT_CONTROL",
  "SETFCAP",
  "MAC_OVERRIDE",
  "MAC_ADMIN",
  "SYSLOG",
  "WAKE_ALARM",
  "BLOCK_SUSPEND",
  "AUDIT_READ",
  "PERFMON",
  "BPF",
  "CHECKPOINT_RESTORE",
];

const NUMBERS = new Map(NAMES.map((name, number) => [`CAP_${name}`, number]));

/** Every capability name, in the order of the kernel's numbers. */
export const CAPABILITIES: readonly string[] = NAMES.map((name) => `CAP_${name}`);

/** The kernel's number of a capability; undefined for a name that is not known. */
export function capabilityNumber(name: string): number | undefined {
  return NUMBERS.get(name.toUpperCase());
}

/** The value of each capability's bit: bits above 31 rule out JavaScript's shifts. */
const BITS = NAMES.map((_, number) => 2 ** number);

/** The mask that numbers stand for: below 2^53, so exact as a number. */
export function capabilityMask(numbers: readonly number[]): number {
  let mask = 0;
  for (const number of numbers) if (!maskHas(mask, number)) mask += BITS[number]!;
  return mask;
}

/** True when the mask has the capability of that number. */
export function maskHas(mask: number, number: number): boolean {
  return Math.floor(mask / BITS[number]!) % 2 === 1;
}
